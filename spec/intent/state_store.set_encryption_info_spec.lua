local t    = require "bridge.test"
local json = require "bridge.json"

t.describe("state_store:set_encryption_info", function()
  local hs, bot, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("makes the content known, and sends nothing", function()
    store:set_encryption_info(room, { algorithm = "m.megolm.v1.aes-sha2", rotation_period_ms = 1000, rotation_period_msgs = 7 })
    t.eq(store:get_encryption_info(room), { algorithm = "m.megolm.v1.aes-sha2", rotation_period_ms = 1000, rotation_period_msgs = 7 })
    t.eq(store:is_encrypted(room), true)
    t.eq(hs:asked(), {})
    t.eq(hs:state(room, "m.room.encryption"), nil)
  end)

  t.it("makes known with json.null that the room is not encrypted", function()
    store:set_encryption_info(room, json.null)
    t.eq(store:is_encrypted(room), false)
  end)

  t.it("is remembered after a reload", function()
    store:set_encryption_info(room, { algorithm = "m.megolm.v1.aes-sha2" })
    hs:reload()
    t.eq(hs.intent.state_store:get_encryption_info(room), { algorithm = "m.megolm.v1.aes-sha2" })
  end)
end)
