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
    ghost:set_displayname("Bob")
    ghost:set_avatar_url("mxc://example.org/bob")
    ghost:ensure_joined(room)
    hs:expect_silence()
    t.eq(store:get_member(room, ghost.mxid), { membership = "join", displayname = "Bob", avatar_url = "mxc://example.org/bob" })
  end)

  t.it("leaves out what the member does not have", function()
    store:set_member(room, alice.mxid, { membership = "invite" })
    t.eq(store:get_member(room, alice.mxid), { membership = "invite" })
  end)

  t.it("returns a changed name; handlers of joins do not take that for a join", function()
    hs:reload { source = [[
      local bridge = require "bridge"
      bridge.on("join", function(evt) intent:send_text(evt.room_id, "welcome") end)
    ]] }
    bot:join_room(room)
    local carol = hs:user("carol")
    carol:join(room)
    hs:expect_message { room = room, body = "welcome" }
    carol:send(room, "m.room.member", { membership = "join", displayname = "Carol C." }, { state_key = carol.mxid })
    hs:expect_silence()
    t.eq(store:get_member(room, carol.mxid), { membership = "join", displayname = "Carol C." })
  end)

  t.it("returns nothing of others when the last of ours was kicked, and still what is known of ours", function()
    local carol = hs:user("carol")
    bot:join_room(room)
    carol:join(room)
    alice:kick(room, bot.mxid)
    t.eq(store:get_member(room, carol.mxid), nil)
    t.eq(store:get_member(room, bot.mxid), { membership = "leave" })
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
