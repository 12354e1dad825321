local t = require "bridge.test"

t.describe("intent:set_join_rule", function()
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

  local function path(r) return "PUT /rooms/" .. (r or room) .. "/state/m.room.join_rules" end

  t.it("sets m.room.join_rules, and returns the event's ID", function()
    local id = bot:set_join_rule(room, "invite")
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, path())
    t.eq(made[1].user, bot.mxid)
    t.eq(made[1].content, { join_rule = "invite" })
    t.eq(hs:state(room, "m.room.join_rules"), { join_rule = "invite" })
    local evt = bot:get_event(room, id)
    t.eq({ evt.type, evt.state_key, evt.sender }, { "m.room.join_rules", "", bot.mxid })
  end)

  t.it("says who may join", function()
    bot:set_join_rule(room, "invite")
    local carol = bot:user(hs:user("carol").mxid, { token = hs:user("carol").token })
    t.eq(t.raises(function() carol:join_room(room) end).errcode, "M_FORBIDDEN")
    bot:set_join_rule(room, "public")
    carol:join_room(room)
    t.eq(hs:members(room)[carol.mxid], "join")
  end)

  t.it("passes on a rule that is not known", function()
    bot:set_join_rule(room, "com.example.quiz")
    t.eq(hs:state(room, "m.room.join_rules"), { join_rule = "com.example.quiz" })
  end)

  t.it("registers and joins the user first, and looks at the power levels", function()
    local other = alice:room()
    alice:send(other, "m.room.power_levels", { users = { [ghost.mxid] = 50 } }, { state_key = "" })
    ghost:set_join_rule(other, "invite")
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. other, "GET /rooms/" .. other .. "/state/m.room.power_levels",
      "GET /rooms/" .. other .. "/state/m.room.create?format=event", path(other) })
    t.eq(hs:state(other, "m.room.join_rules"), { join_rule = "invite" })
  end)

  t.it("asks nothing when the power levels forbid it", function()
    ghost:ensure_joined(room)
    hs:asked()
    local err = t.raises(function() ghost:set_join_rule(room, "invite") end, "power level of " .. ghost.mxid:gsub("%p", "%%%0"))
    t.eq({ err.errcode, err.status }, {})
    t.eq(hs:asked(), {})
  end)

  t.it("tells M_FORBIDDEN where the user cannot come in", function()
    local shut = alice:room { private = true }
    alice:send(shut, "m.room.power_levels", { invite = 50 }, { state_key = "" })
    local err = t.raises(function() ghost:set_join_rule(shut, "invite") end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
  end)

  t.it("says when it happened with timestamp", function()
    local id = bot:set_join_rule(room, "invite", { timestamp = 1700000000000 })
    t.eq(hs:asked(), { path() .. "?ts=1700000000000" })
    t.eq(bot:get_event(room, id).origin_server_ts, 1700000000000)
  end)

  t.it("sends further headers and query parameters", function()
    bot:set_join_rule(room, "invite", { headers = { ["X-Example"] = "one" }, query_params = { ["com.example.two"] = "a b" } })
    local made = hs:requests()
    t.eq(made[1].headers["x-example"], "one")
    t.eq(made[1].query, { ["com.example.two"] = "a b" })
  end)

  t.it("joins nothing with ensure_joined = false", function()
    alice:say(room, "all of this is known")
    bot.state_store:left(room, bot.mxid)
    bot:set_join_rule(room, "invite", { ensure_joined = false })
    t.eq(hs:asked(), { path() })
  end)

  t.it("is tried no more often than retry_count says", function()
    t.fault { method = "PUT", path = "/state/m.room.join_rules", status = 503, times = 2 }
    local err = t.raises(function() bot:set_join_rule(room, "invite", { retry_count = 0 }) end)
    t.eq(err.status, 503)
    t.eq(hs:asked(), { path() })
  end)

  t.it("marks what a double puppet sets", function()
    as_alice:set_join_rule(room, "invite")
    t.eq(hs:requests()[1].user, nil)
    t.eq(hs:state(room, "m.room.join_rules")["fi.mau.double_puppet_source"], "bridgehost")
  end)
end)
