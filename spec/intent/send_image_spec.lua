local t = require "bridge.test"

t.describe("intent:send_image", function()
  local hs, bot, ghost, alice, room

  local url = "mxc://example.org/abc"

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    room  = alice:room()
    hs:asked()
  end)

  local function line() return "PUT /rooms/" .. room .. "/send/m.room.message/TXN" end

  -- content is what the last request sent.
  local function content()
    local made = hs:requests()
    return made[#made].content
  end

  t.it("joins the room, looks at the levels, sends, and returns the event's ID", function()
    local event_id = ghost:send_image(room, url, { file_name = "cat.png", info = { mimetype = "image/png", size = 12000, w = 640, h = 480 } })
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. room, "GET /rooms/" .. room .. "/state/m.room.power_levels",
      "GET /rooms/" .. room .. "/state/m.room.create?format=event", line() })
    local event = ghost:get_event(room, event_id)
    t.eq(event.sender, ghost.mxid)
    t.eq(event.type, "m.room.message")
    t.eq(event.content, { msgtype = "m.image", body = "cat.png", url = url, info = { mimetype = "image/png", size = 12000, w = 640, h = 480 } })
  end)

  t.it("asks only for the sending when the store knows room and levels", function()
    ghost:send_image(room, url)
    hs:asked()
    ghost:send_image(room, url)
    t.eq(hs:asked(), { line() })
  end)

  t.it("calls what has no name image", function()
    ghost:send_image(room, url)
    t.eq(content(), { msgtype = "m.image", body = "image", url = url })
  end)

  t.it("sends a relation as it is given", function()
    local relation = { ["m.in_reply_to"] = { event_id = alice:say(room, "show me") } }
    ghost:send_image(room, url, { relates_to = relation })
    t.eq(content()["m.relates_to"], relation)
  end)

  t.it("sends at another time, with further parameters and headers", function()
    local event_id = ghost:send_image(room, url, { timestamp = 1500000000000, query_params = { ["org.example.x"] = "a b" }, headers = { ["X-Example"] = "yes" } })
    local made = hs:requests()
    t.eq(made[#made].query, { ts = "1500000000000", ["org.example.x"] = "a b" })
    t.eq(made[#made].headers["x-example"], "yes")
    t.eq(ghost:get_event(room, event_id).origin_server_ts, 1500000000000)
  end)

  t.it("sends once under one transaction ID", function()
    local first = ghost:send_image(room, url, { txn_id = "one" })
    t.eq(ghost:send_image(room, url, { txn_id = "one" }), first)
    local made = hs:requests()
    t.matches(made[#made].path, "/one$")
    t.eq(ghost:send_image(room, url) ~= first, true)
  end)

  t.it("tries again as often as it is told when the homeserver cannot answer", function()
    ghost:ensure_joined(room)
    ghost:get_power_levels(room)
    local first = ghost:send_image(room, url)
    hs:asked()
    t.fault { path = "/send/", status = 502, headers = { ["Retry-After"] = "0.01" } }
    t.eq(ghost:send_image(room, url, { retry_count = 1 }) ~= first, true)
    t.eq(hs:asked(), { line(), line() })
    t.fault { path = "/send/", status = 502 }
    t.eq(t.raises(function() ghost:send_image(room, url, { retry_count = 0 }) end).status, 502)
    t.eq(hs:asked(), { line() })
  end)

  t.it("marks what a double puppet sends", function()
    local as_alice = bot:user(alice.mxid, { token = alice.token })
    as_alice:send_image(room, url)
    t.eq(type(content()["fi.mau.double_puppet_source"]), "string")
    ghost:send_image(room, url)
    t.eq(content()["fi.mau.double_puppet_source"], nil)
  end)

  t.it("does not join with ensure_joined = false: M_FORBIDDEN outside of the room", function()
    ghost:ensure_registered()
    ghost.state_store:set_power_levels(room, {})
    hs:asked()
    local err = t.raises(function() ghost:send_image(room, url, { ensure_joined = false }) end)
    t.eq(err.errcode, "M_FORBIDDEN")
    t.eq(err.status, 403)
    t.eq(hs:asked(), { "GET /rooms/" .. room .. "/state/m.room.create?format=event", line() })
  end)

  t.it("refuses what the user's level does not allow, and does not ask to send it", function()
    alice:send(room, "m.room.power_levels", { events = { ["m.room.message"] = 50 } }, { state_key = "" })
    ghost:ensure_joined(room)
    hs:asked()
    t.raises(function() ghost:send_image(room, url) end, "power level of .* is not enough for m%.room%.message")
    for _, asked in ipairs(hs:asked()) do t.matches(asked, "^GET ") end
  end)

  t.it("raises M_TOO_LARGE for an event of more than 65536 bytes", function()
    local err = t.raises(function() ghost:send_image(room, url, { info = { long = ("x"):rep(66000) } }) end)
    t.eq(err.errcode, "M_TOO_LARGE")
    t.eq(err.status, 413)
  end)
end)
