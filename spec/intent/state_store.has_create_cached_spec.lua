local t = require "bridge.test"

t.describe("state_store:has_create_cached", function()
  local hs, bot, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("says no when nobody has asked, and asks nothing", function()
    bot:join_room(room)
    hs:asked()
    t.eq(store:has_create_cached(room), false)
    t.eq(hs:asked(), {})
  end)

  t.it("says yes when a send has asked, and the next send does not ask again", function()
    bot:join_room(room)
    bot:send_text(room, "hello")
    t.eq(store:has_create_cached(room), true)
    hs:asked()
    bot:send_text(room, "hello again")
    t.eq(hs:asked(), { "PUT /rooms/" .. room .. "/send/m.room.message/TXN" })
  end)

  t.it("says no when only its content was asked for: that does not tell who made the room", function()
    bot:join_room(room)
    bot:get_state_event(room, "m.room.create")
    t.eq(store:has_create_cached(room), false)
    bot:get_state_event(room, "m.room.create", { format = "event" })
    t.eq(store:has_create_cached(room), true)
  end)
end)
