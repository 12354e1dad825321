local t = require "bridge.test"
local json = require "bridge.json"

local thing = "com.example.thing"

t.describe("intent:send_message_event", function()
  local hs, bot, ghost, alice, as_alice, room, store

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    room     = alice:room()
    store    = ghost.state_store
    hs:asked()
  end)

  local function put(event_type) return "PUT /rooms/" .. room .. "/send/" .. (event_type or thing) .. "/TXN" end
  local function join() return "POST /join/" .. room end
  local function levels() return "GET /rooms/" .. room .. "/state/m.room.power_levels" end
  local function create() return "GET /rooms/" .. room .. "/state/m.room.create?format=event" end
  local function pattern(text) return (text:gsub("%p", "%%%0")) end
  local function txn_id(request) return request.raw_path:match("[^/]+$") end

  -- Afterwards one request is all that a message of the ghost takes.
  local function known()
    ghost:send_message_event(room, thing, {})
    hs:asked()
  end

  t.it("registers and joins the user, looks at the levels and at the room's creation, sends, and returns the event's ID", function()
    local event_id = ghost:send_message_event(room, thing, { size = 3 })
    local made = hs:requests()
    t.eq(#made, 5)
    t.eq(made[1].line, "POST /register?kind=user")
    t.eq(made[2].line, join())
    t.eq(made[3].line, levels())
    t.eq(made[4].line, create())
    t.eq(made[5].line, put())
    t.eq(made[5].content, { size = 3 })
    local sent = ghost:get_event(room, event_id)
    t.eq({ sent.sender, sent.type, sent.content }, { ghost.mxid, thing, { size = 3 } })
    t.eq(store:has_power_levels_cached(room), true)
    t.eq(store:has_create_cached(room), true)
  end)

  t.it("makes one request when all that is known, with another transaction ID each time", function()
    known()
    local first = ghost:send_message_event(room, thing, {})
    local second = ghost:send_message_event(room, thing, {})
    local made = hs:requests()
    t.eq({ made[1].line, made[2].line, made[3] }, { put(), put() })
    t.eq(first == second, false)
    t.eq(txn_id(made[1]) == txn_id(made[2]), false)
    t.eq(#txn_id(made[1]) >= 22, true)
  end)

  t.it("asks for a room's levels once, not once for each user", function()
    known()
    local other = hs:ghost("carol")
    other:send_message_event(room, thing, {})
    t.eq(hs:asked(), { "POST /register?kind=user", join(), put() })
  end)

  t.it("carries the token in the header alone, and the user in the query", function()
    known()
    ghost:send_message_event(room, thing, {})
    local made = hs:requests()[1]
    t.matches(made.headers.authorization, "^Bearer ")
    t.eq(made.user, ghost.mxid)
    t.eq(made.query, {})
  end)

  t.it("sends the content as it is: nested, unicode, empty lists and objects, null, great numbers", function()
    known()
    local content = { deep = { { er = true } }, text = "é 😀 <&>", list = json.array {}, object = {}, none = json.null, great = 9007199254740991 }
    local event_id = ghost:send_message_event(room, thing, content)
    t.eq(json.encode(hs:requests()[1].content), json.encode(content))
    t.eq(json.encode(ghost:get_event(room, event_id).content), json.encode(content))
  end)

  t.it("sends an empty content as an empty object", function()
    known()
    ghost:send_message_event(room, thing, {})
    t.eq(json.encode(hs:requests()[1].content), "{}")
  end)

  t.it("encodes the event's type and the transaction ID in the path", function()
    known()
    local event_id = ghost:send_message_event(room, "com.example/a b?#%+ä", {}, { txn_id = "../x y%2F" .. room })
    local made = hs:requests()[1]
    t.matches(made.raw_path, "/send/com%.example%%2Fa%%20b%%3F%%23%%25%%2B%%C3%%A4/%.%.%%2Fx%%20y%%252F")
    t.eq(ghost:get_event(room, event_id).type, "com.example/a b?#%+ä")
    t.eq(ghost:get_event(room, ghost:send_message_event(room, "..", {})).type, "..")
  end)

  t.it("uses a given transaction ID as it is: the same one again is the same event", function()
    known()
    local txn = "mine" .. room
    local first = ghost:send_message_event(room, thing, { n = 1 }, { txn_id = txn })
    t.eq(ghost:send_message_event(room, thing, { n = 2 }, { txn_id = txn }), first)
    local made = hs:requests()
    t.eq(made[1].path, made[2].path)
    t.eq(made[1].path:sub(-#txn), txn)
    t.eq(ghost:get_event(room, first).content, { n = 1 })
  end)

  t.it("says with timestamp when it happened", function()
    known()
    local event_id = ghost:send_message_event(room, thing, {}, { timestamp = 1234567890123 })
    t.eq(hs:asked(), { put() .. "?ts=1234567890123" })
    t.eq(ghost:get_event(room, event_id).origin_server_ts, 1234567890123)
  end)

  t.it("adds query_params and headers to what it would say anyway", function()
    known()
    ghost:send_message_event(room, thing, {}, { timestamp = 5, query_params = { ["com.example.q"] = "a&b" }, headers = { ["X-Example"] = "yes" } })
    local made = hs:requests()[1]
    t.eq(made.query, { ts = "5", ["com.example.q"] = "a&b" })
    t.eq(made.user, ghost.mxid)
    t.eq(made.headers["x-example"], "yes")
    t.matches(made.headers.authorization, "^Bearer ")
  end)

  t.it("marks what a double puppet sends, with its own token and no user in the query", function()
    as_alice:send_message_event(room, thing, { size = 3 })
    as_alice:send_message_event(room, thing, {})
    local made = hs:requests()
    local first, second = made[#made - 1], made[#made]
    local mark = first.content["fi.mau.double_puppet_source"]
    t.matches(mark, ".")
    t.eq(first.content, { size = 3, ["fi.mau.double_puppet_source"] = mark })
    t.eq(second.content, { ["fi.mau.double_puppet_source"] = mark })
    t.eq(first.user, nil)
    t.eq(first.headers.authorization, "Bearer " .. alice.token)
  end)

  t.it("marks nothing that the bot and ghosts send", function()
    known()
    bot:send_message_event(room, thing, { size = 3 })
    ghost:send_message_event(room, thing, { size = 3 })
    local made = hs:requests()
    t.eq(made[#made - 1].content, { size = 3 })
    t.eq(made[#made].content, { size = 3 })
  end)

  t.it("asks nothing when the level is too low, and says which", function()
    as_alice:set_power_levels(room, { events = { [thing] = 50 } })
    bot:ensure_joined(room)
    ghost:ensure_joined(room)
    as_alice:get_state_event(room, "m.room.create", { format = "event" })
    hs:asked()
    local err = t.raises(function() ghost:send_message_event(room, thing, {}) end)
    t.matches(err.message, "power level of " .. pattern(ghost.mxid) .. " is not enough for com%.example%.thing")
    t.matches(err.message, pattern(room))
    t.eq(err.errcode, nil)
    t.eq(hs:asked(), {})
  end)

  t.it("holds the level of one type against that type alone", function()
    as_alice:set_power_levels(room, { events = { [thing] = 50 } })
    t.matches(ghost:send_message_event(room, "com.example.other", {}), "^%$")
  end)

  t.it("goes by the level of the user, and by events_default where no type is named", function()
    as_alice:set_power_levels(room, { users = { [ghost.mxid] = 30 }, events_default = 30 })
    t.matches(ghost:send_message_event(room, thing, {}), "^%$")
    t.raises(function() bot:send_message_event(room, thing, {}) end, "power level of .+ is not enough")
  end)

  t.it("leaves memberships to the homeserver: they are not looked at in the levels", function()
    ghost:ensure_joined(room)
    hs:asked()
    local err = t.raises(function() ghost:send_message_event(room, "m.room.member", { membership = "join" }) end)
    t.eq(err.errcode, "M_UNKNOWN")
    t.eq(hs:asked(), { put "m.room.member" })
  end)

  t.it("lets the creator of a room send whatever the levels say", function()
    as_alice:set_power_levels(room, { events = { [thing] = 9007199254740991 } })
    t.matches(as_alice:send_message_event(room, thing, {}), "^%$")
  end)

  t.it("takes a room without power levels as free for all, and remembers that there are none", function()
    t.fault { path = "/state/m.room.power_levels", status = 404, errcode = "M_NOT_FOUND", error = "Event not found." }
    ghost:send_message_event(room, thing, {})
    t.eq(store:has_power_levels_cached(room), true)
    hs:asked()
    ghost:send_message_event(room, thing, {})
    t.eq(hs:asked(), { put() })
  end)

  t.it("sends nothing when the levels may not be read, and asks for them again the next time", function()
    t.fault { path = "/state/m.room.power_levels", status = 403, errcode = "M_FORBIDDEN", error = "You are not allowed to do this" }
    t.raises(function() ghost:send_message_event(room, thing, {}) end, "the levels may not be read")
    t.eq(hs:asked(), { "POST /register?kind=user", join(), levels(), create() })
    t.eq(store:has_power_levels_cached(room), false)
    ghost:send_message_event(room, thing, {})
    t.eq(hs:asked(), { levels(), put() })
  end)

  t.it("neither registers nor joins with ensure_joined = false: who is not in the room is refused with M_FORBIDDEN", function()
    bot:send_message_event(room, thing, {})
    ghost:ensure_registered()
    hs:asked()
    local err = t.raises(function() ghost:send_message_event(room, thing, {}, { ensure_joined = false }) end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
    t.matches(err.message, pattern(ghost.mxid))
    t.eq(hs:asked(), { put() })
    t.eq(hs:members(room)[ghost.mxid], nil)
  end)

  t.it("drops what it knows of a user who is not in the room any more, joins, and sends once more", function()
    known()
    hs.intent:join_room(room) -- so that the room stays known
    hs:asked()
    alice:kick(room, ghost.mxid)
    store:joined(room, ghost.mxid) -- as if the kick had not been heard of
    local event_id = ghost:send_message_event(room, thing, { size = 3 })
    local made = hs:requests()
    t.eq({ made[1].line, made[2].line, made[3].line, made[4] }, { put(), join(), put() })
    t.eq({ made[1].status, made[3].status }, { 403, 200 })
    t.eq(made[1].path, made[3].path)
    t.eq(ghost:get_event(room, event_id).content, { size = 3 })
    t.eq(store:is_joined(room, ghost.mxid), true)
  end)

  t.it("does the same when it is the levels that may not be read for that", function()
    ghost:ensure_registered()
    store:joined(room, ghost.mxid)
    hs:asked()
    t.matches(ghost:send_message_event(room, thing, {}), "^%$")
    t.eq(hs:asked(), { levels(), join(), levels(), create(), put() })
  end)

  t.it("says that the user is not in the room, with ensure_joined = false and levels that are not known", function()
    ghost:ensure_registered()
    hs:asked()
    local err = t.raises(function() ghost:send_message_event(room, thing, {}, { ensure_joined = false }) end, "not in room")
    t.eq(err.errcode, "M_FORBIDDEN")
    t.eq(hs:asked(), { levels() })
  end)

  t.it("goes the whole way into a closed room then, with an invitation by the bot", function()
    bot:join_room(room)
    as_alice:set_power_levels(room, { users = { [bot.mxid] = 50 } })
    as_alice:set_join_rule(room, "invite")
    ghost:send_message_event(room, thing, {})
    alice:kick(room, ghost.mxid)
    store:joined(room, ghost.mxid)
    hs:asked()
    ghost:send_message_event(room, thing, {})
    t.eq(hs:asked(), { put(), join(), "POST /rooms/" .. room .. "/invite", join(), put() })
  end)

  t.it("raises when the user cannot get into the room again, and does not take it for joined", function()
    bot:join_room(room)
    as_alice:set_power_levels(room, { invite = 50 })
    as_alice:set_join_rule(room, "invite")
    ghost:get_joined_rooms()
    bot:send_message_event(room, thing, {})
    store:joined(room, ghost.mxid)
    hs:asked()
    local err = t.raises(function() ghost:send_message_event(room, thing, {}) end, "could not invite it")
    t.eq(err.errcode, "M_FORBIDDEN")
    t.eq(hs:asked(), { put(), join(), "POST /rooms/" .. room .. "/invite" })
    t.eq(store:is_joined(room, ghost.mxid), false)
  end)

  t.it("joins once more only once: a second refusal raises", function()
    known()
    t.fault { path = "/send/", status = 403, errcode = "M_FORBIDDEN", error = "User not in room", times = 2 }
    local err = t.raises(function() ghost:send_message_event(room, thing, {}) end, "not in room")
    t.eq(err.errcode, "M_FORBIDDEN")
    t.eq(hs:asked(), { put(), join(), put() })
  end)

  t.it("does not join once more who joined just now", function()
    t.fault { path = "/send/", status = 403, errcode = "M_FORBIDDEN", error = "User not in room" }
    t.raises(function() ghost:send_message_event(room, thing, {}) end, "not in room")
    t.eq(hs:asked(), { "POST /register?kind=user", join(), levels(), create(), put() })
  end)

  t.it("raises another refusal as it is", function()
    known()
    t.fault { path = "/send/", status = 403, errcode = "COM.EXAMPLE_WHY", error = "No reason" }
    local err = t.raises(function() ghost:send_message_event(room, thing, {}) end, "No reason")
    t.eq({ err.errcode, err.status }, { "COM.EXAMPLE_WHY", 403 })
    t.eq(hs:asked(), { put() })
    t.eq(store:is_joined(room, ghost.mxid), true)
  end)

  t.it("raises M_TOO_LARGE for an event that is too large for the homeserver", function()
    known()
    local err = t.raises(function() ghost:send_message_event(room, thing, { text = ("x"):rep(70000) }) end)
    t.eq({ err.errcode, err.status }, { "M_TOO_LARGE", 413 })
    t.eq(hs:asked(), { put() })
  end)

  t.it("waits as the homeserver says when it is asked too often, and repeats the same request", function()
    known()
    t.fault { path = "/send/", status = 429, errcode = "M_LIMIT_EXCEEDED", error = "Too Many Requests", content = { retry_after_ms = 50 } }
    t.fault { path = "/send/", status = 429, errcode = "M_LIMIT_EXCEEDED", headers = { ["Retry-After"] = "0.05" } }
    t.matches(ghost:send_message_event(room, thing, {}), "^%$")
    local made = hs:requests()
    t.eq({ made[1].status, made[2].status, made[3].status, made[4] }, { 429, 429, 200 })
    t.eq({ made[2].path, made[3].path }, { made[1].path, made[1].path })
  end)

  t.it("waits a while when it is asked too often and no time is named", function()
    known()
    t.fault { path = "/send/", status = 429, body = "slower, please" }
    t.matches(ghost:send_message_event(room, thing, {}), "^%$")
    t.eq(hs:asked(), { put(), put() })
  end)

  t.it("repeats a request that got no good answer as often as retry_count says, and sends one event", function()
    known()
    t.fault { path = "/send/", status = 502, content = { retry_after_ms = 20 }, done = true }
    t.fault { path = "/send/", status = 503, content = { retry_after_ms = 20 }, done = true }
    local event_id = ghost:send_message_event(room, thing, { n = 1 }, { retry_count = 2 })
    local made = hs:requests()
    t.eq({ made[1].status, made[2].status, made[3].status, made[4] }, { 502, 503, 200 })
    t.eq({ made[2].path, made[3].path }, { made[1].path, made[1].path })
    local sent = {}
    for _, event in ipairs(ghost:get_messages(room, "b", { limit = 100 }).events) do
      if event.content.n == 1 then sent[#sent + 1] = event.event_id end
    end
    t.eq(sent, { event_id })
  end)

  t.it("raises at once with retry_count = 0", function()
    known()
    t.fault { path = "/send/", status = 502, body = "<html>Bad Gateway</html>" }
    local err = t.raises(function() ghost:send_message_event(room, thing, {}, { retry_count = 0 }) end, "Bad Gateway")
    t.eq({ err.errcode, err.status }, { "M_UNKNOWN", 502 })
    t.fault { path = "/send/", refused = true }
    t.raises(function() ghost:send_message_event(room, thing, {}, { retry_count = 0 }) end, "refused")
    t.eq(hs:asked(), { put(), put() })
  end)

  t.it("reads a good answer whatever type it says to be, and refuses what is none", function()
    known()
    t.fault { path = "/send/", content = { event_id = "$plain" }, headers = { ["Content-Type"] = "text/plain" } }
    t.eq(ghost:send_message_event(room, thing, {}), "$plain")
    t.fault { path = "/send/", content = { something = "else" } }
    t.raises(function() ghost:send_message_event(room, thing, {}) end, "answer has no event_id")
    t.fault { path = "/send/", body = "<html>" .. ("x"):rep(300) }
    local err = t.raises(function() ghost:send_message_event(room, thing, {}) end, "not JSON: <html>" .. ("x"):rep(194) .. "…")
    t.eq(err.status, 200)
  end)

  t.it("refuses an empty room ID, an empty type and a content that is no table before it asks anything", function()
    t.raises(function() ghost:send_message_event("", thing, {}) end, "room")
    t.raises(function() ghost:send_message_event(room, "", {}) end, "event type is empty")
    t.raises(function() ghost:send_message_event(room, thing, "text") end, "'content'")
    t.raises(function() ghost:send_message_event(room, thing, { "a", "list" }) end, "'content'")
    t.eq(hs:asked(), {})
  end)
end)
