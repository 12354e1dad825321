local t = require "bridge.test"

t.describe("intent:batch_send", function()
  local hs, bot, ghost, alice, as_alice, room, prev, events

  -- answer is what a homeserver says that can do it: Synapse no longer can.
  local answer = { state_event_ids = { "$s" }, event_ids = { "$e1", "$e2" }, insertion_event_id = "$ins", batch_event_id = "$batch",
    next_batch_id = "next", base_insertion_event_id = "$base" }

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    room     = alice:room()
    prev     = alice:say(room, "the first")
    events   = {
      { type = "m.room.message", sender = ghost.mxid, origin_server_ts = 1500000000000, content = { msgtype = "m.text", body = "one" } },
      { type = "m.room.message", sender = alice.mxid, origin_server_ts = 1500000001000, content = { msgtype = "m.text", body = "two" } },
    }
    hs:asked()
  end)

  local function line(query) return "POST /_matrix/client/unstable/org.matrix.msc2716/rooms/" .. room .. "/batch_send" .. query end
  local function answers() t.fault { method = "POST", path = "/batch_send", content = answer } end

  t.it("sends the events in their order, and returns the homeserver's answer", function()
    answers()
    t.eq(bot:batch_send(room, prev, events), answer)
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, line("?prev_event_id=" .. prev))
    t.eq(made[1].user, bot.mxid)
    t.eq(made[1].content, { events = events, state_events_at_start = {} })
  end)

  t.it("registers and joins nobody", function()
    answers()
    ghost:batch_send(room, prev, events)
    t.eq(hs:asked(), { line("?prev_event_id=" .. prev) })
    t.eq(ghost.state_store:is_registered(ghost.mxid), false)
    t.eq(ghost.state_store:is_joined(room, ghost.mxid), false)
    t.eq(hs:members(room)[ghost.mxid], nil)
  end)

  t.it("goes on with an earlier batch", function()
    answers()
    local first = bot:batch_send(room, prev, events)
    answers()
    bot:batch_send(room, prev, events, { batch_id = first.next_batch_id })
    t.eq(hs:asked(), { line("?prev_event_id=" .. prev), line("?batch_id=next&prev_event_id=" .. prev) })
  end)

  t.it("sends the state before the events", function()
    answers()
    local joins = { { type = "m.room.member", sender = ghost.mxid, state_key = ghost.mxid, origin_server_ts = 1400000000000, content = { membership = "join" } } }
    bot:batch_send(room, prev, events, { state_events_at_start = joins })
    t.eq(hs:requests()[1].content, { events = events, state_events_at_start = joins })
  end)

  t.it("sends event IDs of one's own along", function()
    answers()
    events[1].event_id = "$mine"
    bot:batch_send(room, prev, events)
    t.eq(hs:requests()[1].content.events[1].event_id, "$mine")
  end)

  t.it("sends no events as an empty list", function()
    answers()
    bot:batch_send(room, prev, {})
    t.eq(hs:requests()[1].content, { events = {}, state_events_at_start = {} })
  end)

  t.it("tells Beeper's homeservers that the events are new, and who has read them", function()
    answers()
    bot:batch_send(room, prev, events, { beeper_new_messages = true, beeper_mark_read_by = alice.mxid })
    t.eq(hs:requests()[1].query, { prev_event_id = prev, ["com.beeper.new_messages"] = "true", ["com.beeper.mark_read_by"] = alice.mxid })
  end)

  t.it("leaves out of the answer what the homeserver leaves out", function()
    t.fault { method = "POST", path = "/batch_send", content = { event_ids = { "$e1" } } }
    t.eq(bot:batch_send(room, prev, events), { event_ids = { "$e1" } })
  end)

  t.it("raises M_UNRECOGNIZED on a homeserver that cannot do it", function()
    local err = t.raises(function() as_alice:batch_send(room, prev, events) end)
    t.eq(err.errcode, "M_UNRECOGNIZED")
    t.eq(err.status, 404)
  end)

  t.it("raises M_FORBIDDEN when the homeserver does not let the user do it", function()
    t.fault { method = "POST", path = "/batch_send", status = 403, errcode = "M_FORBIDDEN", error = "Only application services can use the /batchsend endpoint" }
    local err = t.raises(function() bot:batch_send(room, prev, events) end, "Only application services")
    t.eq(err.errcode, "M_FORBIDDEN")
    t.eq(err.status, 403)
  end)

  t.it("refuses what is no room before it asks anything", function()
    t.raises(function() bot:batch_send("", prev, events) end)
    t.eq(hs:asked(), {})
  end)
end)
