local t = require "bridge.test"

t.describe("intent:react", function()
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

  local function put() return "PUT /rooms/" .. room .. "/send/m.reaction/TXN" end

  -- Afterwards one request is all that the ghost's call takes.
  local function known()
    ghost:send_message_event(room, "com.example.first", {})
    hs:asked()
  end

  t.it("registers and joins the user, looks at the levels and at the room's creation, sends, and returns the event's ID", function()
    local event_id = ghost:react(room, said, "👍")
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. room, "GET /rooms/" .. room .. "/state/m.room.power_levels",
      "GET /rooms/" .. room .. "/state/m.room.create?format=event", put() })
    local sent = ghost:get_event(room, event_id)
    t.eq({ sent.type, sent.sender }, { "m.reaction", ghost.mxid })
  end)

  t.it("makes one request when all that is known", function()
    known()
    ghost:react(room, said, "👍")
    t.eq(hs:asked(), { put() })
  end)

  t.it("sends an m.reaction with the key", function()
    known()
    local event_id = ghost:react(room, said, "👍")
    local want = { ["m.relates_to"] = { rel_type = "m.annotation", event_id = said, key = "👍" } }
    t.eq(hs:requests()[1].content, want)
    t.eq(ghost:get_event(room, event_id).content, want)
    t.eq(ghost:get_relations(room, said, { rel_type = "m.annotation" }).chunk[1].event_id, event_id)
  end)

  t.it("takes any text for a key", function()
    known()
    ghost:react(room, said, "well said & <b>")
    t.eq(hs:requests()[1].content["m.relates_to"].key, "well said & <b>")
  end)

  t.it("raises M_DUPLICATE_ANNOTATION for the same reaction again, not for another one or another user's", function()
    known()
    ghost:react(room, said, "👍")
    local err = t.raises(function() ghost:react(room, said, "👍") end, "same reaction twice")
    t.eq({ err.errcode, err.status }, { "M_DUPLICATE_ANNOTATION", 400 })
    t.matches(ghost:react(room, said, "👎"), "^%$")
    t.matches(bot:react(room, said, "👍"), "^%$")
  end)

  t.it("reacts again when the reaction was taken back", function()
    known()
    ghost:redact(room, ghost:react(room, said, "👍"))
    t.matches(ghost:react(room, said, "👍"), "^%$")
  end)

  t.it("raises what the homeserver says of an event that is not there, or is in another room", function()
    known()
    local err = t.raises(function() ghost:react(room, "$nothing" .. said:sub(9), "👍") end, "unknown event")
    t.eq(err.status, 400)
    local elsewhere = alice:room()
    ghost:ensure_joined(elsewhere)
    t.raises(function() ghost:react(elsewhere, said, "👍") end, "in the same room")
  end)

  t.it("asks nothing without a room, an event or a key", function()
    t.raises(function() ghost:react("", said, "👍") end, "room")
    t.raises(function() ghost:react(room, "", "👍") end, "'event_id'")
    t.raises(function() ghost:react(room, said) end, "'key'")
    t.eq(hs:asked(), {})
  end)

  t.it("takes timestamp, txn_id, query_params and headers as every event does", function()
    known()
    local txn = "mine" .. room
    local event_id = ghost:react(room, said, "👍", { timestamp = 1234567890123, txn_id = txn, query_params = { ["com.example.q"] = "a&b" }, headers = { ["X-Example"] = "yes" } })
    local made = hs:requests()[1]
    t.eq(made.query, { ts = "1234567890123", ["com.example.q"] = "a&b" })
    t.eq(made.user, ghost.mxid)
    t.eq(made.headers["x-example"], "yes")
    t.eq(made.path:sub(-#txn), txn)
    t.eq(ghost:get_event(room, event_id).origin_server_ts, 1234567890123)
    t.eq(ghost:react(room, said, "👍", { txn_id = txn }), event_id)
  end)

  t.it("repeats a request that got no good answer as often as retry_count says, with the same transaction ID", function()
    known()
    t.fault { path = "/send/", status = 502, content = { retry_after_ms = 20 }, done = true }
    local event_id = ghost:react(room, said, "👍", { retry_count = 1 })
    local made = hs:requests()
    t.eq({ made[1].status, made[2].status, made[3] }, { 502, 200 })
    t.eq(made[1].path, made[2].path)
    t.matches(event_id, "^%$")
    t.fault { path = "/send/", status = 502 }
    t.eq(t.raises(function() ghost:react(room, said, "👍", { retry_count = 0 }) end).status, 502)
  end)

  t.it("neither registers nor joins with ensure_joined = false: who is not in the room is refused with M_FORBIDDEN", function()
    bot:send_message_event(room, "com.example.first", {})
    ghost:ensure_registered()
    hs:asked()
    local err = t.raises(function() ghost:react(room, said, "👍", { ensure_joined = false }) end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
    t.eq(hs:asked(), { put() })
  end)

  t.it("asks nothing when the level is too low", function()
    known()
    as_alice:set_power_levels(room, { events = { ["m.reaction"] = 50 } })
    hs:asked()
    t.raises(function() ghost:react(room, said, "👍") end, "react as .+ power level of .+ is not enough for m%.reaction")
    t.eq(hs:asked(), {})
  end)

  t.it("joins once more when the homeserver says that the user is not in the room", function()
    known()
    hs.intent:join_room(room) -- so that the room stays known
    hs:asked()
    alice:kick(room, ghost.mxid)
    ghost.state_store:joined(room, ghost.mxid) -- as if the kick had not been heard of
    t.matches(ghost:react(room, said, "👍"), "^%$")
    t.eq(hs:asked(), { put(), "POST /join/" .. room, put() })
  end)

  t.it("marks what a double puppet sends, and nothing of the others", function()
    known()
    ghost:react(room, said, "👍")
    local plain = hs:requests()[1].content
    t.eq(plain["fi.mau.double_puppet_source"], nil)
    as_alice:react(room, said, "👍")
    local made = hs:requests()
    made = made[#made]
    t.matches(made.content["fi.mau.double_puppet_source"], ".")
    t.eq({ made.user, made.headers.authorization }, { nil, "Bearer " .. alice.token })
    plain["fi.mau.double_puppet_source"] = made.content["fi.mau.double_puppet_source"]
    t.eq(made.content, plain)
  end)
end)
