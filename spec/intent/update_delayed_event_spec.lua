local t = require "bridge.test"

t.describe("intent:update_delayed_event", function()
  local hs, bot, ghost, alice, as_alice, room

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    room     = alice:room()
    ghost:ensure_joined(room)
    ghost:send_text(room, "ready")
  end)

  -- delayed is the ID of a message that is sent after so many milliseconds.
  local function delayed(ms)
    local delay_id = ghost:send_delayed_event(room, "m.room.message", { msgtype = "m.text", body = "later" }, ms)
    hs:asked()
    return delay_id
  end

  local function path(delay_id) return "POST /_matrix/client/unstable/org.matrix.msc4140/delayed_events/" .. delay_id end
  local function last() return as_alice:get_messages(room, "b", { limit = 1, filter_json = '{"types":["m.room.message"]}' }).events[1].content.body end

  t.it("sends the event now", function()
    local delay_id = delayed(3600000)
    t.eq(ghost:update_delayed_event(delay_id, "send"), nil)
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, path(delay_id))
    t.eq(made[1].content, { action = "send" })
    t.eq(made[1].user, ghost.mxid)
    t.eq(last(), "later")
  end)

  t.it("drops the event", function()
    local delay_id = delayed(1500)
    ghost:update_delayed_event(delay_id, "cancel")
    t.eq(hs:requests()[1].content, { action = "cancel" })
    t.advance("2.5s")
    t.eq(last(), "ready")
  end)

  t.it("starts the delay anew", function()
    local delay_id = delayed(3000)
    t.advance("2s")
    ghost:update_delayed_event(delay_id, "restart")
    t.eq(hs:requests()[1].content, { action = "restart" })
    t.advance("1.5s")
    t.eq(last(), "ready")
    t.advance("2.5s")
    t.eq(last(), "later")
  end)

  t.it("lets whoever has the ID do that", function()
    bot:ensure_registered()
    bot:update_delayed_event(delayed(3600000), "send")
    t.eq(last(), "later")
  end)

  t.it("raises M_NOT_FOUND when the event was sent or dropped already", function()
    local delay_id = delayed(3600000)
    ghost:update_delayed_event(delay_id, "cancel")
    for _, action in ipairs { "send", "cancel", "restart" } do
      local err = t.raises(function() ghost:update_delayed_event(delay_id, action) end)
      t.eq(err.errcode, "M_NOT_FOUND")
      t.eq(err.status, 404)
    end
    delay_id = delayed(100)
    t.advance("1s")
    t.eq(t.raises(function() ghost:update_delayed_event(delay_id, "cancel") end).errcode, "M_NOT_FOUND")
  end)

  t.it("raises M_FORBIDDEN when the event may not be sent, and it is dropped", function()
    local delay_id = delayed(3600000)
    bot:ensure_registered()
    ghost:leave_room(room)
    t.eq(t.raises(function() bot:update_delayed_event(delay_id, "send") end).errcode, "M_FORBIDDEN")
    ghost:ensure_joined(room)
    t.eq(t.raises(function() ghost:update_delayed_event(delay_id, "send") end).errcode, "M_NOT_FOUND")
    t.eq(last(), "ready")
  end)

  t.it("raises M_UNRECOGNIZED on a homeserver that knows no delayed events", function()
    t.fault { path = "/delayed_events/", status = 404, errcode = "M_UNRECOGNIZED", error = "Unrecognized request" }
    local err = t.raises(function() ghost:update_delayed_event("x", "send") end)
    t.eq(err.errcode, "M_UNRECOGNIZED")
    t.eq(err.status, 404)
  end)

  t.it("takes an event for sent when only the answer was lost", function()
    t.fault { path = "/delayed_events/", done = true, status = 503, headers = { ["Retry-After"] = "0.01" } }
    local delay_id = delayed(3600000)
    t.eq(ghost:update_delayed_event(delay_id, "send"), nil)
    t.eq(hs:asked(), { path(delay_id), path(delay_id) })
    t.eq(last(), "later")
  end)

  t.it("sends any ID as one part of the path", function()
    t.raises(function() ghost:update_delayed_event("a/b?c", "send") end)
    local made = hs:requests()
    t.matches(made[#made].raw_path, "/delayed_events/a%%2[Ff]b%%3[Ff]c$")
  end)

  t.it("knows no other action", function()
    local delay_id = delayed(3600000)
    t.raises(function() ghost:update_delayed_event(delay_id, "forget") end, "action")
    t.eq(hs:asked(), {})
  end)
end)
