local t = require "bridge.test"
local json = require "bridge.json"

t.describe("intent:get_event_context", function()
  local hs, ghost, alice, room, said

  t.before_each(function()
    hs    = t.load("blank.lua")
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    room  = alice:room { name = "before" }
    said  = {}
    for n = 1, 7 do said[n] = alice:say(room, "number " .. n) end
    hs:asked()
  end)

  local function path(event_id) return "GET /rooms/" .. room .. "/context/" .. event_id end

  -- What events say, in short: "5 4 3".
  local function numbers(events)
    local all = {}
    for i, event in ipairs(events) do all[i] = event.content.body:match("%d+$") end
    return table.concat(all, " ")
  end

  local function state(context, event_type, state_key)
    for _, event in ipairs(context.state) do
      if event.type == event_type and event.state_key == (state_key or "") then return event.content end
    end
  end

  t.it("registers and joins the user first, and gives the event with those around it", function()
    local context = ghost:get_event_context(room, said[4], { limit = 4 })
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. room, path(said[4]) .. "?limit=4" })
    t.eq({ context.event.event_id, context.event.sender, context.event.content.body }, { said[4], alice.mxid, "number 4" })
    t.eq(numbers(context.events_before), "3 2")
    t.eq(numbers(context.events_after), "5 6")
  end)

  t.it("asks nothing more when the user is in the room", function()
    ghost:ensure_joined(room)
    hs:asked()
    ghost:get_event_context(room, said[4])
    t.eq(hs:asked(), { path(said[4]) })
  end)

  t.it("leaves the number of events to the homeserver, which gives ten", function()
    local context = ghost:get_event_context(room, said[6])
    t.eq(numbers(context.events_before), "5 4 3 2 1")
    t.eq(context.events_after[1].content.body, "number 7")
  end)

  t.it("gives the event alone with limit = 0", function()
    local context = ghost:get_event_context(room, said[4], { limit = 0 })
    t.eq({ #context.events_before, #context.events_after, context.event.event_id }, { 0, 0, said[4] })
  end)

  t.it("gives the odd one after the event", function()
    local context = ghost:get_event_context(room, said[4], { limit = 3 })
    t.eq({ numbers(context.events_before), numbers(context.events_after) }, { "3", "5 6" })
  end)

  t.it("gives tokens from which get_messages goes on", function()
    local context = ghost:get_event_context(room, said[4], { limit = 2 })
    t.eq(numbers(ghost:get_messages(room, "b", { from_token = context.start, limit = 2 }).events), "2 1")
    t.eq(numbers(ghost:get_messages(room, "f", { from_token = context["end"], limit = 2 }).events), "6 7")
  end)

  t.it("gives the room's state as it was after the last of the events", function()
    alice:send(room, "m.room.name", { name = "after" }, { state_key = "" })
    local early = ghost:get_event_context(room, said[3], { limit = 2 })
    t.eq(state(early, "m.room.name"), { name = "before" })
    t.eq(state(early, "m.room.member", alice.mxid).membership, "join")
    t.eq(state(early, "m.room.member", ghost.mxid), nil)
    t.eq(state(ghost:get_event_context(room, said[7], { limit = 4 }), "m.room.name"), { name = "after" })
  end)

  t.it("hands the filter on: it holds for the events around and the state, not for the event", function()
    alice:send(room, "com.example.thing", { body = "number 8" })
    ghost:ensure_joined(room)
    hs:asked()
    local filter = json.encode { types = { "com.example.*", "m.room.name" } }
    local context = ghost:get_event_context(room, said[4], { filter = filter })
    t.eq(hs:requests()[1].query.filter, filter)
    t.eq(context.event.event_id, said[4])
    t.eq(numbers(context.events_after), "8")
    t.eq({ context.events_before[1].type, context.events_before[2] }, { "m.room.name" })
    t.eq({ #context.state, context.state[1].type }, { 1, "m.room.name" })
  end)

  t.it("gives each event as it was sent, with its latest edit and its thread beside it", function()
    local edit = alice:edit(room, said[4], "number 44")
    local answer = alice:send(room, "m.room.message", { msgtype = "m.text", body = "number 45", ["m.relates_to"] = { rel_type = "m.thread", event_id = said[4] } })
    local event = ghost:get_event_context(room, said[4]).event
    t.eq(event.content.body, "number 4")
    local bundled = event.unsigned["m.relations"]
    t.eq({ bundled["m.replace"].event_id, bundled["m.thread"].count, bundled["m.thread"].latest_event.event_id }, { edit, 1, answer })
  end)

  t.it("raises M_NOT_FOUND for an event that is not there", function()
    local err = t.raises(function() ghost:get_event_context(room, "$nothing" .. said[1]:sub(9)) end, "Event not found")
    t.eq({ err.errcode, err.status }, { "M_NOT_FOUND", 404 })
  end)

  t.it("raises M_FORBIDDEN with ensure_joined = false when the user may not see the event", function()
    ghost:ensure_registered()
    hs:asked()
    local err = t.raises(function() ghost:get_event_context(room, said[4], { ensure_joined = false }) end, "permission")
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
    t.eq(hs:asked(), { path(said[4]) })
    t.eq(hs:members(room)[ghost.mxid], nil)
  end)

  t.it("encodes the event's ID in the path", function()
    ghost:ensure_joined(room)
    hs:asked()
    t.raises(function() ghost:get_event_context(room, "$a/b?:example.com") end)
    t.matches(hs:requests()[1].raw_path, "/context/%%24a%%2Fb%%3F%%3Aexample%.com$")
  end)

  t.it("asks nothing without a room or an event", function()
    t.raises(function() ghost:get_event_context("", said[1]) end, "room")
    t.raises(function() ghost:get_event_context(room, "") end, "'event_id'")
    t.eq(hs:asked(), {})
  end)
end)
