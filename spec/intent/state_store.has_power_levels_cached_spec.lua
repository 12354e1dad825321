local t = require "bridge.test"

t.describe("state_store:has_power_levels_cached", function()
  local hs, bot, ghost, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("says no when nobody has asked, and asks nothing", function()
    bot:join_room(room)
    hs:asked()
    t.eq(store:has_power_levels_cached(room), false)
    t.eq(hs:asked(), {})
  end)

  t.it("says yes when they were asked for, also after a reload", function()
    bot:join_room(room)
    bot:get_power_levels(room)
    t.eq(store:has_power_levels_cached(room), true)
    hs:reload()
    hs:asked()
    bot:get_power_levels(room)
    t.eq(hs:asked(), {})
  end)

  t.it("says yes when the homeserver has sent them", function()
    bot:join_room(room)
    alice:send(room, "m.room.power_levels", { invite = 20 }, { state_key = "" })
    t.eq(store:has_power_levels_cached(room), true)
  end)

  t.it("says no when they may not be read", function()
    bot:join_room(room)
    t.fault { method = "GET", path = "/state/m.room.power_levels", status = 403, errcode = "M_FORBIDDEN", error = "You may not" }
    t.eq(t.raises(function() bot:get_power_levels(room) end).errcode, "M_FORBIDDEN")
    t.eq(store:has_power_levels_cached(room), false)
  end)

  t.it("says no when the room was upgraded, since its levels are lowered then", function()
    bot:join_room(room)
    bot:get_power_levels(room)
    alice:send(room, "m.room.tombstone", { body = "it moved", replacement_room = alice:room() }, { state_key = "" })
    t.eq(store:has_power_levels_cached(room), false)
  end)

  t.it("says no when the last of ours was kicked, and still yes while a ghost is there", function()
    bot:join_room(room)
    ghost:ensure_joined(room)
    bot:get_power_levels(room)
    alice:kick(room, bot.mxid)
    t.eq(store:has_power_levels_cached(room), true)
    alice:kick(room, ghost.mxid)
    t.eq(store:has_power_levels_cached(room), false)
  end)
end)
