local t = require "bridge.test"

t.describe("state_store:set_power_levels", function()
  local hs, bot, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("replaces what is known, and sends nothing", function()
    store:set_power_levels(room, { users = { [alice.mxid] = 100 }, invite = 20 })
    store:set_power_levels(room, { users_default = 10 })
    t.eq(store:get_power_levels(room), { users_default = 10 })
    t.eq(store:has_power_levels_cached(room), true)
    t.eq(hs:asked(), {})
    t.eq(hs:state(room, "m.room.power_levels").users_default, 0)
  end)

  t.it("is what a send is checked against", function()
    bot:join_room(room)
    bot:send_text(room, "the create event is known now")
    store:set_power_levels(room, { events_default = 10 })
    hs:asked()
    t.raises(function() bot:send_text(room, "hello") end, "power level")
    t.eq(hs:asked(), {})
    store:set_power_levels(room, { events_default = 10, users = { [bot.mxid] = 10 } })
    bot:send_text(room, "hello")
    t.eq(hs:asked(), { "PUT /rooms/" .. room .. "/send/m.room.message/TXN" })
  end)

  t.it("is remembered after a reload", function()
    store:set_power_levels(room, { ban = 30 })
    hs:reload()
    t.eq(hs.intent.state_store:get_power_levels(room), { ban = 30 })
  end)
end)
