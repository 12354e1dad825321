local t = require "bridge.test"

t.describe("echo.lua", function()
  local hs, alice, room

  t.before_each(function()
    hs = t.load("echo.lua")
    alice = hs:user("alice")
    room = alice:room()
  end)

  t.it("says hello when it is invited", function()
    hs:expect_notice { room = room, body = "Say something .*" }
  end)

  t.it("answers each message with a reply", function()
    local said = alice:say(room, "hello")
    local answer = hs:expect_message { body = "you said: hello" }
    t.eq(answer.content["m.relates_to"], { ["m.in_reply_to"] = { event_id = said } })
  end)

  t.it("shouts", function()
    alice:say(room, "!shout is this on")
    hs:expect_message { body = "IS THIS ON!" }
  end)
end)
