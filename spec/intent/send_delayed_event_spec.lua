local t = require "bridge.test"

t.describe("intent:send_delayed_event", function()
  local hs, bot, ghost, alice, as_alice, room

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    room     = alice:room()
    hs:asked()
  end)

  local function text(body) return { msgtype = "m.text", body = body } end
  local function line(delay) return "PUT /rooms/" .. room .. "/send/m.room.message/TXN?org.matrix.msc4140.delay=" .. delay end

  -- ready makes the ghost a member that knows the room's levels.
  local function ready()
    ghost:ensure_joined(room)
    ghost:send_text(room, "ready")
    hs:asked()
  end

  -- last is the newest message of the room.
  local function last()
    return as_alice:get_messages(room, "b", { limit = 1, filter_json = '{"types":["m.room.message"]}' }).events[1]
  end

  t.it("joins the room, looks at the levels, and returns the delay's ID", function()
    local delay_id = ghost:send_delayed_event(room, "m.room.message", text("later"), 60000)
    t.matches(delay_id, "^%S+$")
    local made = hs:requests()
    t.eq(#made, 5)
    t.eq(made[1].line, "POST /register?kind=user")
    t.eq(made[2].line, "POST /join/" .. room)
    t.eq(made[3].line, "GET /rooms/" .. room .. "/state/m.room.power_levels")
    t.eq(made[4].line, "GET /rooms/" .. room .. "/state/m.room.create?format=event")
    t.eq(made[5].line, line(60000))
    t.eq(made[5].user, ghost.mxid)
    t.eq(made[5].content, text("later"))
  end)

  t.it("has the event sent when the time is over, and not before", function()
    ready()
    ghost:send_delayed_event(room, "m.room.message", text("later"), 2000)
    t.eq(hs:asked(), { line(2000) })
    t.eq(last().content.body, "ready")
    t.advance("2.5s")
    t.eq(last().content.body, "later")
    t.eq(last().sender, ghost.mxid)
  end)

  t.it("sends state with a state key, also with an empty one", function()
    ready()
    alice:send(room, "m.room.power_levels", { events = { ["org.example.thing"] = 0 } }, { state_key = "" })
    hs:asked()
    ghost:send_delayed_event(room, "org.example.thing", { on = true }, 1500, { state_key = "a/b" })
    ghost:send_delayed_event(room, "org.example.thing", { on = false }, 1500, { state_key = "" })
    local path = "PUT /rooms/" .. room .. "/state/org.example.thing"
    local puts = {}
    for _, asked in ipairs(hs:asked()) do
      if asked:sub(1, 3) == "PUT" then puts[#puts + 1] = asked end
    end
    t.eq(puts, { path .. "/a/b?org.matrix.msc4140.delay=1500", path .. "?org.matrix.msc4140.delay=1500" })
    t.eq(hs:state(room, "org.example.thing"), nil)
    t.advance("2.5s")
    t.eq(hs:state(room, "org.example.thing", "a/b"), { on = true })
    t.eq(hs:state(room, "org.example.thing"), { on = false })
  end)

  t.it("drops state that another user has changed meanwhile", function()
    ready()
    alice:send(room, "m.room.power_levels", { events = { ["org.example.thing"] = 0 } }, { state_key = "" })
    ghost:send_delayed_event(room, "org.example.thing", { by = "ghost" }, 2000, { state_key = "" })
    alice:send(room, "org.example.thing", { by = "alice" }, { state_key = "" })
    t.advance("2.5s")
    t.eq(hs:state(room, "org.example.thing"), { by = "alice" })
  end)

  t.it("sends nothing for a user who has left meanwhile", function()
    ready()
    ghost:send_delayed_event(room, "m.room.message", text("later"), 1500)
    ghost:leave_room(room)
    t.advance("2.5s")
    t.eq(last().content.body, "ready")
  end)

  t.it("gives the event the time that it is told", function()
    ready()
    ghost:send_delayed_event(room, "m.room.message", text("later"), 100, { timestamp = 1500000000000 })
    t.eq(hs:requests()[1].query, { ts = "1500000000000", ["org.matrix.msc4140.delay"] = "100" })
    t.advance("1s")
    t.eq(last().origin_server_ts, 1500000000000)
  end)

  t.it("sends further parameters and headers, and the transaction ID as given", function()
    ready()
    local first = ghost:send_delayed_event(room, "m.room.message", text("later"), 60000, { txn_id = "one",
      query_params = { ["org.example.x"] = "a b" }, headers = { ["X-Example"] = "yes" } })
    local made = hs:requests()[1]
    t.matches(made.path, "/one$")
    t.eq(made.query, { ["org.example.x"] = "a b", ["org.matrix.msc4140.delay"] = "60000" })
    t.eq(made.headers["x-example"], "yes")
    t.eq(ghost:send_delayed_event(room, "m.room.message", text("later"), 60000, { txn_id = "one" }), first)
    t.eq(ghost:send_delayed_event(room, "m.room.message", text("later"), 60000) ~= first, true)
  end)

  t.it("tries again as often as it is told when the homeserver cannot answer", function()
    ready()
    t.fault { path = "/send/", status = 502, headers = { ["Retry-After"] = "0.01" } }
    ghost:send_delayed_event(room, "m.room.message", text("later"), 60000, { retry_count = 1 })
    t.eq(hs:asked(), { line(60000), line(60000) })
    t.fault { path = "/send/", status = 502 }
    t.eq(t.raises(function() ghost:send_delayed_event(room, "m.room.message", text("later"), 60000, { retry_count = 0 }) end).status, 502)
  end)

  t.it("marks what a double puppet sends", function()
    as_alice:send_delayed_event(room, "m.room.message", text("later"), 60000)
    local made = hs:requests()
    t.eq(type(made[#made].content["fi.mau.double_puppet_source"]), "string")
  end)

  t.it("joins nothing with ensure_joined = false", function()
    ghost:ensure_registered()
    ghost.state_store:set_power_levels(room, {})
    hs:asked()
    ghost:send_delayed_event(room, "m.room.message", text("later"), 60000, { ensure_joined = false })
    t.eq(hs:asked(), { "GET /rooms/" .. room .. "/state/m.room.create?format=event", line(60000) })
    t.eq(hs:members(room)[ghost.mxid], nil)
  end)

  t.it("refuses what the user's level does not allow, and does not ask to send it", function()
    ready()
    t.raises(function() ghost:send_delayed_event(room, "m.room.topic", { topic = "later" }, 60000, { state_key = "" }) end, "power level of .* is not enough")
    t.eq(hs:asked(), {})
  end)

  t.it("refuses a delay that is none before it asks anything", function()
    t.raises(function() ghost:send_delayed_event(room, "m.room.message", text("now"), 0) end, "delay_ms must be more than 0")
    t.raises(function() ghost:send_delayed_event(room, "m.room.message", text("now"), -1) end, "delay_ms must be more than 0")
    t.eq(hs:asked(), {})
  end)

  t.it("raises ORG.MATRIX.MSC4140_DELAY_TOO_LARGE for a delay that is longer than the homeserver allows", function()
    ready()
    local err = t.raises(function() ghost:send_delayed_event(room, "m.room.message", text("later"), 90000000) end, "exceeds the allowed maximum")
    t.eq(err.errcode, "ORG.MATRIX.MSC4140_DELAY_TOO_LARGE")
    t.eq(err.status, 400)
  end)

  t.it("raises M_FORBIDDEN when the room does not take the user in", function()
    local private = alice:room { private = true }
    alice:kick(private, bot.mxid)
    local err = t.raises(function() ghost:send_delayed_event(private, "m.room.message", text("later"), 1000) end)
    t.eq(err.errcode, "M_FORBIDDEN")
  end)

  t.it("raises M_LIMIT_EXCEEDED when that does not end", function()
    ready()
    t.fault { path = "/send/", status = 429, errcode = "M_LIMIT_EXCEEDED", error = "The maximum number of delayed events has been reached.",
      content = { retry_after_ms = 1 }, times = 100 }
    local err = t.raises(function() ghost:send_delayed_event(room, "m.room.message", text("later"), 1000) end, "maximum number")
    t.eq(err.errcode, "M_LIMIT_EXCEEDED")
  end)

  t.it("raises when the homeserver knows nothing of delays, and has sent the event", function()
    ready()
    t.fault { path = "/send/", content = { event_id = "$now" } }
    t.raises(function() ghost:send_delayed_event(room, "m.room.message", text("later"), 1000) end, "knows no delayed events, and has sent it at once")
  end)
end)
