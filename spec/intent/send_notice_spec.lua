local t = require "bridge.test"
local bridge = require "bridge"

t.describe("intent:send_notice", function()
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
    local event_id = ghost:send_notice(room, "hello")
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. room, "GET /rooms/" .. room .. "/state/m.room.power_levels",
      "GET /rooms/" .. room .. "/state/m.room.create?format=event", put() })
    local sent = ghost:get_event(room, event_id)
    t.eq({ sent.type, sent.sender }, { "m.room.message", ghost.mxid })
  end)

  t.it("makes one request when all that is known", function()
    known()
    ghost:send_notice(room, "hello")
    t.eq(hs:asked(), { put() })
  end)

  t.it("sends a text without any formatted form", function()
    known()
    local event_id = ghost:send_notice(room, "hello <b>you</b>")
    t.eq(hs:requests()[1].content, { msgtype = "m.notice", body = "hello <b>you</b>" })
    t.eq(ghost:get_event(room, event_id).content, { msgtype = "m.notice", body = "hello <b>you</b>" })
  end)

  t.it("sends text and html as they are given", function()
    known()
    ghost:send_notice(room, { text = "hello", html = "<b>good</b> day" })
    ghost:send_notice(room, "hello", { html = "<b>good</b> day" })
    local want = { msgtype = "m.notice", body = "hello", format = "org.matrix.custom.html", formatted_body = "<b>good</b> day" }
    local made = hs:requests()
    t.eq({ made[1].content, made[2].content }, { want, want })
  end)

  t.it("makes the plain form from the html when there is no text", function()
    known()
    ghost:send_notice(room, { html = "<b>good</b> day &amp; night" })
    t.eq(hs:requests()[1].content, { msgtype = "m.notice", body = "**good** day & night", format = "org.matrix.custom.html",
      formatted_body = "<b>good</b> day &amp; night" })
  end)

  t.it("sends both forms of what bridge.markdown and bridge.html make, and html in place of theirs", function()
    known()
    ghost:send_notice(room, bridge.markdown("**%s**", "<b>"))
    ghost:send_notice(room, bridge.html("<em>well</em>"), { html = "<u>well</u>" })
    local made = hs:requests()
    t.eq({ made[1].content.body, made[1].content.formatted_body }, { "**<b>**", "<strong>&lt;b&gt;</strong>" })
    t.eq(made[2].content.formatted_body, "<u>well</u>")
  end)

  t.it("pings nobody by what is filled into a markup", function()
    known()
    ghost:send_notice(room, bridge.markdown("hello **%s**", "alice"))
    ghost:send_notice(room, "hello alice")
    local made = hs:requests()
    t.eq({ made[1].content["m.mentions"], made[2].content["m.mentions"] }, { {} })
  end)

  t.it("puts relates_to into the content", function()
    known()
    local thread = { rel_type = "m.thread", event_id = said, is_falling_back = true, ["m.in_reply_to"] = { event_id = said } }
    ghost:send_notice(room, "hello", { relates_to = thread })
    t.eq(hs:requests()[1].content, { msgtype = "m.notice", body = "hello", ["m.relates_to"] = thread })
  end)

  t.it("needs a text or html, and asks nothing without", function()
    t.raises(function() ghost:send_notice(room) end, "text or html is needed")
    t.raises(function() ghost:send_notice(room, "") end, "text or html is needed")
    t.raises(function() ghost:send_notice(room, { relates_to = {} }) end, "text or html is needed")
    t.raises(function() ghost:send_notice("", "hello") end, "room")
    t.eq(hs:asked(), {})
  end)

  t.it("takes timestamp, txn_id, query_params and headers as every event does", function()
    known()
    local txn = "mine" .. room
    local event_id = ghost:send_notice(room, "hello", { timestamp = 1234567890123, txn_id = txn, query_params = { ["com.example.q"] = "a&b" }, headers = { ["X-Example"] = "yes" } })
    local made = hs:requests()[1]
    t.eq(made.query, { ts = "1234567890123", ["com.example.q"] = "a&b" })
    t.eq(made.user, ghost.mxid)
    t.eq(made.headers["x-example"], "yes")
    t.eq(made.path:sub(-#txn), txn)
    t.eq(ghost:get_event(room, event_id).origin_server_ts, 1234567890123)
    t.eq(ghost:send_notice(room, "hello", { txn_id = txn }), event_id)
  end)

  t.it("repeats a request that got no good answer as often as retry_count says, with the same transaction ID", function()
    known()
    t.fault { path = "/send/", status = 502, content = { retry_after_ms = 20 }, done = true }
    local event_id = ghost:send_notice(room, "hello", { retry_count = 1 })
    local made = hs:requests()
    t.eq({ made[1].status, made[2].status, made[3] }, { 502, 200 })
    t.eq(made[1].path, made[2].path)
    t.matches(event_id, "^%$")
    t.fault { path = "/send/", status = 502 }
    t.eq(t.raises(function() ghost:send_notice(room, "hello", { retry_count = 0 }) end).status, 502)
  end)

  t.it("neither registers nor joins with ensure_joined = false: who is not in the room is refused with M_FORBIDDEN", function()
    bot:send_message_event(room, "com.example.first", {})
    ghost:ensure_registered()
    hs:asked()
    local err = t.raises(function() ghost:send_notice(room, "hello", { ensure_joined = false }) end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
    t.eq(hs:asked(), { put() })
  end)

  t.it("asks nothing when the level is too low", function()
    known()
    as_alice:set_power_levels(room, { events = { ["m.room.message"] = 50 } })
    hs:asked()
    t.raises(function() ghost:send_notice(room, "hello") end, "send_notice as .+ power level of .+ is not enough for m%.room%.message")
    t.eq(hs:asked(), {})
  end)

  t.it("joins once more when the homeserver says that the user is not in the room", function()
    known()
    hs.intent:join_room(room) -- so that the room stays known
    hs:asked()
    alice:kick(room, ghost.mxid)
    ghost.state_store:joined(room, ghost.mxid) -- as if the kick had not been heard of
    t.matches(ghost:send_notice(room, "hello"), "^%$")
    t.eq(hs:asked(), { put(), "POST /join/" .. room, put() })
  end)

  t.it("marks what a double puppet sends, and nothing of the others", function()
    known()
    ghost:send_notice(room, "hello")
    local plain = hs:requests()[1].content
    t.eq(plain["fi.mau.double_puppet_source"], nil)
    as_alice:send_notice(room, "hello")
    local made = hs:requests()
    made = made[#made]
    t.matches(made.content["fi.mau.double_puppet_source"], ".")
    t.eq({ made.user, made.headers.authorization }, { nil, "Bearer " .. alice.token })
    plain["fi.mau.double_puppet_source"] = made.content["fi.mau.double_puppet_source"]
    t.eq(made.content, plain)
  end)

  t.it("raises M_TOO_LARGE for an event that is too large for the homeserver", function()
    known()
    local err = t.raises(function() ghost:send_notice(room, ("x"):rep(70000)) end)
    t.eq({ err.errcode, err.status }, { "M_TOO_LARGE", 413 })
  end)
end)
