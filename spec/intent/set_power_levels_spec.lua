local t = require "bridge.test"

t.describe("intent:set_power_levels", function()
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

  local function levels() return { users = { [bot.mxid] = 50, [ghost.mxid] = 50 }, invite = 10 } end

  local function path(r) return "PUT /rooms/" .. (r or room) .. "/state/m.room.power_levels" end

  t.it("sets m.room.power_levels, and returns the event's ID", function()
    local id = bot:set_power_levels(room, levels())
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, path())
    t.eq(made[1].user, bot.mxid)
    t.eq(made[1].content, levels())
    t.eq(hs:state(room, "m.room.power_levels"), levels())
    local evt = bot:get_event(room, id)
    t.eq({ evt.type, evt.state_key, evt.sender }, { "m.room.power_levels", "", bot.mxid })
  end)

  t.it("lets the store know the levels, so that they count at once", function()
    ghost:ensure_joined(room)
    t.raises(function() ghost:set_room_name(room, "Hall") end, "power level")
    bot:set_power_levels(room, levels())
    t.eq(bot.state_store:get_power_levels(room), levels())
    hs:asked()
    ghost:set_room_name(room, "Hall")
    t.eq(hs:asked(), { "PUT /rooms/" .. room .. "/state/m.room.name" })
  end)

  t.it("sets what get_power_levels returned, with a change", function()
    local known = bot:get_power_levels(room)
    known.users[ghost.mxid] = 25
    bot:set_power_levels(room, known)
    t.eq(hs:state(room, "m.room.power_levels").users, { [bot.mxid] = 50, [ghost.mxid] = 25 })
    t.eq(bot:get_power_levels(room, { ignore_cache = true }), known)
  end)

  t.it("gives nobody more than the user has itself, and a refusal leaves what was known", function()
    local err = t.raises(function() bot:set_power_levels(room, { users = { [bot.mxid] = 50, [ghost.mxid] = 51 } }) end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
    t.eq(bot.state_store:get_power_levels(room).users, { [bot.mxid] = 50 })
  end)

  t.it("tells M_BAD_JSON of a level that is no integer, or too large", function()
    for _, level in ipairs { "50", 1.5, true, 2^53 } do
      local err = t.raises(function() bot:set_power_levels(room, { users = { [bot.mxid] = 50 }, invite = level }) end)
      t.eq({ err.errcode, err.status }, { "M_BAD_JSON", 400 })
    end
  end)

  t.it("sets levels up to 2^53 - 1", function()
    local most = 2^53 - 1
    as_alice:set_power_levels(room, { users = { [bot.mxid] = most }, invite = most })
    t.eq(bot:get_power_levels(room, { ignore_cache = true }).users[bot.mxid], most)
    bot:set_room_name(room, "Hall")
    t.eq(hs:state(room, "m.room.name"), { name = "Hall" })
  end)

  t.it("is refused when a creator stands among the users", function()
    local err = t.raises(function() bot:set_power_levels(room, { users = { [bot.mxid] = 50, [alice.mxid] = 50 } }) end)
    t.eq(err.status, 400)
    t.eq(hs:state(room, "m.room.power_levels").users, { [bot.mxid] = 50 })
  end)

  t.it("registers and joins the user first, and looks at the power levels", function()
    local other = alice:room()
    alice:send(other, "m.room.power_levels", { users = { [ghost.mxid] = 50 } }, { state_key = "" })
    ghost:set_power_levels(other, levels())
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. other, "GET /rooms/" .. other .. "/state/m.room.power_levels",
      "GET /rooms/" .. other .. "/state/m.room.create?format=event", path(other) })
    t.eq(hs:state(other, "m.room.power_levels"), levels())
  end)

  t.it("asks nothing when the power levels forbid it", function()
    ghost:ensure_joined(room)
    hs:asked()
    local err = t.raises(function() ghost:set_power_levels(room, levels()) end, "power level of " .. ghost.mxid:gsub("%p", "%%%0"))
    t.eq({ err.errcode, err.status }, {})
    t.eq(hs:asked(), {})
  end)

  t.it("tells M_FORBIDDEN where the user cannot come in", function()
    local shut = alice:room { private = true }
    alice:send(shut, "m.room.power_levels", { invite = 50 }, { state_key = "" })
    local err = t.raises(function() ghost:set_power_levels(shut, levels()) end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
  end)

  t.it("says when it happened with timestamp", function()
    local id = bot:set_power_levels(room, levels(), { timestamp = 1700000000000 })
    t.eq(hs:asked(), { path() .. "?ts=1700000000000" })
    t.eq(bot:get_event(room, id).origin_server_ts, 1700000000000)
  end)

  t.it("sends further headers and query parameters", function()
    bot:set_power_levels(room, levels(), { headers = { ["X-Example"] = "one" }, query_params = { ["com.example.two"] = "a b" } })
    local made = hs:requests()
    t.eq(made[1].headers["x-example"], "one")
    t.eq(made[1].query, { ["com.example.two"] = "a b" })
  end)

  t.it("joins nothing with ensure_joined = false", function()
    alice:say(room, "all of this is known")
    bot.state_store:left(room, bot.mxid)
    bot:set_power_levels(room, levels(), { ensure_joined = false })
    t.eq(hs:asked(), { path() })
  end)

  t.it("is tried no more often than retry_count says", function()
    t.fault { method = "PUT", path = "/state/m.room.power_levels", status = 503, times = 2 }
    local err = t.raises(function() bot:set_power_levels(room, levels(), { retry_count = 0 }) end)
    t.eq(err.status, 503)
    t.eq(hs:asked(), { path() })
  end)

  t.it("marks what a double puppet sets", function()
    as_alice:set_power_levels(room, levels())
    t.eq(hs:requests()[1].user, nil)
    t.eq(hs:state(room, "m.room.power_levels")["fi.mau.double_puppet_source"], "bridgehost")
  end)
end)
