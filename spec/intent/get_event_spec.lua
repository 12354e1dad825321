local t = require "bridge.test"

t.describe("intent:get_event", function()
  local hs, bot, ghost, alice, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    room  = alice:room { name = "Hall" }
    hs:asked()
  end)

  t.it("registers and joins the user first, and returns the event", function()
    local id = alice:say(room, "hello")
    local evt = ghost:get_event(room, id)
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. room, "GET /rooms/" .. room .. "/event/" .. id })
    t.eq({ evt.event_id, evt.room_id, evt.type, evt.sender, evt.state_key }, { id, room, "m.room.message", alice.mxid, nil })
    t.eq(evt.content, { msgtype = "m.text", body = "hello" })
    t.eq(type(evt.origin_server_ts), "number")
  end)

  t.it("returns a state event, also one that holds no more", function()
    local id = alice:send(room, "m.room.topic", { topic = "one" }, { state_key = "" })
    alice:send(room, "m.room.topic", { topic = "two" }, { state_key = "" })
    local evt = ghost:get_event(room, id)
    t.eq({ evt.type, evt.state_key, evt.content.topic }, { "m.room.topic", "", "one" })
  end)

  t.it("returns the first version of an edited message, and the edit as it is", function()
    local id = alice:say(room, "hello")
    local edit = alice:send(room, "m.room.message", { msgtype = "m.text", body = "* good day", ["m.new_content"] = { msgtype = "m.text", body = "good day" },
      ["m.relates_to"] = { rel_type = "m.replace", event_id = id } })
    t.eq(ghost:get_event(room, id).content.body, "hello")
    local content = ghost:get_event(room, edit).content
    t.eq({ content.body, content["m.new_content"].body }, { "* good day", "good day" })
  end)

  t.it("returns what is left of one that was taken back", function()
    local id = alice:say(room, "hello")
    alice:redact(room, id)
    local evt = ghost:get_event(room, id)
    t.eq(evt.type, "m.room.message")
    t.eq(evt.content, {})
  end)

  t.it("tells M_NOT_FOUND when there is no such event", function()
    local err = t.raises(function() ghost:get_event(room, "$nothing/there?") end)
    t.eq({ err.errcode, err.status }, { "M_NOT_FOUND", 404 })
    t.matches(hs:requests()[3].raw_path, "/event/%%24nothing%%2Fthere%%3F$")
  end)

  t.it("tells M_NOT_FOUND of an event of another room", function()
    local id = alice:say(room, "hello")
    t.eq(t.raises(function() ghost:get_event(alice:room(), id) end).errcode, "M_NOT_FOUND")
  end)

  t.it("joins nothing with ensure_joined = false; what the user may not see is not found", function()
    local id = alice:say(room, "hello")
    ghost:ensure_registered()
    hs:asked()
    local err = t.raises(function() ghost:get_event(room, id, { ensure_joined = false }) end)
    t.eq({ err.errcode, err.status }, { "M_NOT_FOUND", 404 })
    t.eq(hs:asked(), { "GET /rooms/" .. room .. "/event/" .. id })
  end)

  t.it("tells M_FORBIDDEN where the user cannot come in", function()
    local shut = alice:room { private = true }
    alice:send(shut, "m.room.power_levels", { invite = 50 }, { state_key = "" })
    local id = alice:say(shut, "hello")
    local err = t.raises(function() ghost:get_event(shut, id) end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
  end)
end)
