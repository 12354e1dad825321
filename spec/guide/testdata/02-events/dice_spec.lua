local t = require "bridge.test"

t.describe("dice.lua", function()
  local hs, alice, room

  t.before_each(function()
    hs = t.load("dice.lua")
    alice = hs:user("alice")
    room = alice:room()
  end)

  t.it("throws", function()
    alice:say(room, "!roll")
    hs:expect_notice { body = "alice throws [1-6]" }
    alice:say(room, "!roll 1")
    hs:expect_notice { body = "A die has two sides or more." }
    alice:say(room, "!roll two")
    hs:expect_notice { body = "A die has two sides or more." }
  end)

  t.it("says how a command is used, and asks for power", function()
    alice:say(room, "!topic")
    hs:expect_notice { body = "text is missing. Usage: !topic <text...>" }
    hs:user("bob"):say(room, "!topic mine")
    t.matches(hs:expect_notice(room).content.body, "power")
  end)

  t.it("sets the topic when the bot may", function()
    alice:send(room, "m.room.power_levels", { users = { [hs.bot] = 50 } }, "")
    alice:say(room, "!topic tea")
    t.eq(hs:state(room, "m.room.topic").topic, "tea")
  end)
end)
