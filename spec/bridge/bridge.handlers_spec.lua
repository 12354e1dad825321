local t = require "bridge.test"

t.describe("bridge.on", function()
  local hs, alice, bob, room

  local prelude = [[
    local bridge = require "bridge"
    local function heard(what) bridge.store("heard"):update("list", function(list) list = list or {} list[#list + 1] = what return list end) end
    bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
  ]]

  local function load(source)
    hs:reload(prelude .. source)
  end

  -- What the script said that it heard, since the last look.
  local seen = 0
  local function heard()
    local list, new = t.store("heard"):get("list") or {}, {}
    for i = seen + 1, #list do new[#new + 1] = list[i] end
    seen = #list
    return new
  end

  t.before_each(function()
    seen  = 0
    hs    = t.load("blank.lua")
    alice = hs:user("alice")
    bob   = hs:user("bob")
    load("")
    room  = alice:room()
  end)

  t.it("handles events by their short names", function()
    load [[
      for _, name in ipairs { "message", "edit", "reaction", "redaction", "join", "leave", "room.name", "room.topic", "power_levels" } do
        bridge.on(name, function(evt) heard(name) end)
      end
    ]]
    local id = alice:say(room, "hello")
    alice:edit(room, id, "hello!")
    alice:react(room, id, "👍")
    alice:redact(room, id)
    bob:join(room)
    bob:leave(room)
    alice:send(room, "m.room.name", { name = "x" }, { state_key = "" })
    alice:send(room, "m.room.topic", { topic = "x" }, { state_key = "" })
    alice:send(room, "m.room.power_levels", { events_default = 1 }, { state_key = "" })
    t.eq(heard(), { "message", "edit", "reaction", "redaction", "join", "leave", "room.name", "room.topic", "power_levels" })
  end)

  t.it("handles events by their Matrix type", function()
    load [[
      for _, name in ipairs { "m.room.message", "m.room.member", "org.example.thing" } do
        bridge.on(name, function(evt) heard(evt.type) end)
      end
    ]]
    local id = alice:say(room, "hello")
    alice:edit(room, id, "hello!") -- an edit is a message on the wire
    bob:join(room)
    alice:send(room, "org.example.thing", {})
    t.eq(heard(), { "m.room.message", "m.room.message", "m.room.member", "org.example.thing" })
  end)

  t.it("calls a changed profile no join, and a taken back invitation no leave", function()
    bob:join(room)
    load [[ for _, name in ipairs { "join", "leave", "member" } do bridge.on(name, function(evt) heard(name) end) end ]]
    bob:send(room, "m.room.member", { membership = "join", displayname = "Bobby" }, { state_key = bob.mxid })
    t.eq(heard(), { "member" })
    local carl = hs:user("carl")
    alice:invite(room, carl.mxid)
    alice:kick(room, carl.mxid)
    t.eq(heard(), { "member", "member" })
    alice:kick(room, bob.mxid)
    t.eq(heard(), { "leave", "member" })
  end)

  t.it("hears invite for the script's own users only", function()
    load [[ bridge.on("invite", function(evt) heard(evt.state_key) end) ]]
    local ghost = hs:ghost("zoe")
    ghost:ensure_registered()
    alice:invite(room, bob.mxid)
    alice:invite(room, ghost.mxid)
    t.eq(heard(), { ghost.mxid })
  end)

  t.it("hears typing, receipts and presence", function()
    load [[
      bridge.on("typing", function(evt) heard(evt.room_id .. " " .. table.concat(evt.content.user_ids, ",")) end)
      bridge.on("receipt", function(evt) for id, of in pairs(evt.content) do for user in pairs(of["m.read"]) do heard(id .. " " .. user) end end end)
      bridge.on("presence", function(evt) heard(evt.sender .. " " .. evt.content.presence) end)
    ]]
    local as_alice = hs.intent:user(alice.mxid, { token = alice.token })
    as_alice:set_typing(room)
    t.eq(heard(), { room .. " " .. alice.mxid })
    local id = bob:say(room, "hello")
    heard()
    as_alice:mark_read(room, id)
    t.eq(heard(), { id .. " " .. alice.mxid })
    as_alice:set_presence("unavailable")
    t.eq(heard(), { alice.mxid .. " unavailable" })
  end)

  t.it("hears leave when the bot is thrown out, and can tell then which portal that was", function()
    local portal
    load [[
      bridge.on("load", function() heard(bridge.portal("#lua", { public = true }).room_id) end)
      bridge.on("leave", function(evt) if evt.state_key == intent.mxid then heard(bridge.portal_of(evt.room_id).remote_id) end end)
    ]]
    portal = heard()[1]
    alice:join(portal)
    local own = alice:room()
    load(([[
      bridge.on("load", function() bridge.portal("#ours", { room_id = %q }) end)
      bridge.on("leave", function(evt) heard(bridge.portal_of(evt.room_id).remote_id) end)
    ]]):format(own))
    alice:kick(own, hs.bot)
    t.eq(heard(), { "#ours" })
  end)

  t.it("leaves out what the script's own users sent, unless own is true", function()
    load [[
      bridge.on("message", function(evt) heard("others " .. evt.text) end)
      bridge.on("message", { own = true }, function(evt)
        heard("all " .. evt.text)
        if evt.text == "go" then
          intent:send_text(evt.room_id, "bot")
          bridge.ghost("zoe"):send_text(evt.room_id, "ghost")
        end
      end)
    ]]
    alice:say(room, "go")
    t.eq(heard(), { "others go", "all go", "all bot", "all ghost" })
  end)

  t.it("leaves out what a double puppet of the script sent, unless own is true", function()
    load [[
      bridge.on("message", function(evt) heard("others " .. evt.text) end)
      bridge.on("message", { own = true }, function(evt) heard("all " .. evt.text) end)
    ]]
    hs.intent:user(alice.mxid, { token = alice.token }):send_text(room, "puppet")
    hs:expect_silence()
    t.eq(heard(), { "all puppet" })
  end)

  t.it("leaves notices out of message, unless they are asked for", function()
    load [[
      bridge.on("message", function(evt) heard("message") end)
      bridge.on("message", { own = true }, function(evt) heard("own") end)
      bridge.on("message", { msgtype = "m.notice" }, function(evt) heard("m.notice") end)
      bridge.on("m.room.message", function(evt) heard("type") end)
    ]]
    alice:say(room, { msgtype = "m.notice", body = "beep" })
    t.eq(heard(), { "own", "m.notice", "type" })
  end)

  t.it("filters by msgtype, room and sender", function()
    load(([[
      bridge.on("message", { msgtype = "m.emote" }, function(evt) heard("emote") end)
      bridge.on("message", { room = %q }, function(evt) heard("room") end)
      bridge.on("message", { sender = %q }, function(evt) heard("bob") end)
      bridge.on("message", { room = %q, sender = %q, msgtype = "m.emote" }, function(evt) heard("all three") end)
    ]]):format(room, bob.mxid, room, bob.mxid))
    local other = alice:room()
    alice:say(room, "hello")
    t.eq(heard(), { "room" })
    bob:say(other, "hello")
    t.eq(heard(), { "bob" })
    alice:say(other, { msgtype = "m.emote", body = "waves" })
    t.eq(heard(), { "emote" })
    bob:say(room, { msgtype = "m.emote", body = "waves" })
    t.eq(heard(), { "emote", "room", "bob", "all three" })
  end)

  t.it("runs all handlers that match in the order in which they were declared; the first that raises fails the event", function()
    load [[
      bridge.on("message", function() heard("one") end)
      bridge.on("m.room.message", function() bridge.memory("m"):update("runs", function(n) return (n or 0) + 1 end) error("no") end)
      bridge.on("message", function() heard("three") end)
    ]]
    alice:say(room, "hello")
    hs:expect_error("no")
    t.eq(heard(), {}) -- what the first one wrote is undone
  end)

  t.it("handles the events of one room one after the other, and rooms side by side", function()
    load [[
      bridge.on("message", function(evt)
        heard("begin " .. evt.text)
        bridge.sleep("5s")
        heard("end " .. evt.text)
      end)
    ]]
    local other = alice:room()
    alice:say(room, "1")
    alice:say(room, "2")
    alice:say(other, "3")
    t.eq(heard(), { "begin 1", "begin 3" })
    t.advance("5s")
    local after = heard()
    table.sort(after)
    t.eq(after, { "begin 2", "end 1", "end 3" })
    t.advance("5s")
    t.eq(heard(), { "end 2" })
  end)

  t.it("does not hold back the room's next event with parallel", function()
    load [[
      bridge.on("message", { parallel = true }, function(evt)
        heard("begin " .. evt.text)
        bridge.sleep("5s")
        heard("end " .. evt.text)
      end)
    ]]
    alice:say(room, "1")
    alice:say(room, "2")
    t.eq(heard(), { "begin 1", "begin 2" })
    t.advance("5s")
    local ended = heard()
    table.sort(ended)
    t.eq(ended, { "end 1", "end 2" })
  end)

  t.it("hears load with each version, and unload at its end", function()
    load [[
      bridge.on("load", function(evt) heard(evt.reloaded and "reloaded" or "loaded") end)
      bridge.on("unload", function() bridge.memory("m"):set("unloaded", true) end)
    ]]
    t.eq(heard(), { "reloaded" })
    load [[ bridge.on("load", function() heard(tostring(bridge.memory("m"):get("unloaded"))) end) ]]
    t.eq(heard(), { "true" })
  end)

  t.it("hears error when a handler of the script failed", function()
    load [[
      bridge.on("message", function() error("no") end)
      bridge.on("error", function(err) bridge.memory("m"):set("message", err.error.message) end)
      bridge.command("look", function(cmd) cmd:reply(bridge.memory("m"):get("message")) end)
    ]]
    alice:say(room, "hello")
    hs:expect_error("no")
    alice:say(room, "!look")
    hs:expect_notice { body = "no" }
  end)

  t.it("declares nothing new when the script is loaded anew: handlers of the version before are gone", function()
    load [[ bridge.on("message", function() heard("one") end) ]]
    load [[ bridge.on("message", function() heard("two") end) ]]
    alice:say(room, "hello")
    t.eq(heard(), { "two" })
  end)

  t.it("raises for a name that is neither", function()
    t.raises(function() load [[ bridge.on("mesage", function() end) ]] end, "there is no event 'mesage'; did you mean 'message'")
    t.raises(function() load [[ bridge.on("x", function() end) ]] end, "there is no event 'x'")
    t.raises(function() load [[ bridge.on("message", { msgtyp = "m.text" }, function() end) ]] end, "unknown field 'msgtyp'; did you mean 'msgtype'")
    t.raises(function() load [[ bridge.on("message") ]] end, "function expected")
  end)

  t.it("raises when it is called later than at the top level", function()
    load [[ bridge.on("message", function() bridge.on("message", function() end) end) ]]
    alice:say(room, "hello")
    local err = hs:expect_error("bridge%.on must be called at the top level")
    t.eq(err.code, "E_TOP_LEVEL")
  end)
end)

t.describe("bridge.off", function()
  local hs, alice, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    alice = hs:user("alice")
    hs:reload [[
      local bridge = require "bridge"
      bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
      local one  = bridge.on("message", function(evt) evt:reply("one") end)
      local two  = bridge.on("message", function(evt) evt:reply("two") end)
      local ping = bridge.command("ping", function(cmd) cmd:reply("pong") end)
      bridge.command("off", { args = "<which>" }, function(cmd)
        local which = ({ one = one, ping = ping, nothing = 999 })[cmd.args.which]
        cmd:reply(tostring(bridge.off(which)))
      end)
    ]]
    room = alice:room()
  end)

  t.it("takes a handler away, and tells whether there was one", function()
    alice:say(room, "!off one")
    hs:expect_notice { body = "true" }
    alice:say(room, "hello")
    hs:expect_message { body = "two" }
    hs:expect_silence()
    alice:say(room, "!off one")
    hs:expect_notice { body = "false" }
    alice:say(room, "!off nothing")
    hs:expect_notice { body = "false" }
  end)

  t.it("takes a command away: then it is a message", function()
    alice:say(room, "!ping")
    hs:expect_notice { body = "pong" }
    alice:say(room, "!off ping")
    hs:expect_notice { body = "true" }
    alice:say(room, "!ping")
    hs:expect_message { body = "one" }
    hs:expect_message { body = "two" }
    hs:expect_silence()
  end)
end)

t.describe("bridge.command", function()
  local hs, alice, room

  local function load(source)
    hs:reload([[
      local bridge = require "bridge"
      bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
    ]] .. source)
  end

  t.before_each(function()
    hs    = t.load("blank.lua")
    alice = hs:user("alice")
    load ""
    room  = alice:room()
  end)

  t.it("is a message that begins with !, and goes to no other handler", function()
    load [[
      bridge.command("ping", function(cmd) cmd:reply("pong") end)
      bridge.on("message", function(evt) evt:reply("message") end)
    ]]
    alice:say(room, "!ping")
    hs:expect_notice { body = "pong" }
    hs:expect_silence()
    alice:say(room, "!pong")
    hs:expect_message { body = "message" }
    alice:say(room, "ping")
    hs:expect_message { body = "message" }
  end)

  t.it("is no edit, no notice, and nothing of the script's own", function()
    load [[ bridge.command("ping", function(cmd) cmd:reply("!ping") end) ]]
    alice:say(room, { msgtype = "m.notice", body = "!ping" })
    local id = alice:say(room, "hello")
    alice:edit(room, id, "!ping")
    hs:expect_silence()
    alice:say(room, "!ping")
    hs:expect_notice { body = "!ping" }
    hs:expect_silence()
  end)

  t.it("may have several words; the longest name that fits counts", function()
    load [[
      bridge.command("feed", function(cmd) cmd:reply("feed " .. table.concat(cmd.args, ",")) end)
      bridge.command("feed add", { args = "<url>" }, function(cmd) cmd:reply("add " .. cmd.args.url) end)
    ]]
    alice:say(room, "!feed add https://x.test")
    hs:expect_notice { body = "add https://x.test" }
    alice:say(room, "!feed  added")
    hs:expect_notice { body = "feed added" }
  end)

  t.it("is addressed to this script with its name before", function()
    load [[ bridge.command("ping", function(cmd) cmd:reply("pong") end) ]]
    alice:say(room, "!blank ping")
    hs:expect_notice { body = "pong" }
  end)

  t.it("takes what args says, by name and by number", function()
    load [[
      bridge.command("note", { args = "<who> [on|off] [text...]" }, function(cmd)
        local a = cmd.args
        cmd:reply(("%s|%s|%s"):format(a.who, tostring(a[2]), tostring(a.text)))
      end)
    ]]
    alice:say(room, "!note bob")
    hs:expect_notice { body = "bob|nil|nil" }
    alice:say(room, '!note "bob b" on and all  the rest')
    hs:expect_notice { body = "bob b|on|and all  the rest" }
  end)

  t.it("answers how it is used when the arguments do not fit", function()
    load [[
      bridge.command("say", { args = "<text> [on|off]" }, function(cmd) cmd:reply("ran") end)
    ]]
    alice:say(room, "!say")
    hs:expect_notice { body = "text is missing. Usage: !say <text> [on|off]" }
    alice:say(room, "!say x up")
    hs:expect_notice { body = 'on or off expected, not "up". Usage: !say <text> [on|off]' }
    alice:say(room, "!say x on more")
    hs:expect_notice { body = '"more" is too much. Usage: !say <text> [on|off]' }
    hs:expect_silence()
  end)

  t.it("takes the power level that level says", function()
    load [[ bridge.command("kill", { level = 50 }, function(cmd) cmd:reply("done") end) ]]
    hs:user("bob"):say(room, "!kill")
    hs:expect_notice { body = "!kill takes power level 50 in this room; you have 0" }
    alice:send(room, "m.room.power_levels", { users = { [hs:user("bob").mxid] = 50 } }, { state_key = "" })
    hs:user("bob"):say(room, "!kill")
    hs:expect_notice { body = "done" }
    alice:say(room, "!kill") -- she made the room
    hs:expect_notice { body = "done" }
  end)

  t.it("is for the host's admins only with admin", function()
    load [[ bridge.command("irc", { admin = true, help = "the IRC link" }, function(cmd) cmd:reply("up") end) ]]
    alice:say(room, "!irc")
    hs:expect_notice { body = "!irc is for the admins of this bridge" }
    hs:user("admin"):say(room, "!irc")
    hs:expect_notice { body = "up" }
  end)

  t.it("raises for a name or arguments that cannot be", function()
    for _, name in ipairs { "", "!ping", " ping", "feed  add" } do
      t.raises(function() load(("bridge.command(%q, function() end)"):format(name)) end, "a command's name is one or more words, without the !")
    end
    for args, why in pairs {
      ["url"] = "an argument is written <name>", ["<>"] = "an argument is written", ["[a] <b>"] = "no <required> argument can follow an %[optional%] one",
      ["<a...> <b>"] = "nothing can follow an argument that takes all the rest",
    } do
      t.raises(function() load(("bridge.command('x', { args = %q }, function() end)"):format(args)) end, why)
    end
    t.raises(function() load [[ bridge.command("x", { levle = 50 }, function() end) ]] end, "did you mean 'level'")
  end)

  t.it("raises for a second command of that name, with the place of the first", function()
    t.raises(function() load [[
      bridge.command("x", function() end)
      bridge.command("x", function() end)
    ]] end, "there is a command 'x' already, at blank.lua:3")
  end)

  t.it("raises when it is called later than at the top level", function()
    load [[ bridge.command("x", function() bridge.command("y", function() end) end) ]]
    alice:say(room, "!x")
    hs:expect_error("bridge%.command must be called at the top level")
  end)
end)
