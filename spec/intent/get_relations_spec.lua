local t = require "bridge.test"

t.describe("intent:get_relations", function()
  local hs, ghost, alice, room, said

  t.before_each(function()
    hs    = t.load("blank.lua")
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    room  = alice:room()
    said  = alice:say(room, "hello")
    alice:react(room, said, "1")
    alice:react(room, said, "2")
    alice:edit(room, said, "3")
    alice:send(room, "com.example.vote", { ["m.relates_to"] = { rel_type = "m.annotation", event_id = said, key = "4" } })
    alice:reply(room, said, "no relation of this kind")
    hs:asked()
  end)

  local function path(rest) return "GET /_matrix/client/v1/rooms/" .. room .. "/relations/" .. said .. (rest or "") end

  -- What the events of an answer are, in short: "4 3 2 1".
  local function numbers(answer)
    local all = {}
    for i, event in ipairs(answer.chunk) do
      all[i] = event.content["m.relates_to"].key or event.content["m.new_content"].body
    end
    return table.concat(all, " ")
  end

  t.it("registers and joins the user first, and gives what relates to the event, the newest first", function()
    local answer = ghost:get_relations(room, said)
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. room, path() })
    t.eq(numbers(answer), "4 3 2 1")
    t.eq({ answer.chunk[4].type, answer.chunk[4].sender }, { "m.reaction", alice.mxid })
    t.eq({ answer.next_batch, answer.prev_batch }, {})
  end)

  t.it("asks nothing more when the user is in the room", function()
    ghost:ensure_joined(room)
    hs:asked()
    ghost:get_relations(room, said)
    t.eq(hs:asked(), { path() })
  end)

  t.it("gives those of one relation with rel_type, and of one type with event_type, too", function()
    ghost:ensure_joined(room)
    hs:asked()
    t.eq(numbers(ghost:get_relations(room, said, { rel_type = "m.annotation" })), "4 2 1")
    t.eq(numbers(ghost:get_relations(room, said, { rel_type = "m.annotation", event_type = "com.example.vote" })), "4")
    t.eq(ghost:get_relations(room, said, { rel_type = "m.thread" }).chunk, {})
    t.eq(hs:asked(), { path "/m.annotation", path "/m.annotation/com.example.vote", path "/m.thread" })
  end)

  t.it("gives the oldest first with direction = f", function()
    t.eq(numbers(ghost:get_relations(room, said, { direction = "f" })), "1 2 3 4")
    t.eq(numbers(ghost:get_relations(room, said, { direction = "b" })), "4 3 2 1")
    t.eq(hs:requests()[3].query, { dir = "f" })
  end)

  t.it("gives as many as limit says, and goes on from next_batch", function()
    local first = ghost:get_relations(room, said, { limit = 3 })
    t.eq(numbers(first), "4 3 2")
    t.matches(first.next_batch, ".")
    local second = ghost:get_relations(room, said, { limit = 3, from_token = first.next_batch })
    t.eq(numbers(second), "1")
    t.eq({ second.next_batch, second.prev_batch }, { nil, first.next_batch })
    local made = hs:requests()
    t.eq(made[#made].query, { limit = "3", from = first.next_batch })
  end)

  t.it("leaves the number to the homeserver, which gives five", function()
    alice:react(room, said, "5")
    alice:react(room, said, "6")
    t.eq(numbers(ghost:get_relations(room, said)), "6 5 4 3 2")
  end)

  t.it("ends at to_token", function()
    local first = ghost:get_relations(room, said, { limit = 2 })
    t.eq(numbers(ghost:get_relations(room, said, { to_token = first.next_batch })), "4 3")
  end)

  t.it("gives nothing that was taken back", function()
    ghost:redact(room, ghost:react(room, said, "7"))
    t.eq(numbers(ghost:get_relations(room, said)), "4 3 2 1")
    alice:redact(room, said)
    t.eq(numbers(ghost:get_relations(room, said)), "4 2 1")
  end)

  t.it("raises M_FORBIDDEN with ensure_joined = false when the user is not in the room", function()
    ghost:ensure_registered()
    hs:asked()
    local err = t.raises(function() ghost:get_relations(room, said, { ensure_joined = false }) end, "not in room")
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
    t.eq(hs:asked(), { path() })
  end)

  t.it("raises M_UNKNOWN, 404, for an event that is not there", function()
    local err = t.raises(function() ghost:get_relations(room, "$nothing" .. said:sub(9)) end, "Unknown parent event")
    t.eq({ err.errcode, err.status }, { "M_UNKNOWN", 404 })
  end)

  t.it("encodes event, relation and type in the path", function()
    ghost:ensure_joined(room)
    hs:asked()
    t.raises(function() ghost:get_relations(room, "$a/b:example.com", { rel_type = "com.example/x", event_type = "y z" }) end)
    t.matches(hs:requests()[1].raw_path, "/relations/%%24a%%2Fb%%3Aexample%.com/com%.example%%2Fx/y%%20z$")
  end)

  t.it("asks nothing without a room or an event, with event_type alone, and for another direction", function()
    t.raises(function() ghost:get_relations("", said) end, "room")
    t.raises(function() ghost:get_relations(room, "") end, "'event_id'")
    t.raises(function() ghost:get_relations(room, said, { event_type = "m.reaction" }) end, "goes with rel_type")
    t.raises(function() ghost:get_relations(room, said, { direction = "x" }) end, "'direction'")
    t.eq(hs:asked(), {})
  end)
end)
