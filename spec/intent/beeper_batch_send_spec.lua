local t = require "bridge.test"

t.describe("intent:beeper_batch_send", function()
  local hs, bot, ghost, alice, as_alice, room, events

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    room     = alice:room()
    events   = {
      { type = "m.room.message", sender = ghost.mxid, timestamp = 1500000000000, content = { msgtype = "m.text", body = "one" } },
      { type = "m.room.message", sender = alice.mxid, timestamp = 1500000001000, content = { msgtype = "m.text", body = "two" } },
    }
    hs:asked()
  end)

  local function line() return "POST /_matrix/client/unstable/com.beeper.backfill/rooms/" .. room .. "/batch_send" end

  -- answers stands for Beeper's homeservers, the only ones that can do it.
  local function answers() t.fault { method = "POST", path = "/batch_send", content = { event_ids = { "$e1", "$e2" } } } end

  t.it("sends the events in their order, and returns their IDs", function()
    answers()
    t.eq(bot:beeper_batch_send(room, events), { event_ids = { "$e1", "$e2" } })
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, line())
    t.eq(made[1].user, bot.mxid)
    t.eq(made[1].content, { events = events })
  end)

  t.it("registers and joins nobody", function()
    answers()
    ghost:beeper_batch_send(room, events)
    t.eq(hs:asked(), { line() })
    t.eq(ghost.state_store:is_registered(ghost.mxid), false)
    t.eq(hs:members(room)[ghost.mxid], nil)
  end)

  t.it("says where the events belong, whether people are told, and who has read them", function()
    answers()
    bot:beeper_batch_send(room, events, { forward = true, send_notification = true, mark_read_by = alice.mxid })
    t.eq(hs:requests()[1].content, { events = events, forward = true, send_notification = true, mark_read_by = alice.mxid })
    answers()
    bot:beeper_batch_send(room, events, { forward_if_no_messages = true })
    t.eq(hs:requests()[1].content, { events = events, forward_if_no_messages = true })
  end)

  t.it("does not say what is false", function()
    answers()
    bot:beeper_batch_send(room, events, { forward = false, forward_if_no_messages = false, send_notification = false })
    t.eq(hs:requests()[1].content, { events = events })
  end)

  t.it("sends no events as an empty list", function()
    answers()
    bot:beeper_batch_send(room, {})
    t.eq(hs:requests()[1].content, { events = {} })
  end)

  t.it("raises M_UNRECOGNIZED on any other homeserver", function()
    local err = t.raises(function() as_alice:beeper_batch_send(room, events) end)
    t.eq(err.errcode, "M_UNRECOGNIZED")
    t.eq(err.status, 404)
  end)

  t.it("raises M_FORBIDDEN when the homeserver does not let the user do it", function()
    t.fault { method = "POST", path = "/batch_send", status = 403, errcode = "M_FORBIDDEN", error = "not in the room" }
    local err = t.raises(function() bot:beeper_batch_send(room, events) end)
    t.eq(err.errcode, "M_FORBIDDEN")
    t.eq(err.status, 403)
  end)

  t.it("refuses what is no room before it asks anything", function()
    t.raises(function() bot:beeper_batch_send("", events) end)
    t.eq(hs:asked(), {})
  end)
end)
