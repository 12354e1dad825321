local t = require "bridge.test"

t.describe("a script under test", function()
  local hs, alice, room

  -- Says what it is told to: "notice hello" as a notice, "as bob hello" as a ghost.
  local parrot = [[
    local bridge = require "bridge"
    bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
    bridge.on("message", function(evt)
      local ghost, text = evt.text:match("^as (%S+) (.*)$")
      if ghost then return bridge.ghost(ghost):send_text(evt.room_id, text) end
      if evt.text:match("^notice ") then return intent:send_notice(evt.room_id, (evt.text:gsub("^notice ", ""))) end
      if evt.text == "fail" then error("I was told to") end
      if evt.text == "crash" then local x x.y = 1 end
      intent:send_text(evt.room_id, evt.text)
    end)
  ]]

  t.before_each(function()
    hs    = t.load("blank.lua")
    alice = hs:user("alice")
    hs:reload(parrot)
    room  = alice:room { name = "the room" }
  end)

  t.it("has people: one for each name", function()
    t.eq(alice.mxid, "@alice:test")
    t.eq(hs:user("alice").mxid, alice.mxid)
    t.raises(function() hs:user("Not A Name") end, "there can be no user called")
    t.raises(function() hs:user("_bh_blank_bob") end, "the script's users are its own")
  end)

  t.it("has the rooms before it starts that t.load was told of", function()
    hs = t.load("blank.lua", { rooms = { "one", "two" }, config = { room = "#two:test" } })
    hs:reload [[
      local bridge = require "bridge"
      local cfg = bridge.config { room = { type = "room" } }
      bridge.on("load", function() intent:send_notice(cfg.room, "here") end)
    ]]
    t.eq(hs:expect_notice().room_id, hs.intent:resolve_room_alias("#two:test").room_id)
    t.raises(function() t.load("blank.lua", { rooms = { "a:b" } }) end, "bad option 'rooms' to 'load'")
  end)

  t.it("expects messages in their order, each once", function()
    alice:say(room, "one")
    alice:say(room, "two")
    t.eq(hs:expect_message().content.body, "one")
    t.eq(hs:expect_message().content.body, "two")
    t.eq(t.raises(function() hs:expect_message() end, "expected a message, and there is none").code, "E_EXPECTED")
  end)

  t.it("returns the event of a message", function()
    alice:say(room, "one")
    local evt = hs:expect_message()
    t.eq({ evt.room_id, evt.sender, evt.type, evt.content }, { room, hs.bot, "m.room.message", { msgtype = "m.text", body = "one" } })
    t.matches(evt.event_id, "^%$")
  end)

  t.it("takes the first message that fits, and leaves the others", function()
    local other = alice:room()
    alice:say(room, "one")
    alice:say(other, "two")
    alice:say(room, "as bob three")
    alice:say(room, "notice four")
    alice:say(room, "five (5)")
    hs:expect_message { from = hs:ghost("bob").mxid, body = "three" }
    hs:expect_message { room = other, body = "two" }
    hs:expect_message { msgtype = "m.notice" }
    hs:expect_message { body = "five (5)" }
    hs:expect_message { body = "o.e" }
    hs:expect_silence()
  end)

  t.it("holds the whole of a text against what is expected", function()
    alice:say(room, "one two")
    t.raises(function() hs:expect_message { body = "one" } end, 'expected a message that says "one", and there is none')
    hs:expect_message { body = "one .*" }
  end)

  t.it("expects notices", function()
    local other = alice:room()
    alice:say(room, "one")
    alice:say(room, "notice two")
    alice:say(other, "notice three")
    local err = t.raises(function() hs:expect_notice { body = "one" } end, "expected a message of type m.notice that says")
    t.eq(err.code, "E_EXPECTED")
    t.eq(hs:expect_notice(other).content.body, "three")
    hs:expect_notice { from = hs.bot, room = room, body = "two" }
  end)

  t.it("expects silence: nothing said that was not taken", function()
    hs:expect_silence()
    alice:say(room, "one")
    t.eq(t.raises(function() hs:expect_silence() end, 'expected silence, and @_bh_blank:test said "one"').code, "E_EXPECTED")
    hs:expect_message()
    hs:expect_silence()
  end)

  t.it("expects errors, the oldest first, each once", function()
    alice:say(room, "fail")
    alice:say(room, "crash")
    t.eq(hs:expect_error().message, "I was told to")
    hs:expect_error("attempt to index")
    t.eq(t.raises(function() hs:expect_error() end, "expected an error of the script, and there is none").code, "E_EXPECTED")
  end)

  t.it("tells an error that does not match, and takes it even so", function()
    alice:say(room, "fail")
    t.eq(t.raises(function() hs:expect_error("something else") end, "does not match").code, "E_EXPECTED")
  end)

  t.it("is loaded again from disk, or from another source", function()
    hs:reload()
    alice:say(room, "one")
    hs:expect_silence() -- the file does nothing
    hs:reload(parrot)
    alice:say(room, "two")
    hs:expect_message { body = "two" }
  end)

  t.it("goes on as it was when the new source does not load", function()
    t.raises(function() hs:reload("local x = (") end, "unexpected symbol")
    t.raises(function() hs:reload("error('not so')") end, "not so")
    t.raises(function() hs:reload [[require "bridge".on("load", function() error("not now") end)]] end, "not now")
    alice:say(room, "still here")
    hs:expect_message { body = "still here" }
  end)

  t.it("names its ghosts as bridge.ghost does, and asks nothing for it", function()
    hs:asked()
    t.eq(hs:ghost("bob").mxid, "@_bh_blank_bob:test")
    t.eq(hs:asked(), {})
    alice:say(room, "as Zoë hello")
    hs:expect_message { from = hs:ghost("Zoë").mxid }
  end)

  t.it("shows what the spec's own calls ask of the homeserver, and not what the script asks", function()
    alice:say(room, "one")
    hs:requests()
    alice:say(room, "two")
    t.eq(hs:requests(), {})
    hs.intent:leave_room(room, { reason = "bye" })
    local all = hs:requests()
    t.eq(#all, 1)
    t.eq({ all[1].method, all[1].path, all[1].user, all[1].content, all[1].status, all[1].query },
      { "POST", "/_matrix/client/v3/rooms/" .. room .. "/leave", hs.bot, { reason = "bye" }, 200, {} })
    t.eq(all[1].line, "POST /rooms/" .. room .. "/leave")
    t.matches(all[1].headers.authorization, "^Bearer ")
    t.eq(hs:requests(), {}) -- since the last look
  end)

  t.it("shows them in lines, with transaction IDs called TXN", function()
    hs.intent:send_text(room, "the power levels are known then")
    hs:asked()
    hs.intent:send_text(room, "hello")
    t.eq(hs:asked(), { "PUT /rooms/" .. room .. "/send/m.room.message/TXN" })
    t.eq(hs:asked(), {})
  end)

  t.it("shows what the host has logged since the last look", function()
    hs:logged()
    hs:reload [[ require "bridge.log".debug("a fact", { n = 1 }) ]]
    local found
    for _, line in ipairs(hs:logged()) do if line.message == "a fact" then found = line end end
    t.eq(found, { level = "debug", message = "a fact", fields = { script = "blank", n = "1" } })
    t.eq(hs:logged(), {})
  end)

  t.it("shows the state of a room", function()
    t.eq(hs:state(room, "m.room.name"), { name = "the room" })
    t.eq(hs:state(room, "m.room.member", alice.mxid).membership, "join")
    t.eq(hs:state(room, "m.room.member", { state_key = hs.bot }).membership, "join")
    t.eq(hs:state(room, "m.room.topic"), nil)
  end)

  t.it("shows who is, was or is invited in a room", function()
    local bob, carl = hs:user("bob"), hs:user("carl")
    alice:invite(room, bob.mxid)
    alice:ban(room, carl.mxid)
    t.eq(hs:members(room), { [alice.mxid] = "join", [hs.bot] = "join", [bob.mxid] = "invite", [carl.mxid] = "ban" })
  end)
end)
