local t = require "bridge.test"

t.describe("state_store:set_presence", function()
  local hs, bot, ghost, store

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    store = bot.state_store
  end)

  t.it("makes the presence known, in place of the former one", function()
    store:set_presence(ghost.mxid, "online", { status = "at work" })
    store:set_presence(ghost.mxid, "offline")
    t.eq(store:has_presence(ghost.mxid, "offline"), true)
    t.eq(store:has_presence(ghost.mxid, "online", { status = "at work" }), false)
    t.eq(hs:asked(), {})
  end)

  t.it("spares the user's set_presence of the same, and of nothing else", function()
    ghost:ensure_registered()
    store:set_presence(ghost.mxid, "unavailable", { status = "out" })
    hs:asked()
    ghost:set_presence { presence = "unavailable", status = "out" }
    t.eq(hs:asked(), {})
    ghost:set_presence { presence = "unavailable" }
    t.eq(hs:asked(), { "PUT /presence/" .. ghost.mxid .. "/status" })
  end)

  t.it("refuses a word that is no presence", function()
    t.raises(function() store:set_presence(ghost.mxid, "away") end, "presence")
  end)
end)
