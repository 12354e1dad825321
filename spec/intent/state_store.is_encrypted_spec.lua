local t    = require "bridge.test"
local json = require "bridge.json"

t.describe("state_store:is_encrypted", function()
  local hs, bot, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("is nil when nothing is known, and asks nothing", function()
    bot:join_room(room)
    hs:asked()
    t.eq(store:is_encrypted(room), nil)
    t.eq(hs:asked(), {})
  end)

  t.it("says yes when the room has become encrypted", function()
    bot:join_room(room)
    alice:send(room, "m.room.encryption", { algorithm = "m.megolm.v1.aes-sha2" }, { state_key = "" })
    t.eq(store:is_encrypted(room), true)
  end)

  t.it("says yes of a room that an intent has made so", function()
    local encryption = { type = "m.room.encryption", state_key = "", content = { algorithm = "m.megolm.v1.aes-sha2" } }
    local made = bot:create_room { initial_state = { encryption } }
    t.eq(store:is_encrypted(made), true)
  end)

  t.it("says no when the room is known not to be, also after a reload", function()
    store:set_encryption_info(room, json.null)
    t.eq(store:is_encrypted(room), false)
    hs:reload()
    t.eq(hs.intent.state_store:is_encrypted(room), false)
  end)
end)
