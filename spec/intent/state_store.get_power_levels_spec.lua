local t = require "bridge.test"

t.describe("state_store:get_power_levels", function()
  local hs, bot, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("returns nil when they are unknown, and asks nothing", function()
    bot:join_room(room)
    hs:asked()
    t.eq(store:get_power_levels(room), nil)
    t.eq(hs:asked(), {})
  end)

  t.it("returns the content as the homeserver has it, when any call has asked for it", function()
    bot:join_room(room)
    bot:send_text(room, "hello")
    t.eq(store:get_power_levels(room), hs:state(room, "m.room.power_levels"))
  end)

  t.it("returns what an event has changed, with nothing filled in", function()
    bot:join_room(room)
    alice:send(room, "m.room.power_levels", { users = { [bot.mxid] = 50 }, invite = 20 }, { state_key = "" })
    t.eq(store:get_power_levels(room), { users = { [bot.mxid] = 50 }, invite = 20 })
  end)

  t.it("returns nil when the homeserver says that there are none", function()
    bot:join_room(room)
    t.fault { method = "GET", path = "/state/m.room.power_levels", status = 404, errcode = "M_NOT_FOUND", error = "Event not found." }
    bot:get_power_levels(room)
    t.eq(store:get_power_levels(room), nil)
    t.eq(store:has_power_levels_cached(room), true)
  end)
end)
