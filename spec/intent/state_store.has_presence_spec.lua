local t = require "bridge.test"

t.describe("state_store:has_presence", function()
  local hs, bot, ghost, store

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    store = bot.state_store
  end)

  t.it("says no when nothing was shown, and asks nothing", function()
    t.eq(store:has_presence(ghost.mxid, "online"), false)
    t.eq(hs:asked(), {})
  end)

  t.it("says yes of what the user was last shown as, and no of everything else", function()
    ghost:set_presence { presence = "unavailable", status = "out for lunch" }
    t.eq(store:has_presence(ghost.mxid, "unavailable", { status = "out for lunch" }), true)
    t.eq(store:has_presence(ghost.mxid, "unavailable"), false)
    t.eq(store:has_presence(ghost.mxid, "unavailable", { status = "back soon" }), false)
    t.eq(store:has_presence(ghost.mxid, "online", { status = "out for lunch" }), false)
    t.eq(store:has_presence(bot.mxid, "unavailable", { status = "out for lunch" }), false)
  end)

  t.it("says no when showing it failed", function()
    ghost:ensure_registered()
    t.fault { path = "/presence/", status = 403, errcode = "M_FORBIDDEN", error = "no" }
    t.raises(function() ghost:set_presence() end)
    t.eq(store:has_presence(ghost.mxid, "online"), false)
  end)
end)
