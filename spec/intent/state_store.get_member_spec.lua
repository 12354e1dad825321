local t = require "bridge.test"

t.describe("state_store:get_member", function()
  local hs, bot, ghost, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("returns nil when nothing is known, and asks nothing", function()
    t.eq(store:get_member(room, alice.mxid), nil)
    t.eq(hs:asked(), {})
  end)

  t.it("returns membership, name and picture as an event tells them", function()
    bot:join_room(room)
    ghost:ensure_joined(room)
    ghost:set_displayname("Bob")
    ghost:set_avatar_url("mxc://example.org/bob")
    hs:expect_silence()
    t.eq(store:get_member(room, ghost.mxid), { membership = "join", displayname = "Bob", avatar_url = "mxc://example.org/bob" })
  end)

  t.it("leaves out what the member does not have", function()
    store:set_member(room, alice.mxid, { membership = "invite" })
    t.eq(store:get_member(room, alice.mxid), { membership = "invite" })
  end)

  t.it("takes a change of the profile for no join", function()
    bot:join_room(room)
    store:set_member(room, alice.mxid, { membership = "join", displayname = "Alice" })
    alice:send(room, "m.room.member", { membership = "join", displayname = "Alice A." }, { state_key = alice.mxid })
    t.eq(store:get_member(room, alice.mxid), { membership = "join", displayname = "Alice A." })
    alice:leave(room)
    t.eq(store:get_membership(room, alice.mxid), "leave")
  end)

  t.it("knows of one room only what happened there", function()
    store:set_member(room, alice.mxid, { membership = "join" })
    t.eq(store:get_member(alice:room(), alice.mxid), nil)
  end)

  t.it("returns what get_room_member_info was answered", function()
    bot:join_room(room)
    local info = bot:get_room_member_info(room, alice.mxid)
    t.eq(store:get_member(room, alice.mxid), info)
  end)

  t.it("returns the same after a reload", function()
    store:set_member(room, alice.mxid, { membership = "join", displayname = "Alice" })
    hs:reload()
    t.eq(hs.intent.state_store:get_member(room, alice.mxid), { membership = "join", displayname = "Alice" })
  end)
end)
