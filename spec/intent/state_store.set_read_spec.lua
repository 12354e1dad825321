local t = require "bridge.test"

t.describe("state_store:set_read", function()
  local hs, bot, ghost, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("makes known what the user has read, in place of what it had", function()
    store:set_read(room, ghost.mxid, "$one")
    store:set_read(room, ghost.mxid, "$two")
    t.eq(store:get_read(room, ghost.mxid), "$two")
    t.eq(hs:asked(), {})
  end)

  t.it("spares mark_read of the same event, and of no other", function()
    local first, second = alice:say(room, "one"), alice:say(room, "two")
    ghost:ensure_joined(room)
    store:set_read(room, ghost.mxid, first)
    hs:asked()
    ghost:mark_read(room, first)
    t.eq(hs:asked(), {})
    ghost:mark_read(room, second)
    t.eq(hs:asked(), { "POST /rooms/" .. room .. "/read_markers" })
  end)
end)
