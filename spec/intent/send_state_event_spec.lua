local t = require "bridge.test"

t.describe("intent:send_state_event", function()
  local hs, bot, ghost, alice, as_alice, room, store

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    store    = bot.state_store
    room     = alice:room()
    bot:join_room(room)
    as_alice:set_power_levels(room, { users = { [bot.mxid] = 50 } })
    hs:asked()
  end)

  local function path(rest, r) return "PUT /rooms/" .. (r or room) .. "/state/" .. rest end

  -- What PL-1 asks before the first state of a room.
  local function looks(r)
    return "GET /rooms/" .. r .. "/state/m.room.power_levels", "GET /rooms/" .. r .. "/state/m.room.create?format=event"
  end

  t.it("sets the state of that type, with an empty key, and returns the event's ID", function()
    local id = bot:send_state_event(room, "com.example.state", { a = 1 })
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, path("com.example.state"))
    t.eq(made[1].user, bot.mxid)
    t.eq(made[1].content, { a = 1 })
    t.eq(hs:state(room, "com.example.state"), { a = 1 })
    local evt = bot:get_event(room, id)
    t.eq({ evt.type, evt.state_key, evt.sender }, { "com.example.state", "", bot.mxid })
  end)

  t.it("sets the state with a key", function()
    bot:send_state_event(room, "com.example.state", { a = 1 }, { state_key = "one" })
    bot:send_state_event(room, "com.example.state", { a = 2 }, { state_key = "two" })
    t.eq(hs:asked(), { path("com.example.state/one"), path("com.example.state/two") })
    t.eq(hs:state(room, "com.example.state", "one"), { a = 1 })
    t.eq(hs:state(room, "com.example.state", "two"), { a = 2 })
  end)

  t.it("sets state whose type or key has odd signs", function()
    for _, odd in ipairs { "a/b", "a?b#c", "50%", "%2F", "a+b c", "Grüße", ".", "..", '"{}' } do
      bot:send_state_event(room, "com.example.key", { odd = odd }, { state_key = odd })
      t.eq(hs:state(room, "com.example.key", odd), { odd = odd })
    end
    bot:send_state_event(room, "com.example/type?", { a = 1 })
    t.eq(hs:state(room, "com.example/type?"), { a = 1 })
  end)

  t.it("returns the same ID for the same state again", function()
    local id = bot:send_state_event(room, "com.example.state", { a = 1 })
    t.eq(bot:send_state_event(room, "com.example.state", { a = 1 }), id)
    t.eq(hs:asked(), { path("com.example.state"), path("com.example.state") })
  end)

  t.it("registers and joins the user first, and looks at the power levels", function()
    local other = alice:room()
    alice:send(other, "m.room.power_levels", { users = { [ghost.mxid] = 50 } }, { state_key = "" })
    ghost:send_state_event(other, "com.example.state", { a = 1 })
    local levels, create = looks(other)
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. other, levels, create, path("com.example.state", other) })
    t.eq({ store:has_power_levels_cached(other), store:has_create_cached(other) }, { true, true })
    ghost:send_state_event(other, "com.example.state", { a = 2 })
    t.eq(hs:asked(), { path("com.example.state", other) })
  end)

  t.it("asks nothing when the power levels forbid it", function()
    ghost:ensure_joined(room)
    hs:asked()
    local err = t.raises(function() ghost:send_state_event(room, "m.room.topic", { topic = "x" }) end, "power level of .* is not enough for m.room.topic in ")
    t.eq({ err.errcode, err.status }, {})
    t.eq(hs:asked(), {})
  end)

  t.it("goes by the level of the type, of state, and of the user", function()
    ghost:ensure_joined(room)
    local function may(levels)
      as_alice:set_power_levels(room, levels)
      return (pcall(ghost.send_state_event, ghost, room, "com.example.state", { now = tostring(levels) }))
    end
    t.eq(may { events = { ["com.example.state"] = 0 } }, true)
    t.eq(may { events = { ["com.example.state"] = 1 } }, false)
    t.eq(may { state_default = 0 }, true)
    t.eq(may { users_default = 49 }, false)
    t.eq(may { users_default = 50 }, true)
    t.eq(may { users_default = 50, users = { [ghost.mxid] = 49 } }, false)
  end)

  t.it("lets a creator do what its level would forbid, from room version 12 on", function()
    local own = ghost:create_room { preset = "public_chat" }
    hs:asked()
    ghost:send_state_event(own, "m.room.tombstone", { body = "moved", replacement_room = room })
    t.eq(hs:state(own, "m.room.tombstone").body, "moved")
  end)

  t.it("needs no level in a room without power levels", function()
    local other = alice:room()
    ghost:ensure_joined(other)
    hs:asked()
    t.fault { method = "GET", path = "/state/m.room.power_levels", status = 404, errcode = "M_NOT_FOUND", error = "Event not found." }
    local err = t.raises(function() ghost:send_state_event(other, "com.example.state", { a = 1 }) end)
    t.eq(err.errcode, "M_FORBIDDEN") -- for it has some
    local levels, create = looks(other)
    t.eq(hs:asked(), { levels, create, path("com.example.state", other) })
    t.eq(store:has_power_levels_cached(other), true)
  end)

  t.it("does not try when the power levels may not be read, and does not remember that", function()
    local other = alice:room()
    ghost:ensure_joined(other)
    hs:asked()
    t.fault { method = "GET", path = "/state/m.room.power_levels", status = 403, errcode = "M_FORBIDDEN", error = "no" }
    local err = t.raises(function() ghost:send_state_event(other, "com.example.state", { a = 1 }) end, "power level")
    t.eq(err.errcode, nil)
    t.eq(hs:asked(), { looks(other) })
    t.eq(store:has_power_levels_cached(other), false)
  end)

  t.it("does not look at the power levels for membership, which the store takes in", function()
    local other = alice:room()
    ghost:ensure_joined(other)
    hs:asked()
    ghost:send_state_event(other, "m.room.member", { membership = "join", displayname = "Bob here" }, { state_key = ghost.mxid })
    t.eq(hs:asked(), { path("m.room.member/" .. ghost.mxid, other) })
    t.eq(store:get_member(other, ghost.mxid).displayname, "Bob here")
  end)

  t.it("lets the store know power levels and encryption", function()
    local levels = { users = { [bot.mxid] = 50, [ghost.mxid] = 20 }, invite = 10 }
    bot:send_state_event(room, "m.room.power_levels", levels)
    t.eq(store:get_power_levels(room), levels)
    bot:send_state_event(room, "m.room.encryption", { algorithm = "m.megolm.v1.aes-sha2" })
    t.eq(store:is_encrypted(room), true)
  end)

  t.it("asks for the levels again after a tombstone", function()
    alice:say(room, "all of this is known")
    bot:send_state_event(room, "m.room.tombstone", { body = "moved", replacement_room = "!elsewhere:example.org" })
    t.eq(store:has_power_levels_cached(room), false)
  end)

  t.it("tells M_FORBIDDEN where the user cannot come in", function()
    local shut = alice:room { private = true }
    alice:send(shut, "m.room.power_levels", { invite = 50 }, { state_key = "" })
    local err = t.raises(function() ghost:send_state_event(shut, "com.example.state", { a = 1 }) end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
  end)

  t.it("tells M_FORBIDDEN of a key that is another user's ID", function()
    local err = t.raises(function() bot:send_state_event(room, "com.example.state", { a = 1 }, { state_key = alice.mxid }) end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
    bot:send_state_event(room, "com.example.state", { a = 1 }, { state_key = bot.mxid })
    t.eq(hs:state(room, "com.example.state", bot.mxid), { a = 1 })
  end)

  t.it("tells M_BAD_JSON of a number that is no integer", function()
    local err = t.raises(function() bot:send_state_event(room, "com.example.state", { a = 1.5 }) end)
    t.eq({ err.errcode, err.status }, { "M_BAD_JSON", 400 })
  end)

  t.it("tells M_TOO_LARGE of more than an event may hold", function()
    local err = t.raises(function() bot:send_state_event(room, "com.example.state", { a = ("x"):rep(70000) }) end)
    t.eq({ err.errcode, err.status }, { "M_TOO_LARGE", 413 })
  end)

  t.it("is refused without what the type must have", function()
    for event_type, content in pairs { ["m.room.name"] = {}, ["m.room.topic"] = { topic = 1 }, ["m.room.tombstone"] = { body = "moved" } } do
      t.eq(t.raises(function() as_alice:send_state_event(room, event_type, content) end).status, 400)
    end
  end)

  t.it("lets nobody change how the room was made", function()
    t.eq(t.raises(function() as_alice:send_state_event(room, "m.room.create", { room_version = "12" }) end).errcode, "M_INVALID_PARAM")
  end)

  t.it("joins once more when the store was wrong about the user", function()
    ghost:ensure_joined(room)
    as_alice:set_power_levels(room, { users = { [ghost.mxid] = 50 } })
    alice:kick(room, ghost.mxid)
    store:joined(room, ghost.mxid)
    hs:asked()
    ghost:send_state_event(room, "com.example.state", { a = 1 })
    t.eq(hs:asked(), { path("com.example.state"), "POST /join/" .. room, path("com.example.state") })
    t.eq(hs:members(room)[ghost.mxid], "join")
  end)

  t.it("says when it happened with timestamp", function()
    local id = bot:send_state_event(room, "com.example.state", { a = 1 }, { timestamp = 1700000000000 })
    t.eq(hs:asked(), { path("com.example.state?ts=1700000000000") })
    t.eq(bot:get_event(room, id).origin_server_ts, 1700000000000)
  end)

  t.it("sends further headers and query parameters", function()
    bot:send_state_event(room, "com.example.state", { a = 1 }, { headers = { ["X-Example"] = "one" }, query_params = { ["com.example.two"] = "a b" } })
    local made = hs:requests()
    t.eq(made[1].headers["x-example"], "one")
    t.eq(made[1].query, { ["com.example.two"] = "a b" })
  end)

  t.it("joins nothing with ensure_joined = false", function()
    alice:say(room, "all of this is known")
    store:left(room, bot.mxid)
    bot:send_state_event(room, "com.example.state", { a = 1 }, { ensure_joined = false })
    t.eq(hs:asked(), { path("com.example.state") })
  end)

  t.it("is repeated when the homeserver cannot answer, as often as retry_count says", function()
    t.fault { method = "PUT", path = "/state/com.example.state", status = 503, times = 2 }
    local err = t.raises(function() bot:send_state_event(room, "com.example.state", { a = 1 }, { retry_count = 0 }) end)
    t.eq(err.status, 503)
    t.eq(hs:asked(), { path("com.example.state") })
    bot:send_state_event(room, "com.example.state", { a = 1 }, { retry_count = 1 })
    t.eq(hs:asked(), { path("com.example.state"), path("com.example.state") })
  end)

  t.it("marks what a double puppet sets", function()
    as_alice:send_state_event(room, "com.example.state", { a = 1 })
    local made = hs:requests()
    t.eq(made[1].user, nil)
    t.eq(hs:state(room, "com.example.state"), { a = 1, ["fi.mau.double_puppet_source"] = "bridgehost" })
  end)

  t.it("takes neither an empty room ID nor an empty type", function()
    t.raises(function() bot:send_state_event("", "com.example.state", {}) end, "room")
    t.raises(function() bot:send_state_event(room, "", {}) end, "type")
    t.eq(hs:asked(), {})
  end)
end)
