local t = require "bridge.test"

t.describe("state_store:set_create", function()
  local hs, bot, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  local function event(content)
    return { type = "m.room.create", room_id = room, state_key = "", sender = alice.mxid, content = content }
  end

  t.it("makes the event known, in place of the former one", function()
    store:set_create(event { room_version = "10" })
    store:set_create(event { room_version = "12" })
    t.eq(store:get_create(room), event { room_version = "12" })
    t.eq(store:has_create_cached(room), true)
    t.eq(hs:asked(), {})
  end)

  t.it("spares a send the question", function()
    bot:join_room(room)
    store:set_create(event { room_version = "12" })
    hs:asked()
    bot:send_text(room, "hello")
    t.eq(hs:asked(), { "GET /rooms/" .. room .. "/state/m.room.power_levels", "PUT /rooms/" .. room .. "/send/m.room.message/TXN" })
  end)

  t.it("refuses an event without a room", function()
    t.raises(function() store:set_create { type = "m.room.create", state_key = "", sender = alice.mxid, content = {} } end, "room_id")
  end)

  t.it("is remembered after a reload", function()
    store:set_create(event { room_version = "12" })
    hs:reload()
    t.eq(hs.intent.state_store:get_create(room), event { room_version = "12" })
  end)
end)
