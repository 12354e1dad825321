-- echo_spec.lua: the tests of echo.lua. Run them with: bridgehost test
local t = require "bridge.test"

t.describe("echo.lua", function()
  local hs, alice, room

  t.before_each(function()
    hs    = t.load("echo.lua")
    alice = hs:user("alice")
    room  = alice:room()                     -- a room of alice's, with the bot invited
    hs:expect_notice(room)                   -- its greeting: the bot has joined
  end)

  t.it("repeats what people say", function()
    alice:say(room, "hello")
    local evt = hs:expect_message { room_id = room, from = "@_bh_echo:test" }
    t.eq(evt.content.body, "you said: hello")
  end)

  t.it("shouts", function()
    alice:say(room, "!shout is this on")
    t.eq(hs:expect_notice(room).content.body, "IS THIS ON!")
  end)

  t.it("says what a command needs", function()
    alice:say(room, "!shout")
    t.matches(hs:expect_notice(room).content.body, "text is missing")
  end)
end)
