local t = require "bridge.test"

t.describe("state_store:get_create", function()
  local hs, bot, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("returns nil when it is unknown, and asks nothing", function()
    bot:join_room(room)
    hs:asked()
    t.eq(store:get_create(room), nil)
    t.eq(hs:asked(), {})
  end)

  t.it("returns the whole event when a send has asked for it", function()
    bot:join_room(room)
    bot:send_text(room, "hello")
    local create = store:get_create(room)
    t.eq(create.type, "m.room.create")
    t.eq(create.sender, alice.mxid)
    t.eq(create.content, hs:state(room, "m.room.create"))
    t.eq(create.content.room_version, "12")
  end)

  t.it("returns that of a room that one of ours has made, as the homeserver sends it", function()
    local made = bot:create_room()
    hs:expect_silence()
    t.eq(store:get_create(made).sender, bot.mxid)
  end)

  t.it("returns the same after the last of ours has left, and after a reload", function()
    bot:join_room(room)
    bot:send_text(room, "hello")
    alice:kick(room, bot.mxid)
    hs:reload()
    t.eq(hs.intent.state_store:get_create(room).sender, alice.mxid)
  end)
end)
