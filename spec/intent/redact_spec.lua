local t = require "bridge.test"
local json = require "bridge.json"

t.describe("intent:redact", function()
  local hs, bot, ghost, alice, as_alice, room, said, own

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    room     = alice:room()
    said     = alice:say(room, "hello")
    own      = said
    hs:asked()
  end)

  local function put() return "PUT /rooms/" .. room .. "/redact/" .. own .. "/TXN" end

  -- Afterwards the ghost has said something, and one request is all that its calls take.
  local function known()
    own = ghost:send_text(room, "mine")
    hs:asked()
  end

  t.it("joins the user, looks at the levels and at the room's creation, sends, and returns the redaction's ID", function()
    local event_id = as_alice:redact(room, own)
    t.eq(hs:asked(), { "POST /join/" .. room, "GET /rooms/" .. room .. "/state/m.room.power_levels",
      "GET /rooms/" .. room .. "/state/m.room.create?format=event", put() })
    local sent = as_alice:get_event(room, event_id)
    t.eq({ sent.type, sent.sender }, { "m.room.redaction", alice.mxid })
  end)

  t.it("makes one request when all that is known", function()
    known()
    ghost:redact(room, own)
    t.eq(hs:asked(), { put() })
  end)

  t.it("takes an event of the user's own back: its content goes", function()
    known()
    local event_id = ghost:redact(room, own)
    local made = hs:requests()[1]
    t.eq({ made.line, json.encode(made.content) }, { put(), "{}" })
    local gone = bot:get_event(room, own)
    t.eq(json.encode(gone.content), "{}")
    t.eq(gone.unsigned.redacted_because.event_id, event_id)
  end)

  t.it("tells the reason, and further fields with extra_content", function()
    known()
    local event_id = ghost:redact(room, own, { reason = "said twice" })
    t.eq(hs:requests()[1].content, { reason = "said twice" })
    local content = ghost:get_event(room, event_id).content
    t.eq({ content.reason, content.redacts }, { "said twice", own })
    ghost:redact(room, own, { reason = "said twice", extra_content = { ["com.example.more"] = { 1 }, reason = "another" } })
    t.eq(hs:requests()[2].content, { reason = "said twice", ["com.example.more"] = { 1 } })
    ghost:redact(room, own, { extra_content = { reason = "another" } })
    t.eq(hs:requests()[1].content, { reason = "another" })
  end)

  t.it("is refused with M_FORBIDDEN for another user's event, unless the level for redact is reached", function()
    known()
    local err = t.raises(function() ghost:redact(room, said) end, "don't have permission to redact")
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
    as_alice:set_power_levels(room, { users = { [ghost.mxid] = 50 } })
    ghost:redact(room, said)
    t.eq(json.encode(bot:get_event(room, said).content), "{}")
  end)

  t.it("leaves the level for redact to the homeserver: one's own events need none", function()
    known()
    as_alice:set_power_levels(room, { redact = 90 })
    hs:asked()
    ghost:redact(room, own)
    t.eq(hs:asked(), { put() })
  end)

  t.it("raises M_NOT_FOUND for an event that is not there", function()
    known()
    local err = t.raises(function() ghost:redact(room, "$nothing" .. said:sub(9)) end, "Could not find event")
    t.eq({ err.errcode, err.status }, { "M_NOT_FOUND", 404 })
  end)

  t.it("encodes the event's ID in the path: those of old rooms may hold a slash", function()
    known()
    t.raises(function() ghost:redact(room, "$a/b+c?:example.com") end)
    t.matches(hs:requests()[1].raw_path, "/redact/%%24a%%2Fb%%2Bc%%3F%%3Aexample%.com/")
  end)

  t.it("asks nothing without a room or an event, and when extra_content is a list", function()
    t.raises(function() ghost:redact("", own) end, "room")
    t.raises(function() ghost:redact(room, "") end, "'event_id'")
    t.raises(function() ghost:redact(room, own, { extra_content = { 1, 2 } }) end, "'extra_content'")
    t.eq(hs:asked(), {})
  end)

  t.it("takes timestamp, txn_id, query_params and headers as every event does; homeservers need not heed the timestamp", function()
    known()
    local txn = "mine" .. room
    local event_id = ghost:redact(room, own, { timestamp = 1234567890123, txn_id = txn, query_params = { ["com.example.q"] = "a&b" }, headers = { ["X-Example"] = "yes" } })
    local made = hs:requests()[1]
    t.eq(made.query, { ts = "1234567890123", ["com.example.q"] = "a&b" })
    t.eq(made.user, ghost.mxid)
    t.eq(made.headers["x-example"], "yes")
    t.eq(made.path:sub(-#txn), txn)
    t.eq(ghost:redact(room, own, { txn_id = txn }), event_id)
  end)

  t.it("repeats a request that got no good answer as often as retry_count says, with the same transaction ID", function()
    known()
    t.fault { path = "/redact/", status = 502, content = { retry_after_ms = 20 }, done = true }
    local event_id = ghost:redact(room, own, { retry_count = 1 })
    local made = hs:requests()
    t.eq({ made[1].status, made[2].status, made[3] }, { 502, 200 })
    t.eq(made[1].path, made[2].path)
    t.matches(event_id, "^%$")
    t.fault { path = "/redact/", status = 502 }
    t.eq(t.raises(function() ghost:redact(room, own, { retry_count = 0 }) end).status, 502)
  end)

  t.it("neither registers nor joins with ensure_joined = false: who is not in the room is refused with M_FORBIDDEN", function()
    bot:send_message_event(room, "com.example.first", {})
    ghost:ensure_registered()
    hs:asked()
    local err = t.raises(function() ghost:redact(room, own, { ensure_joined = false }) end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
    t.eq(hs:asked(), { put() })
  end)

  t.it("asks nothing when the level is too low", function()
    known()
    as_alice:set_power_levels(room, { events = { ["m.room.redaction"] = 50 } })
    hs:asked()
    t.raises(function() ghost:redact(room, own) end, "redact as .+ power level of .+ is not enough for m%.room%.redaction")
    t.eq(hs:asked(), {})
  end)

  t.it("joins once more when the homeserver says that the user is not in the room", function()
    known()
    hs.intent:join_room(room) -- so that the room stays known
    hs:asked()
    alice:kick(room, ghost.mxid)
    ghost.state_store:joined(room, ghost.mxid) -- as if the kick had not been heard of
    t.matches(ghost:redact(room, own), "^%$")
    t.eq(hs:asked(), { put(), "POST /join/" .. room, put() })
  end)

  t.it("marks what a double puppet sends, and nothing of the others", function()
    known()
    ghost:redact(room, own)
    local plain = hs:requests()[1].content
    t.eq(plain["fi.mau.double_puppet_source"], nil)
    as_alice:redact(room, own)
    local made = hs:requests()
    made = made[#made]
    t.matches(made.content["fi.mau.double_puppet_source"], ".")
    t.eq({ made.user, made.headers.authorization }, { nil, "Bearer " .. alice.token })
    plain["fi.mau.double_puppet_source"] = made.content["fi.mau.double_puppet_source"]
    t.eq(made.content, plain)
  end)
end)
