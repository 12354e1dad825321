-- What the chapter says about failed events, tried.
local t = require "bridge.test"

t.describe("an event that fails", function()
  local hs, alice, room

  t.before_each(function()
    hs = t.load("usher.lua")
    alice = hs:user("alice")
    room = alice:room()
  end)

  t.it("is tried again when the homeserver was down, and what was sent is not sent twice", function()
    hs:reload [[
      local bridge = require "bridge"
      bridge.on("message", function(evt)
        intent:send_text(evt.room_id, "first")
        bridge.sleep("1s")
        error({ kind = "net", message = "gone", retryable = not evt.redelivered })
      end)
    ]]
    alice:say(room, "hello")
    t.advance("5m")
    hs:expect_message { body = "first" }
    hs:expect_notice { body = "usher could not handle this message: gone" }
    hs:expect_silence()
  end)

  t.it("is finished by evt:fail, and the room is told", function()
    hs:reload [[
      local bridge = require "bridge"
      bridge.on("message", function(evt)
        if not evt.redelivered then evt:fail("no such channel") end
      end)
    ]]
    alice:say(room, "hello")
    t.matches(hs:expect_notice(room).content.body, "no such channel")
    t.advance("5m")
    hs:expect_silence()
  end)

  t.it("is undone, told to the room once, and holds back no other", function()
    hs:reload [[
      local bridge = require "bridge"
      bridge.on("message", function(evt)
        if evt.text == "bad" then error("no such channel") end
        evt:reply("good")
      end)
    ]]
    alice:say(room, "bad")
    t.matches(hs:expect_notice(room).content.body, "usher could not handle this message: no such channel")
    alice:say(room, "bad")
    alice:say(room, "hello")
    hs:expect_message { body = "good" }
    hs:expect_silence()
    t.advance("11m")
    alice:say(room, "bad")
    t.matches(hs:expect_notice(room).content.body, "no such channel")
  end)
end)
