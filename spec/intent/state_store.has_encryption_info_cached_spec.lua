local t    = require "bridge.test"
local json = require "bridge.json"

t.describe("state_store:has_encryption_info_cached", function()
  local hs, bot, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("says no when nothing is known, and asks nothing", function()
    bot:join_room(room)
    hs:asked()
    t.eq(store:has_encryption_info_cached(room), false)
    t.eq(hs:asked(), {})
  end)

  t.it("says yes when the room is known to be encrypted, or not to be", function()
    store:set_encryption_info(room, { algorithm = "m.megolm.v1.aes-sha2" })
    t.eq(store:has_encryption_info_cached(room), true)
    local other = alice:room()
    store:set_encryption_info(other, json.null)
    t.eq(store:has_encryption_info_cached(other), true)
  end)

  t.it("still says yes when the last of ours has left: encryption does not end", function()
    bot:join_room(room)
    alice:send(room, "m.room.encryption", { algorithm = "m.megolm.v1.aes-sha2" }, { state_key = "" })
    alice:kick(room, bot.mxid)
    t.eq(store:has_encryption_info_cached(room), true)
  end)
end)
