local t    = require "bridge.test"
local json = require "bridge.json"

t.describe("state_store:get_encryption_info", function()
  local hs, bot, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("returns nil when nothing is known, and asks nothing", function()
    t.eq(store:get_encryption_info(room), nil)
    t.eq(hs:asked(), {})
  end)

  t.it("returns what the homeserver sends when the room becomes encrypted", function()
    bot:join_room(room)
    alice:send(room, "m.room.encryption", { algorithm = "m.megolm.v1.aes-sha2", rotation_period_msgs = 7 }, { state_key = "" })
    t.eq(store:get_encryption_info(room), { algorithm = "m.megolm.v1.aes-sha2", rotation_period_msgs = 7 })
  end)

  t.it("returns the state that a call has asked for", function()
    alice:send(room, "m.room.encryption", { algorithm = "m.megolm.v1.aes-sha2" }, { state_key = "" })
    bot:join_room(room)
    bot:get_state(room)
    t.eq(store:get_encryption_info(room), { algorithm = "m.megolm.v1.aes-sha2" })
  end)

  t.it("returns nil when the room is known not to be encrypted", function()
    store:set_encryption_info(room, json.null)
    t.eq(store:get_encryption_info(room), nil)
  end)
end)
