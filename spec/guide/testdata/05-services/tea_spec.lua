local t = require "bridge.test"

t.describe("tea.lua", function()
  local hs, alice, room

  t.before_each(function()
    hs = t.load("tea.lua")
    alice = hs:user("alice")
    room = alice:room()
  end)

  t.it("brews", function()
    alice:say(room, "!brew")
    hs:expect_notice { body = "Three minutes." }
    t.advance("170s")
    hs:expect_silence()
    t.advance("10s")
    hs:expect_notice { body = "Your tea is ready." }
  end)

  t.it("forgets the pot on a save", function()
    alice:say(room, "!brew")
    hs:expect_notice { body = "Three minutes." }
    hs:reload()
    t.advance("4m")
    hs:expect_silence()
  end)

  t.it("tells the time, and goes on after a save", function()
    hs:reload()
    t.advance("24h")
    hs:expect_notice { body = "Drink something." }
    hs:expect_notice { body = "It is four o'clock." }
  end)
end)
