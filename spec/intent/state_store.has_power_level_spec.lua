local t = require "bridge.test"

t.describe("state_store:has_power_level", function()
  local hs, bot, ghost, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  local bob, carol = "@bob:example.org", "@carol:example.org"

  local function create(version, content)
    content.room_version = version
    store:set_create { type = "m.room.create", room_id = room, state_key = "", sender = bob, content = content }
  end

  t.it("is nil when the levels are unknown, and asks nothing", function()
    bot:join_room(room)
    hs:asked()
    t.eq(store:has_power_level(room, alice.mxid, "m.room.name"), nil)
    t.eq(hs:asked(), {})
  end)

  t.it("compares the user's level with that of the type", function()
    store:set_power_levels(room, {
      users = { [bob] = 50 }, users_default = 10,
      events = { ["m.room.name"] = 60, ["m.reaction"] = 20 }, state_default = 40, events_default = 10,
    })
    t.eq(store:has_power_level(room, bob, "m.room.name"), false)
    t.eq(store:has_power_level(room, bob, "m.room.topic"), true)
    t.eq(store:has_power_level(room, bob, "m.reaction"), true)
    t.eq(store:has_power_level(room, carol, "m.room.topic"), false)
    t.eq(store:has_power_level(room, carol, "m.room.message"), true)
    t.eq(store:has_power_level(room, carol, "m.reaction"), false)
  end)

  t.it("takes 0 for users and messages and 50 for state, where a levels event says nothing", function()
    store:set_power_levels(room, { users = { [bob] = 50 } })
    t.eq(store:has_power_level(room, carol, "m.room.message"), true)
    t.eq(store:has_power_level(room, carol, "m.room.name"), false)
    t.eq(store:has_power_level(room, bob, "m.room.name"), true)
    store:set_power_levels(room, { users = { [bob] = 49 } })
    t.eq(store:has_power_level(room, bob, "m.room.name"), false)
  end)

  t.it("reads levels that are strings, as old rooms have them", function()
    store:set_power_levels(room, { users = { [bob] = "100", [carol] = " 9 " }, events = { ["m.room.name"] = "50", ["m.reaction"] = "9" } })
    t.eq(store:has_power_level(room, bob, "m.room.name"), true)
    t.eq(store:has_power_level(room, carol, "m.room.name"), false)
    t.eq(store:has_power_level(room, carol, "m.reaction"), true)
  end)

  t.it("compares levels up to the largest that JSON can hold exactly", function()
    store:set_power_levels(room, { users = { [bob] = 9007199254740992, [carol] = 9007199254740991 }, events = { ["m.room.name"] = 9007199254740992 } })
    t.eq(store:has_power_level(room, bob, "m.room.name"), true)
    t.eq(store:has_power_level(room, carol, "m.room.name"), false)
  end)

  t.it("knows that without a levels event the creator has 100, and state takes nothing", function()
    bot:join_room(room)
    create("11", {})
    t.fault { method = "GET", path = "/state/m.room.power_levels", status = 404, errcode = "M_NOT_FOUND", error = "Event not found." }
    bot:get_power_levels(room)
    t.eq(store:has_power_level(room, carol, "m.room.name"), true)
    t.eq(store:has_power_level(room, carol, "m.room.message"), true)
    t.eq(store:has_power_level(room, bob, "m.room.name"), true)
  end)

  t.it("gives the creator no more than its level before room version 12", function()
    create("11", { additional_creators = { carol } })
    store:set_power_levels(room, { events = { ["m.room.name"] = 60 }, users = { [bob] = 50 } })
    t.eq(store:has_power_level(room, bob, "m.room.name"), false)
    t.eq(store:has_power_level(room, carol, "m.room.name"), false)
  end)

  t.it("lets the creators outrank every number from room version 12 on", function()
    create("12", { additional_creators = { carol } })
    store:set_power_levels(room, { events = { ["m.room.name"] = 9007199254740992 } })
    t.eq(store:has_power_level(room, bob, "m.room.name"), true)
    t.eq(store:has_power_level(room, carol, "m.room.name"), true)
    t.eq(store:has_power_level(room, "@dan:example.org", "m.room.name"), false)
  end)

  t.it("knows the creators of a room that an intent has made", function()
    local made = bot:create_room { room_version = "12", creation_content = { additional_creators = { alice.mxid } } }
    bot:send_text(made, "hello")
    t.eq(store:has_power_level(made, bot.mxid, "m.room.tombstone"), true)
    t.eq(store:has_power_level(made, alice.mxid, "m.room.tombstone"), true)
    t.eq(store:has_power_level(made, ghost.mxid, "m.room.tombstone"), false)
  end)

  t.it("follows what the homeserver sends", function()
    bot:join_room(room)
    alice:send(room, "m.room.power_levels", { users = { [bot.mxid] = 50 } }, { state_key = "" })
    t.eq(store:has_power_level(room, bot.mxid, "m.room.name"), true)
    alice:send(room, "m.room.power_levels", {}, { state_key = "" })
    t.eq(store:has_power_level(room, bot.mxid, "m.room.name"), false)
  end)
end)
