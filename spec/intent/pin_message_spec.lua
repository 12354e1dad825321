local t = require "bridge.test"

t.describe("intent:pin_message", function()
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

  t.it("puts the event at the end of the list", function()
    pin { pinned = { "$b", "$a" } }
    t.eq(bot:pin_message(room, "$c"), nil)
    local made = hs:requests()
    t.eq({ made[1].line, made[2].line, #made }, { get(), put(), 2 })
    t.eq(made[2].content, { pinned = { "$b", "$a", "$c" } })
    t.eq(pinned(), { pinned = { "$b", "$a", "$c" } })
  end)

  t.it("makes the list when there is none", function()
    local id = alice:say(room, "hello")
    bot:pin_message(room, id)
    t.eq(pinned(), { pinned = { id } })
  end)

  t.it("sets nothing when the event is in the list", function()
    pin { pinned = { "$b", "$a" } }
    bot:pin_message(room, "$b")
    t.eq(hs:asked(), { get() })
  end)

  t.it("makes a list of what is none", function()
    pin { pinned = "$b" }
    bot:pin_message(room, "$a")
    t.eq(pinned(), { pinned = { "$a" } })
  end)

  t.it("writes back the list alone, with what is in it twice", function()
    pin { pinned = { "$b", "$b" }, ["com.example.other"] = true }
    bot:pin_message(room, "$a")
    t.eq(pinned(), { pinned = { "$b", "$b", "$a" } })
  end)

  t.it("registers and joins the user first, and looks at the power levels before it sets the list", function()
    local other = alice:room()
    alice:send(other, "m.room.power_levels", { users = { [ghost.mxid] = 50 } }, { state_key = "" })
    alice:send(other, "m.room.pinned_events", { pinned = { "$a", "$b" } }, { state_key = "" })
    ghost:pin_message(other, "$c")
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. other, get(other), "GET /rooms/" .. other .. "/state/m.room.power_levels",
      "GET /rooms/" .. other .. "/state/m.room.create?format=event", put(other) })
  end)

  t.it("needs no power when there is nothing to change", function()
    pin { pinned = { "$a", "$b" } }
    ghost:ensure_joined(room)
    hs:asked()
    ghost:pin_message(room, "$a")
    t.eq(hs:asked(), { get() })
  end)

  t.it("sets nothing when the power levels forbid it", function()
    pin { pinned = { "$a", "$b" } }
    ghost:ensure_joined(room)
    hs:asked()
    local err = t.raises(function() ghost:pin_message(room, "$c") end, "power level")
    t.eq({ err.errcode, err.status }, {})
    t.eq(hs:asked(), { get() })
  end)

  t.it("sets nothing when the list cannot be read", function()
    pin { pinned = { "$a", "$b" } }
    t.fault { method = "GET", path = "/state/m.room.pinned_events", status = 403, errcode = "M_FORBIDDEN", error = "no" }
    t.eq(t.raises(function() bot:pin_message(room, "$c") end).errcode, "M_FORBIDDEN")
    t.eq(hs:asked(), { get() })
    t.eq(pinned(), { pinned = { "$a", "$b" } })
  end)

  t.it("tells M_FORBIDDEN where the user cannot come in", function()
    local shut = alice:room { private = true }
    alice:send(shut, "m.room.power_levels", { invite = 50 }, { state_key = "" })
    local err = t.raises(function() ghost:pin_message(shut, "$a") end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
  end)

  t.it("marks what a double puppet sets", function()
    pin { pinned = { "$a", "$b" } }
    as_alice:pin_message(room, "$c")
    t.eq(pinned()["fi.mau.double_puppet_source"], "bridgehost")
  end)
end)
