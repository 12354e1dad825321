local t = require "bridge.test"

t.describe("state_store:left", function()
  local hs, bot, ghost, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("makes the user known as not in the room, and keeps its profile", function()
    store:set_member(room, alice.mxid, { membership = "join", displayname = "Alice", avatar_url = "mxc://example.org/alice" })
    store:left(room, alice.mxid)
    t.eq(store:get_member(room, alice.mxid), { membership = "leave", displayname = "Alice", avatar_url = "mxc://example.org/alice" })
    t.eq(hs:asked(), {})
  end)

  t.it("makes the user join again at the next call", function()
    ghost:ensure_joined(room)
    store:left(room, ghost.mxid)
    hs:asked()
    t.eq(ghost:ensure_joined(room), true)
    t.eq(hs:asked(), { "POST /join/" .. room })
  end)
end)
