local t = require "bridge.test"

t.describe("a simulated user", function()
  local hs, alice, bob, room

  -- Keeps what it hears.
  local listener = [[
    local bridge, json = require "bridge", require "bridge.json"
    local heard = bridge.store("heard")
    local function keep(name)
      bridge.on(name, function(evt)
        heard:set("n", (heard:get("n") or 0) + 1)
        heard:set("last", { event = name, sender = evt.sender, event_id = evt.event_id, text = evt.text, content = evt.content,
          state_key = evt.state_key, type = evt.type, redacts = evt.redacts, reply_to = evt.reply_to, html = evt.html })
      end)
    end
    bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
    for _, name in ipairs { "message", "edit", "reaction", "redaction", "room.topic", "join", "leave", "org.example.thing" } do keep(name) end
    bridge.on("member", function(evt) heard:set(evt.state_key, evt.content) end)
  ]]

  -- The last thing that the script heard.
  local function heard() return t.store("heard"):get("last") end
  local function membership(user) return t.store("heard"):get(user.mxid) end

  t.before_each(function()
    hs    = t.load("blank.lua")
    hs:reload(listener)
    alice = hs:user("alice")
    bob   = hs:user("bob")
    room  = alice:room()
  end)

  t.it("has a token, with which intent:user makes a double puppet", function()
    t.eq(hs.intent:user(alice.mxid, { token = alice.token }):whoami().user_id, alice.mxid)
  end)

  t.it("makes a room, and invites the script's bot", function()
    t.eq(hs:members(room), { [alice.mxid] = "join", [hs.bot] = "join" })
    t.eq(hs:state(room, "m.room.name"), nil)
    t.eq(hs:state(room, "m.room.join_rules").join_rule, "public")
  end)

  t.it("gives a room a name, and makes it private", function()
    local own = alice:room { name = "mine", private = true }
    t.eq(hs:state(own, "m.room.name"), { name = "mine" })
    t.eq(hs:state(own, "m.room.join_rules").join_rule, "invite")
  end)

  t.it("says a text, a markup, or a whole content", function()
    local id = alice:say(room, "hello")
    t.eq({ heard().event, heard().sender, heard().event_id, heard().text }, { "message", alice.mxid, id, "hello" })
    alice:say(room, require "bridge".markdown("**bold**"))
    t.eq(heard().html, "<strong>bold</strong>")
    alice:say(room, { msgtype = "m.emote", body = "waves" })
    t.eq(heard().content, { msgtype = "m.emote", body = "waves" })
  end)

  t.it("is taken in first when it says something in a room that it is not in, whatever the join rule", function()
    local own = alice:room { private = true }
    bob:say(own, "hello")
    t.eq(hs:members(own)[bob.mxid], "join")
    t.eq(heard().sender, bob.mxid)
  end)

  t.it("sends an event of any type, also state", function()
    local id = alice:send(room, "org.example.thing", { n = 1 })
    t.eq({ heard().event_id, heard().type, heard().content, heard().state_key }, { id, "org.example.thing", { n = 1 } })
    alice:send(room, "m.room.topic", { topic = "Lua" }, { state_key = "" })
    t.eq({ heard().event, heard().state_key }, { "room.topic", "" })
    t.eq(hs:state(room, "m.room.topic").topic, "Lua")
  end)

  t.it("answers, edits and reacts", function()
    local id = alice:say(room, "hello")
    alice:reply(room, id, "myself")
    t.eq({ heard().text, heard().reply_to }, { "myself", id })
    alice:edit(room, id, "hello!")
    t.eq({ heard().event, heard().text, heard().content["m.relates_to"].event_id }, { "edit", "hello!", id })
    alice:react(room, id, "👍")
    t.eq({ heard().event, heard().content["m.relates_to"] }, { "reaction", { rel_type = "m.annotation", event_id = id, key = "👍" } })
  end)

  t.it("takes a message back, with a reason or without", function()
    local one, two = alice:say(room, "one"), alice:say(room, "two")
    local id = alice:redact(room, one)
    t.eq({ heard().event, heard().event_id, heard().redacts, heard().content.reason }, { "redaction", id, one })
    alice:redact(room, two, "a typing error")
    t.eq({ heard().redacts, heard().content.reason }, { two, "a typing error" })
  end)

  t.it("joins and leaves", function()
    bob:join(room)
    t.eq({ heard().event, heard().state_key }, { "join", bob.mxid })
    bob:leave(room)
    t.eq({ heard().event, heard().state_key }, { "leave", bob.mxid })
    t.eq(hs:members(room)[bob.mxid], "leave")
  end)

  t.it("cannot join where it may not", function()
    t.eq(t.raises(function() bob:join(alice:room { private = true }) end, "not invited").errcode, "M_FORBIDDEN")
  end)

  t.it("invites, kicks, bans and unbans, with a reason or without", function()
    for _, reason in ipairs { false, "because" } do
      local o = reason and { reason = reason } or nil
      for _, step in ipairs { { "invite", "invite" }, { "kick", "leave" }, { "ban", "ban" }, { "unban", "leave" } } do
        alice[step[1]](alice, room, bob.mxid, o)
        t.eq(membership(bob).membership, step[2])
        t.eq(membership(bob).reason, reason or nil)
        t.eq(hs:members(room)[bob.mxid], step[2])
      end
    end
  end)

  t.it("cannot remove who has as much power", function()
    bob:join(room)
    t.eq(t.raises(function() bob:kick(room, alice.mxid) end, "cannot kick").errcode, "M_FORBIDDEN")
  end)
end)
