local t = require "bridge.test"

t.describe("intent:unpin_message", function()
  local hs, bot, ghost, alice, as_alice, room

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    room     = alice:room()
    bot:join_room(room)
    as_alice:set_power_levels(room, { users = { [bot.mxid] = 50 } })
    hs:asked()
  end)

  local function pin(content) alice:send(room, "m.room.pinned_events", content, { state_key = "" }) end

  local function pinned() return hs:state(room, "m.room.pinned_events") end

  local function get(r) return "GET /rooms/" .. (r or room) .. "/state/m.room.pinned_events" end

  local function put(r) return "PUT /rooms/" .. (r or room) .. "/state/m.room.pinned_events" end

  t.it("takes the event out of the list, and keeps the order of the others", function()
    pin { pinned = { "$b", "$c", "$a" } }
    t.eq(bot:unpin_message(room, "$c"), nil)
    local made = hs:requests()
    t.eq({ made[1].line, made[2].line, #made }, { get(), put(), 2 })
    t.eq(made[2].content, { pinned = { "$b", "$a" } })
    t.eq(pinned(), { pinned = { "$b", "$a" } })
  end)

  t.it("takes out what is in it twice", function()
    pin { pinned = { "$b", "$a", "$b" } }
    bot:unpin_message(room, "$b")
    t.eq(pinned(), { pinned = { "$a" } })
  end)

  t.it("leaves an empty list when it was the only one", function()
    pin { pinned = { "$a" } }
    bot:unpin_message(room, "$a")
    t.eq(pinned(), { pinned = {} })
    t.eq(bot:get_pinned_messages(room), {})
  end)

  t.it("sets nothing when the event is not in the list, or there is none", function()
    bot:unpin_message(room, "$a")
    pin { pinned = { "$b" } }
    bot:unpin_message(room, "$a")
    t.eq(hs:asked(), { get(), get() })
  end)

  t.it("registers and joins the user first, and looks at the power levels before it sets the list", function()
    local other = alice:room()
    alice:send(other, "m.room.power_levels", { users = { [ghost.mxid] = 50 } }, { state_key = "" })
    alice:send(other, "m.room.pinned_events", { pinned = { "$a", "$b" } }, { state_key = "" })
    ghost:unpin_message(other, "$a")
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. other, get(other), "GET /rooms/" .. other .. "/state/m.room.power_levels",
      "GET /rooms/" .. other .. "/state/m.room.create?format=event", put(other) })
  end)

  t.it("needs no power when there is nothing to change", function()
    pin { pinned = { "$a", "$b" } }
    ghost:ensure_joined(room)
    hs:asked()
    ghost:unpin_message(room, "$c")
    t.eq(hs:asked(), { get() })
  end)

  t.it("sets nothing when the power levels forbid it", function()
    pin { pinned = { "$a", "$b" } }
    ghost:ensure_joined(room)
    hs:asked()
    local err = t.raises(function() ghost:unpin_message(room, "$a") end, "power level")
    t.eq({ err.errcode, err.status }, {})
    t.eq(hs:asked(), { get() })
  end)

  t.it("sets nothing when the list cannot be read", function()
    pin { pinned = { "$a", "$b" } }
    t.fault { method = "GET", path = "/state/m.room.pinned_events", status = 403, errcode = "M_FORBIDDEN", error = "no" }
    t.eq(t.raises(function() bot:unpin_message(room, "$a") end).errcode, "M_FORBIDDEN")
    t.eq(hs:asked(), { get() })
    t.eq(pinned(), { pinned = { "$a", "$b" } })
  end)

  t.it("tells M_FORBIDDEN where the user cannot come in", function()
    local shut = alice:room { private = true }
    alice:send(shut, "m.room.power_levels", { invite = 50 }, { state_key = "" })
    local err = t.raises(function() ghost:unpin_message(shut, "$a") end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
  end)

  t.it("marks what a double puppet sets", function()
    pin { pinned = { "$a", "$b" } }
    as_alice:unpin_message(room, "$a")
    t.eq(pinned()["fi.mau.double_puppet_source"], "bridgehost")
  end)
end)
