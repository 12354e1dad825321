local t = require "bridge.test"

t.describe("intent:send_markdown", function()
  local hs, bot, ghost, alice, as_alice, room, said

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    room     = alice:room()
    said     = alice:say(room, "hello")
    hs:asked()
  end)

  local function put() return "PUT /rooms/" .. room .. "/send/m.room.message/TXN" end

  -- Afterwards one request is all that the ghost's call takes.
  local function known()
    ghost:send_message_event(room, "com.example.first", {})
    hs:asked()
  end

  t.it("registers and joins the user, looks at the levels and at the room's creation, sends, and returns the event's ID", function()
    local event_id = ghost:send_markdown(room, "**well**")
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. room, "GET /rooms/" .. room .. "/state/m.room.power_levels",
      "GET /rooms/" .. room .. "/state/m.room.create?format=event", put() })
    local sent = ghost:get_event(room, event_id)
    t.eq({ sent.type, sent.sender }, { "m.room.message", ghost.mxid })
  end)

  t.it("makes one request when all that is known", function()
    known()
    ghost:send_markdown(room, "**well**")
    t.eq(hs:asked(), { put() })
  end)

  t.it("sends the Markdown as the plain form and HTML beside it", function()
    known()
    local event_id = ghost:send_markdown(room, "**well** [here](https://example.com)")
    local want = { msgtype = "m.text", body = "**well** [here](https://example.com)", format = "org.matrix.custom.html",
      formatted_body = '<strong>well</strong> <a href="https://example.com">here</a>' }
    t.eq(hs:requests()[1].content, want)
    t.eq(ghost:get_event(room, event_id).content, want)
  end)

  t.it("fills nothing in: a percent sign is one", function()
    known()
    ghost:send_markdown(room, "*100%s*")
    t.eq(hs:requests()[1].content.body, "*100%s*")
  end)

  t.it("sends both forms of a text without formatting, too", function()
    known()
    ghost:send_markdown(room, "a < b")
    t.eq(hs:requests()[1].content, { msgtype = "m.text", body = "a < b", format = "org.matrix.custom.html", formatted_body = "a &lt; b" })
  end)

  t.it("shows HTML as text, and links that could do harm, too", function()
    known()
    ghost:send_markdown(room, "**a** <script>b</script> [c](javascript:d)")
    local html = hs:requests()[1].content.formatted_body
    t.matches(html, "&lt;script&gt;b&lt;/script&gt;")
    t.eq(html:find("href", 1, true), nil)
  end)

  t.it("sends another kind of message with msgtype, and relates_to with it", function()
    known()
    local reply = { ["m.in_reply_to"] = { event_id = said } }
    ghost:send_markdown(room, "hello", { msgtype = "m.notice", relates_to = reply })
    t.eq(hs:requests()[1].content, { msgtype = "m.notice", body = "hello", format = "org.matrix.custom.html",
      formatted_body = "hello", ["m.relates_to"] = reply })
  end)

  t.it("needs a text, and asks nothing without", function()
    t.raises(function() ghost:send_markdown(room, "") end, "text or html is needed")
    t.raises(function() ghost:send_markdown(room) end, "'markdown'")
    t.eq(hs:asked(), {})
  end)

  t.it("takes timestamp, txn_id, query_params and headers as every event does", function()
    known()
    local txn = "mine" .. room
    local event_id = ghost:send_markdown(room, "**well**", { timestamp = 1234567890123, txn_id = txn, query_params = { ["com.example.q"] = "a&b" }, headers = { ["X-Example"] = "yes" } })
    local made = hs:requests()[1]
    t.eq(made.query, { ts = "1234567890123", ["com.example.q"] = "a&b" })
    t.eq(made.user, ghost.mxid)
    t.eq(made.headers["x-example"], "yes")
    t.eq(made.path:sub(-#txn), txn)
    t.eq(ghost:get_event(room, event_id).origin_server_ts, 1234567890123)
    t.eq(ghost:send_markdown(room, "**well**", { txn_id = txn }), event_id)
  end)

  t.it("repeats a request that got no good answer as often as retry_count says, with the same transaction ID", function()
    known()
    t.fault { path = "/send/", status = 502, content = { retry_after_ms = 20 }, done = true }
    local event_id = ghost:send_markdown(room, "**well**", { retry_count = 1 })
    local made = hs:requests()
    t.eq({ made[1].status, made[2].status, made[3] }, { 502, 200 })
    t.eq(made[1].path, made[2].path)
    t.matches(event_id, "^%$")
    t.fault { path = "/send/", status = 502 }
    t.eq(t.raises(function() ghost:send_markdown(room, "**well**", { retry_count = 0 }) end).status, 502)
  end)

  t.it("neither registers nor joins with ensure_joined = false: who is not in the room is refused with M_FORBIDDEN", function()
    bot:send_message_event(room, "com.example.first", {})
    ghost:ensure_registered()
    hs:asked()
    local err = t.raises(function() ghost:send_markdown(room, "**well**", { ensure_joined = false }) end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
    t.eq(hs:asked(), { put() })
  end)

  t.it("asks nothing when the level is too low", function()
    known()
    as_alice:set_power_levels(room, { events = { ["m.room.message"] = 50 } })
    hs:asked()
    t.raises(function() ghost:send_markdown(room, "**well**") end, "send_markdown as .+ power level of .+ is not enough for m%.room%.message")
    t.eq(hs:asked(), {})
  end)

  t.it("joins once more when the homeserver says that the user is not in the room", function()
    known()
    hs.intent:join_room(room) -- so that the room stays known
    hs:asked()
    alice:kick(room, ghost.mxid)
    ghost.state_store:joined(room, ghost.mxid) -- as if the kick had not been heard of
    t.matches(ghost:send_markdown(room, "**well**"), "^%$")
    t.eq(hs:asked(), { put(), "POST /join/" .. room, put() })
  end)

  t.it("marks what a double puppet sends, and nothing of the others", function()
    known()
    ghost:send_markdown(room, "**well**")
    local plain = hs:requests()[1].content
    t.eq(plain["fi.mau.double_puppet_source"], nil)
    as_alice:send_markdown(room, "**well**")
    local made = hs:requests()
    made = made[#made]
    t.matches(made.content["fi.mau.double_puppet_source"], ".")
    t.eq({ made.user, made.headers.authorization }, { nil, "Bearer " .. alice.token })
    plain["fi.mau.double_puppet_source"] = made.content["fi.mau.double_puppet_source"]
    t.eq(made.content, plain)
  end)

  t.it("raises M_TOO_LARGE for an event that is too large for the homeserver", function()
    known()
    local err = t.raises(function() ghost:send_markdown(room, "**so**" .. ("&"):rep(20000)) end)
    t.eq({ err.errcode, err.status }, { "M_TOO_LARGE", 413 })
  end)
end)
