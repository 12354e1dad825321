local t = require "bridge.test"

t.describe("state_store:update_state", function()
  local hs, bot, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  local function event(event_type, state_key, content)
    return { type = event_type, room_id = room, event_id = "$1", sender = alice.mxid, state_key = state_key,
             origin_server_ts = 1, content = content }
  end

  t.it("takes in who is in the room, and asks nothing", function()
    store:update_state(event("m.room.member", alice.mxid, { membership = "join", displayname = "Al" }))
    t.eq(store:get_member(room, alice.mxid), { membership = "join", displayname = "Al" })
    t.eq(hs:asked(), {})
  end)

  t.it("takes in power levels, the room's beginning and its encryption", function()
    store:update_state(event("m.room.power_levels", "", { users_default = 10 }))
    store:update_state(event("m.room.create", "", { room_version = "12" }))
    store:update_state(event("m.room.encryption", "", { algorithm = "m.megolm.v1.aes-sha2" }))
    t.eq(store:get_power_levels(room), { users_default = 10 })
    t.eq(store:get_create(room), event("m.room.create", "", { room_version = "12" }))
    t.eq(store:is_encrypted(room), true)
  end)

  t.it("forgets the levels and that all members are known, when the room was upgraded", function()
    store:set_members(room, { [alice.mxid] = { membership = "join" } })
    store:set_power_levels(room, {})
    store:update_state(event("m.room.tombstone", "", { replacement_room = "!new:example.org" }))
    t.eq(store:has_power_levels_cached(room), false)
    t.eq(store:has_full_member_list(room), false)
    t.eq(store:is_joined(room, alice.mxid), true)
  end)

  t.it("changes nothing for other events, and for those that it cannot use", function()
    store:set_member(room, alice.mxid, { membership = "join" })
    store:update_state(event("m.room.name", "", { name = "a room" }))
    store:update_state(event("m.room.member", nil, { membership = "leave" }))
    store:update_state(event("m.room.member", alice.mxid, { displayname = "Al" }))
    store:update_state(event("m.room.power_levels", "other", { users_default = 10 }))
    store:update_state(event("m.room.encryption", nil, { algorithm = "m.megolm.v1.aes-sha2" }))
    t.eq(store:get_member(room, alice.mxid), { membership = "join" })
    t.eq(store:has_power_levels_cached(room), false)
    t.eq(store:is_encrypted(room), nil)
  end)

  t.it("refuses an event without a room", function()
    t.raises(function() store:update_state { type = "m.room.name", state_key = "", content = {} } end, "room_id")
  end)
end)
