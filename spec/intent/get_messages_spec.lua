local t = require "bridge.test"
local json = require "bridge.json"

t.describe("intent:get_messages", function()
  local hs, ghost, alice, room
  local messages = json.encode { types = { "m.room.message" } }

  t.before_each(function()
    hs    = t.load("blank.lua")
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    room  = alice:room()
    for n = 1, 5 do alice:say(room, "number " .. n) end
    hs:asked()
  end)

  local function path() return "GET /rooms/" .. room .. "/messages" end

  -- What a page says, in short: "5 4 3".
  local function numbers(page)
    local said = {}
    for i, event in ipairs(page.events) do said[i] = event.content.body:match("%d+$") end
    return table.concat(said, " ")
  end

  t.it("registers and joins the user first, and reads the newest events into the past", function()
    local page = ghost:get_messages(room, "b", { limit = 100 })
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. room, path() .. "?dir=b&limit=100" })
    t.eq({ page.events[1].type, page.events[1].state_key }, { "m.room.member", ghost.mxid })
    t.eq(page.events[2].content.body, "number 5")
    t.eq(page.events[2].sender, alice.mxid)
    t.eq(page.events[#page.events].type, "m.room.create")
    t.matches(page.start, ".")
  end)

  t.it("asks nothing more when the user is in the room", function()
    ghost:ensure_joined(room)
    hs:asked()
    ghost:get_messages(room, "b")
    t.eq(hs:asked(), { path() .. "?dir=b" })
  end)

  t.it("reads from the oldest events towards the present with f", function()
    local page = ghost:get_messages(room, "f", { limit = 2 })
    t.eq({ page.events[1].type, page.events[2].type, page.events[3] }, { "m.room.create", "m.room.member" })
  end)

  t.it("leaves the number of events to the homeserver, which gives ten", function()
    for n = 6, 12 do alice:say(room, "number " .. n) end
    t.eq(numbers(ghost:get_messages(room, "b", { filter_json = messages })), "12 11 10 9 8 7 6 5 4 3")
  end)

  t.it("goes on where a page ended with from_token, until there is no end", function()
    local options, pages = { limit = 2, filter_json = messages }, {}
    repeat
      local page = ghost:get_messages(room, "b", options)
      pages[#pages + 1] = numbers(page)
      options.from_token = page["end"]
    until not page["end"] or #pages > 9
    t.eq(pages, { "5 4", "3 2", "1", "" })
  end)

  t.it("ends at to_token", function()
    local page = ghost:get_messages(room, "b", { limit = 2, filter_json = messages })
    t.eq(numbers(page), "5 4")
    t.eq(numbers(ghost:get_messages(room, "b", { to_token = page["end"], filter_json = messages })), "5 4")
    t.eq(numbers(ghost:get_messages(room, "f", { from_token = page["end"], filter_json = messages })), "4 5")
  end)

  t.it("goes back and forth from the same token", function()
    local page = ghost:get_messages(room, "b", { limit = 3, filter_json = messages })
    t.eq(numbers(page), "5 4 3")
    t.eq(numbers(ghost:get_messages(room, "b", { from_token = page["end"], filter_json = messages })), "2 1")
    t.eq(numbers(ghost:get_messages(room, "f", { from_token = page["end"], filter_json = messages })), "3 4 5")
  end)

  t.it("hands the filter on as it is", function()
    ghost:send_text(room, "number 6")
    hs:asked()
    local filter = json.encode { senders = { ghost.mxid }, types = { "m.room.mess*" } }
    t.eq(numbers(ghost:get_messages(room, "b", { filter_json = filter })), "6")
    t.eq(hs:requests()[1].query.filter, filter)
    t.eq(numbers(ghost:get_messages(room, "b", { filter_json = json.encode { not_senders = { ghost.mxid }, types = { "m.room.message" } } })), "5 4 3 2 1")
  end)

  t.it("gives the senders' member events as state when the filter loads members lazily", function()
    local page = ghost:get_messages(room, "b", { limit = 3, filter_json = json.encode { types = { "m.room.message" }, lazy_load_members = true } })
    t.eq({ page.state[1].type, page.state[1].state_key, page.state[2] }, { "m.room.member", alice.mxid })
    t.eq(ghost:get_messages(room, "b", { limit = 3 }).state, nil)
  end)

  t.it("gives each event as it was sent, with its latest edit beside it", function()
    local said = alice:say(room, "number 6")
    local edit = alice:edit(room, said, "number 66")
    local page = ghost:get_messages(room, "b", { limit = 2, filter_json = messages })
    t.eq({ page.events[1].event_id, page.events[2].event_id, page.events[2].content.body }, { edit, said, "number 6" })
    t.eq(page.events[2].unsigned["m.relations"]["m.replace"].event_id, edit)
  end)

  t.it("raises M_FORBIDDEN with ensure_joined = false when the user is not in the room", function()
    ghost:ensure_registered()
    hs:asked()
    local err = t.raises(function() ghost:get_messages(room, "b", { ensure_joined = false }) end, "not in room")
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
    t.eq(hs:asked(), { path() .. "?dir=b" })
  end)

  t.it("shows who has left what was said until then", function()
    ghost:ensure_joined(room)
    ghost:leave_room(room)
    alice:say(room, "number 6")
    t.eq(numbers(ghost:get_messages(room, "b", { ensure_joined = false, filter_json = messages })), "5 4 3 2 1")
  end)

  t.it("raises what the homeserver says of tokens, filters and limits that make no sense", function()
    ghost:ensure_joined(room)
    local function status(options) return t.raises(function() ghost:get_messages(room, "b", options) end).status end
    t.eq({ status { from_token = "no token" }, status { to_token = "no token" }, status { filter_json = "{" }, status { limit = -1 } }, { 400, 400, 400, 400 })
  end)

  t.it("refuses an answer without a start or events", function()
    ghost:ensure_joined(room)
    t.fault { path = "/messages", content = { chunk = json.array {} } }
    t.raises(function() ghost:get_messages(room, "b") end, "has no start")
    t.fault { path = "/messages", content = { start = "t1" } }
    t.raises(function() ghost:get_messages(room, "b") end, "has no chunk")
  end)

  t.it("asks nothing without a room, and for another direction than b and f", function()
    t.raises(function() ghost:get_messages("", "b") end, "room")
    t.raises(function() ghost:get_messages(room, "x") end, "'direction'")
    t.raises(function() ghost:get_messages(room) end, "'direction'")
    t.eq(hs:asked(), {})
  end)
end)
