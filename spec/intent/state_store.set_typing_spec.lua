local t = require "bridge.test"

t.describe("state_store:set_typing", function()
  local hs, bot, ghost, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("makes the user known as typing for so many milliseconds", function()
    store:set_typing(room, ghost.mxid, true, { timeout = 1000 })
    t.eq(store:is_typing(room, ghost.mxid), true)
    t.eq(hs:asked(), {})
    t.advance("1.1s")
    t.eq(store:is_typing(room, ghost.mxid), false)
  end)

  t.it("makes the user known as not typing any more", function()
    store:set_typing(room, ghost.mxid, true, { timeout = 60000 })
    store:set_typing(room, ghost.mxid, false)
    t.eq(store:is_typing(room, ghost.mxid), false)
  end)

  t.it("takes typing for no time for not typing", function()
    store:set_typing(room, ghost.mxid, true)
    t.eq(store:is_typing(room, ghost.mxid), false)
  end)

  t.it("spares the user's set_typing of the same, and of nothing else", function()
    ghost:ensure_joined(room)
    store:set_typing(room, ghost.mxid, true, { timeout = 60000 })
    hs:asked()
    ghost:set_typing(room)
    t.eq(hs:asked(), {})
    ghost:set_typing(room, { is_typing = false })
    t.eq(hs:asked(), { "PUT /rooms/" .. room .. "/typing/" .. ghost.mxid })
  end)
end)
