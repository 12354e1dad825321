local t = require "bridge.test"

t.describe("api:request", function()
  local hs, bot, ghost, alice, as_alice, store

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    store    = bot.state_store
    ghost:ensure_registered()
    hs:asked()
  end)

  local whoami = "/_matrix/client/v3/account/whoami"

  t.it("makes a request as the intent's user and returns the answer, decoded", function()
    t.eq(ghost.api:request("GET", whoami).user_id, ghost.mxid)
    t.eq(as_alice.api:request("GET", whoami).user_id, alice.mxid)
    local made = hs:requests()
    t.eq(#made, 2)
    t.eq(made[1].user, ghost.mxid)
    t.eq(made[1].content, nil)
    t.eq(made[2].user, nil)
    t.eq(made[2].headers.authorization, "Bearer " .. alice.token)
  end)

  t.it("registers and joins nobody, and the store learns nothing", function()
    local room, other = alice:room(), hs:ghost("carl")
    hs:asked()
    t.eq(t.raises(function() other.api:request("POST", "/_matrix/client/v3/join/" .. room) end).errcode, "M_FORBIDDEN")
    t.eq(hs:asked(), { "POST /join/" .. room })
    t.eq(store:is_registered(other.mxid), false)
    t.eq(t.raises(function() ghost.api:request("PUT", "/_matrix/client/v3/rooms/" .. room .. "/send/m.room.message/one", { content = { msgtype = "m.text", body = "one" } }) end).errcode,
      "M_FORBIDDEN")
    t.eq(#hs:asked(), 1)
  end)

  t.it("sends content as JSON, and an empty object where a body has to be", function()
    local place = "/_matrix/client/v3/user/" .. alice.mxid .. "/account_data/org.example.note"
    as_alice.api:request("PUT", place, { content = { text = "hello", list = { 1, 2 }, on = true } })
    t.eq(as_alice.api:request("GET", place), { text = "hello", list = { 1, 2 }, on = true })
    local made = hs:requests()
    t.eq(made[1].content, { text = "hello", list = { 1, 2 }, on = true })
    t.eq(made[1].headers["content-type"], "application/json")
    as_alice.api:request("PUT", place)
    t.eq(hs:requests()[1].content, {})
    t.eq(as_alice.api:request("GET", place), {})
  end)

  t.it("marks nothing of a double puppet's, since it sends what it was given", function()
    local room = alice:room()
    as_alice.api:request("PUT", "/_matrix/client/v3/rooms/" .. room .. "/send/m.room.message/one", { content = { msgtype = "m.text", body = "hi" } })
    t.eq(hs:requests()[1].content, { msgtype = "m.text", body = "hi" })
  end)

  t.it("takes a path with or without the first slash, and escapes what is not", function()
    t.eq(ghost.api:request("GET", "_matrix/client/v3/account/whoami").user_id, ghost.mxid)
    local profile = "/_matrix/client/v3/profile/"
    ghost.api:request("GET", profile .. ghost.mxid)
    ghost.api:request("GET", profile .. "%40" .. ghost.mxid:sub(2))
    local made = hs:requests()
    t.eq(made[2].raw_path, made[3].raw_path)
    t.matches(made[2].raw_path, "/profile/%%40")
    t.eq(made[2].path, profile .. ghost.mxid)
  end)

  t.it("takes a query in the path, and query_params beside it", function()
    ghost.api:request("GET", whoami .. "?a=1%202", { query_params = { b = "c d&e" } })
    t.eq(hs:requests()[1].query, { a = "1 2", b = "c d&e" })
  end)

  t.it("sends further headers", function()
    ghost.api:request("GET", whoami, { headers = { ["X-Request-ID"] = "seven" } })
    t.eq(hs:requests()[1].headers["x-request-id"], "seven")
  end)

  t.it("makes timestamp the time of what is sent", function()
    local room = alice:room()
    ghost:join_room(room)
    hs:asked()
    local sent = ghost.api:request("PUT", "/_matrix/client/v3/rooms/" .. room .. "/send/m.room.message/one",
      { content = { msgtype = "m.text", body = "long ago" }, timestamp = 1600000000000 })
    t.eq(hs:requests()[1].query, { ts = "1600000000000" })
    local event = ghost.api:request("GET", "/_matrix/client/v3/rooms/" .. room .. "/event/" .. sent.event_id)
    t.eq(event.origin_server_ts, 1600000000000)
  end)

  t.it("repeats as often as retry_count says when the homeserver cannot answer", function()
    t.fault { path = whoami, status = 502, body = "<h1>Bad Gateway</h1>", headers = { ["Retry-After"] = "0.1" } }
    t.eq(ghost.api:request("GET", whoami, { retry_count = 1 }).user_id, ghost.mxid)
    t.eq(#hs:asked(), 2)
    t.fault { path = whoami, status = 502, body = "<h1>Bad Gateway</h1>", headers = { ["Retry-After"] = "0.1" } }
    local failed = t.raises(function() ghost.api:request("GET", whoami, { retry_count = 0 }) end, "Bad Gateway")
    t.eq(failed.status, 502)
    t.eq(#hs:asked(), 1)
  end)

  t.it("waits as a refusal for asking too often says, and asks again", function()
    t.fault { path = whoami, status = 429, errcode = "M_LIMIT_EXCEEDED", headers = { ["Retry-After"] = "0.3" } }
    t.eq(ghost.api:request("GET", whoami).user_id, ghost.mxid)
    t.eq(#hs:asked(), 2)
    t.fault { path = whoami, status = 429, errcode = "M_LIMIT_EXCEEDED", content = { retry_after_ms = 300 } }
    t.eq(ghost.api:request("GET", whoami).user_id, ghost.mxid)
    t.fault { path = whoami, status = 429, errcode = "M_LIMIT_EXCEEDED" } -- without any delay
    t.eq(ghost.api:request("GET", whoami, { retry_count = 0 }).user_id, ghost.mxid)
    t.eq(#hs:asked(), 4)
  end)

  t.it("reads JSON whatever the answer says that it is, and raises what is none", function()
    t.fault { path = whoami, body = '{"user_id":"@me:x"}', headers = { ["Content-Type"] = "text/plain" } }
    t.eq(ghost.api:request("GET", whoami).user_id, "@me:x")
    t.fault { path = whoami, body = "<html>Welcome</html>", headers = { ["Content-Type"] = "text/html" } }
    local failed = t.raises(function() ghost.api:request("GET", whoami) end, "not JSON.*Welcome")
    t.eq(failed.status, 200)
    t.eq(failed.errcode, "M_UNKNOWN")
  end)

  t.it("raises that no answer came", function()
    t.fault { path = whoami, refused = true }
    local failed = t.raises(function() ghost.api:request("GET", whoami, { retry_count = 0 }) end)
    t.eq(failed.status, nil)
    t.eq(failed.retryable, true)
  end)

  t.it("shows the token in no path, query or error", function()
    t.fault { path = whoami, status = 400, errcode = "M_UNKNOWN", error = "bad token " .. alice.token }
    local failed = t.raises(function() as_alice.api:request("GET", whoami) end)
    t.eq(failed.message:find(alice.token, 1, true), nil)
    local made = hs:requests()[1]
    t.eq(made.line, "GET /account/whoami")
    t.eq(made.query, {})
  end)

  t.it("raises what the homeserver answers: M_UNRECOGNIZED, M_NOT_FOUND", function()
    local failed = t.raises(function() ghost.api:request("POST", "/_matrix/client/v1/nothing", { content = { x = 1 } }) end)
    t.eq(failed.errcode, "M_UNRECOGNIZED")
    t.eq(failed.status, 404)
    failed = t.raises(function() as_alice.api:request("GET", "/_matrix/client/v3/user/" .. alice.mxid .. "/account_data/org.example.none") end)
    t.eq(failed.errcode, "M_NOT_FOUND")
    t.eq(failed.status, 404)
  end)
end)
