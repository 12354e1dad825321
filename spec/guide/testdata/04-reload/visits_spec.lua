local t = require "bridge.test"

t.describe("visits.lua", function()
  local hs, alice, room

  t.before_each(function()
    hs = t.load("visits.lua")
    alice = hs:user("alice")
    room = alice:room()
  end)

  t.it("counts anew here after a save", function()
    alice:say(room, "hello")
    hs:expect_message { body = "here 1, in memory 1, on disk 1" }
    hs:reload()
    alice:say(room, "hello")
    hs:expect_message { body = "here 1, in memory 2, on disk 2" }
  end)

  t.it("may not send at the top level, and the version before goes on", function()
    local err = t.raises(function() hs:reload [[ intent:send_text("!x:test", "hello") ]] end)
    t.matches(tostring(err), "was called while the script was loading")
    alice:say(room, "hello")
    hs:expect_message { body = "here 1, in memory 1, on disk 1" }
  end)

  t.it("is rolled back when load fails", function()
    t.raises(function() hs:reload [[ require("bridge").on("load", function() error("no") end) ]] end, "no")
    alice:say(room, "hello")
    hs:expect_message { body = "here 1, in memory 1, on disk 1" }
  end)
end)
