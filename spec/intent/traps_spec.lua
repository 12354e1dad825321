local t = require "bridge.test"

-- Situations in which bridges tend to fail.
t.describe("traps:", function()
  local hs, bot, ghost, alice, as_alice

  local function load(script)
    hs       = t.load(script)
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
  end

  -- says tells whether an error speaks of a text.
  local function says(e, text)
    if not e.message:find(text, 1, true) then error(e.message .. " does not say " .. text) end
  end

  t.describe("two handlers at once", function()
    local desk, room

    t.before_each(function()
      load("together.lua")
      desk = alice:room()
      room = alice:room { private = true }
    end)

    for _, both in ipairs { "join and join", "invite and join", "join and invite", "say and say", "say and invite" } do
      t.it("take a ghost into a private room: " .. both, function()
        alice:say(desk, both .. " in " .. room)
        hs:expect_message { from = bot.mxid, room = desk, body = "done" }
        t.eq(hs:members(room)[ghost.mxid], "join")
        t.eq(ghost.state_store:is_joined(room, ghost.mxid), true)
      end)
    end

    t.it("a creator, who stands in no power levels, may give any command", function()
      alice:say(desk, "!top")
      hs:expect_notice { room = desk, body = "you are at the top" }
    end)
  end)

  t.describe("rooms and power:", function()
    t.before_each(function() load("blank.lua") end)

    t.it("a ghost goes on in a room that the bot was kicked from", function()
      local room = alice:room()
      bot:join_room(room)
      ghost:ensure_joined(room)
      alice:kick(room, bot.mxid)
      t.eq(bot.state_store:get_membership(room, bot.mxid), "leave")
      hs:asked()
      ghost:send_text(room, "still here")
      t.eq(hs:asked()[1]:match("^(%u+)"), "GET") -- of the power levels: nobody joins anew
      hs:expect_message { from = ghost.mxid, room = room, body = "still here" }
    end)

    t.it("where the bot was kicked, an error says that it could not invite a further ghost", function()
      local room = alice:room { private = true }
      bot:join_room(room)
      ghost:ensure_joined(room)
      alice:kick(room, bot.mxid)
      local e = t.raises(function() hs:ghost("carol"):ensure_joined(room) end)
      t.eq(e.errcode, "M_FORBIDDEN")
      says(e, bot.mxid .. " could not invite it")
      t.eq(ghost.state_store:is_joined(room, ghost.mxid), true)
    end)

    t.it("where levels forbid the bot to invite, an error says so, and nothing is tried again", function()
      local room = alice:room { private = true }
      bot:join_room(room)
      as_alice:set_power_levels(room, { invite = 50, users = {} })
      ghost:ensure_registered()
      hs:asked()
      local e = t.raises(function() ghost:ensure_joined(room) end)
      t.eq(e.errcode, "M_FORBIDDEN")
      says(e, bot.mxid .. " could not invite it")
      t.eq(hs:asked(), { "POST /join/" .. room, "POST /rooms/" .. room .. "/invite" })
      t.eq(ghost.state_store:is_joined(room, ghost.mxid), false)
    end)

    t.it("an invitation to a room that was upgraded is taken, and its levels are believed", function()
      local old, new = alice:room { private = true }, alice:room { private = true }
      alice:send(old, "m.room.tombstone", { body = "moved", replacement_room = new }, { state_key = "" })
      as_alice:set_power_levels(old, { events_default = 50, invite = 50, users = {} })
      t.eq(bot:join_room(old), old)
      t.raises(function() bot:send_text(old, "hello") end, "power level of .* is not enough")
      t.eq(bot:join_room(bot:get_state_event(old, "m.room.tombstone").replacement_room), new)
      bot:send_text(new, "hello")
    end)

    t.it("levels are asked for anew when a room is upgraded", function()
      local room = alice:room()
      ghost:send_text(room, "one")
      alice:send(room, "m.room.tombstone", { body = "moved", replacement_room = alice:room() }, { state_key = "" })
      hs:asked()
      ghost:send_text(room, "two")
      t.eq(hs:asked(), { "GET /rooms/" .. room .. "/state/m.room.power_levels", "PUT /rooms/" .. room .. "/send/m.room.message/TXN" })
    end)

    t.it("a ghost keeps its own name when somebody invites it under another one", function()
      ghost:set_displayname("Bob")
      local room = alice:room { private = true }
      alice:send(room, "m.room.member", { membership = "invite", displayname = "Mallory" }, { state_key = ghost.mxid })
      ghost:ensure_joined(room)
      t.advance("10ms")
      t.eq(hs:state(room, "m.room.member", ghost.mxid).displayname, "Bob")
      t.eq(ghost:get_room_displayname(room, ghost.mxid), "Bob")
    end)

    t.it("a ghost that was renamed elsewhere gets its name back", function()
      ghost:set_displayname("Bob")
      ghost.api:request("PUT", "/_matrix/client/v3/profile/" .. ghost.mxid .. "/displayname", { content = { displayname = "Mallory" } })
      ghost:set_displayname("Bob")
      t.eq(as_alice:get_displayname(ghost.mxid), "Bob")
    end)

    t.it("a power level of 2^53 - 1 is the highest, and kept exactly", function()
      local room, most = alice:room(), 2 ^ 53 - 1
      bot:join_room(room)
      as_alice:set_power_levels(room, { users = { [bot.mxid] = most }, events = { ["m.room.name"] = most, ["m.room.topic"] = most - 1 } })
      t.advance("10ms")
      local levels = bot:get_power_levels(room, { ignore_cache = true })
      t.eq(levels.users[bot.mxid], most)
      t.eq(levels.events["m.room.topic"], most - 1)
      bot:set_room_name(room, "high")
      ghost:ensure_joined(room)
      t.raises(function() ghost:set_room_topic(room, "low") end, "needs 9007199254740990")
      t.eq(t.raises(function() as_alice:set_power_levels(room, { users = { [bot.mxid] = 2 ^ 53 } }) end).errcode, "M_BAD_JSON")
    end)

    t.it("a power level of 2^53 from elsewhere is counted", function()
      local room, store = alice:room(), bot.state_store
      bot:join_room(room)
      store:set_power_levels(room, { users = { [ghost.mxid] = 2 ^ 53, [bot.mxid] = 2 ^ 53 - 1 }, events = { ["m.room.name"] = 2 ^ 53 } })
      t.eq(store:get_power_levels(room).users[ghost.mxid], 2 ^ 53)
      t.eq(store:has_power_level(room, ghost.mxid, "m.room.name"), true)
      t.eq(store:has_power_level(room, bot.mxid, "m.room.name"), false)
    end)

    t.it("state under another user's name is refused, whatever the power, and state under one's own is not", function()
      local room = alice:room()
      ghost:ensure_joined(room)
      as_alice:set_power_levels(room, { users = { [ghost.mxid] = 100 } })
      t.advance("10ms")
      local e = t.raises(function() ghost:send_state_event(room, "org.example.x", { n = 1 }, { state_key = alice.mxid }) end)
      t.eq(e.errcode, "M_FORBIDDEN")
      ghost:send_state_event(room, "org.example.x", { n = 2 }, { state_key = ghost.mxid })
      t.eq(hs:state(room, "org.example.x", ghost.mxid), { n = 2 })
      t.eq(ghost:get_state_event(room, "org.example.x", { state_key = ghost.mxid }), { n = 2 })
    end)
  end)

  t.describe("identifiers:", function()
    t.before_each(function() load("blank.lua") end)

    t.it("an alias may have #, ?, % and / in its localpart", function()
      local room = alice:room()
      bot:join_room(room)
      for _, odd in ipairs { "_a#b", "#", "_a?b=c", "_100%25", "_a/b", "_.." } do
        local localpart = bot.localpart .. odd
        local alias = "#" .. localpart .. ":" .. hs.server_name
        bot:add_room_alias(room, localpart)
        t.eq(bot:resolve_room_alias(alias).room_id, room)
        t.eq(ghost:join_room(alias), room)
        bot:remove_room_alias(localpart)
        t.eq(t.raises(function() bot:resolve_room_alias(alias) end).errcode, "M_NOT_FOUND")
      end
    end)

    t.it("an alias with a colon too many is refused, and nothing is set", function()
      local room = alice:room()
      bot:join_room(room)
      t.eq(t.raises(function() bot:add_room_alias(room, bot.localpart .. ":x") end).status, 400)
      t.raises(function() bot:resolve_room_alias("#" .. bot.localpart .. ":x:" .. hs.server_name) end)
    end)

    t.it("an event ID may hold / and +, as those of room version 3 do", function()
      local room = as_alice:create_room { room_version = "3", preset = "public_chat" }
      local event, tries = nil, 0
      repeat
        tries = tries + 1
        event = as_alice:send_text(room, "message " .. tries)
      until event:find("/", 1, true) or tries == 100
      t.matches(event, "/")
      t.eq(ghost:get_event(room, event).content.body, "message " .. tries)
      ghost:react(room, event, "+")
      ghost:mark_read(room, event)
      ghost:send_receipt(room, event)
      as_alice:redact(room, event)
      t.eq(ghost:get_event(room, event).content, {})
    end)
  end)

  t.describe("odd answers:", function()
    local room

    t.before_each(function()
      load("blank.lua")
      room = alice:room()
      ghost:ensure_joined(room)
      hs:asked()
    end)

    t.it("HTML with status 200 is no answer, and the error shows how it begins", function()
      t.fault { path = "/send/", body = "<html><h1>Welcome to the router</h1></html>", headers = { ["Content-Type"] = "text/html" } }
      local e = t.raises(function() ghost:send_text(room, "hello") end, "not JSON")
      says(e, "<html><h1>Welcome to the router")
      t.eq(e.status, 200)
      t.eq(e.errcode, "M_UNKNOWN")
    end)

    t.it("a 429 that names no delay is waited out, and the same transaction is sent again", function()
      ghost:send_text(room, "before")
      hs:requests()
      t.fault { path = "/send/", status = 429, errcode = "M_LIMIT_EXCEEDED", error = "Too Many Requests" }
      ghost:send_text(room, "hello")
      local made = hs:requests()
      t.eq({ made[1].status, made[2].status, #made }, { 429, 200, 2 })
      t.eq(made[1].raw_path, made[2].raw_path)
    end)

    t.it("a message of 65 kB is refused, and the error says that it is too large", function()
      local e = t.raises(function() ghost:send_text(room, ("x"):rep(65536)) end)
      t.eq(e.errcode, "M_TOO_LARGE")
      t.eq(e.status, 413)
      t.matches(e.message, "too large")
      ghost:send_text(room, ("x"):rep(63000))
    end)

    t.it("a ghost whose account was deactivated is not invited", function()
      local closed = alice:room { private = true }
      bot:join_room(closed)
      hs:asked()
      t.fault { path = "/join/", status = 403, errcode = "M_USER_DEACTIVATED", error = "This account has been deactivated", times = 2 }
      t.eq(t.raises(function() ghost:ensure_joined(closed) end, "deactivated").errcode, "M_USER_DEACTIVATED")
      t.eq(hs:asked(), { "POST /join/" .. closed })
    end)
  end)
end)
