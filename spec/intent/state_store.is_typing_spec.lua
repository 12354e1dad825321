local t = require "bridge.test"

t.describe("state_store:is_typing", function()
  local hs, bot, ghost, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("says no when nothing was shown, and asks nothing", function()
    t.eq(store:is_typing(room, ghost.mxid), false)
    t.eq(hs:asked(), {})
  end)

  t.it("says yes while the user is shown as typing, in that room", function()
    ghost:set_typing(room)
    t.eq(store:is_typing(room, ghost.mxid), true)
    t.eq(store:is_typing(room, bot.mxid), false)
    t.eq(store:is_typing(alice:room(), ghost.mxid), false)
    ghost:set_typing(room, { is_typing = false })
    t.eq(store:is_typing(room, ghost.mxid), false)
  end)

  t.it("says no when the time is over", function()
    ghost:set_typing(room, { timeout = 1000 })
    t.eq(store:is_typing(room, ghost.mxid), true)
    t.advance("1.1s")
    t.eq(store:is_typing(room, ghost.mxid), false)
  end)

  t.it("says no when showing it failed", function()
    ghost:ensure_joined(room)
    t.fault { path = "/typing/", status = 403, errcode = "M_FORBIDDEN", error = "no" }
    t.raises(function() ghost:set_typing(room) end)
    t.eq(store:is_typing(room, ghost.mxid), false)
  end)
end)
