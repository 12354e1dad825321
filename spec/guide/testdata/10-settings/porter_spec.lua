local t = require "bridge.test"

t.it("is loaded again when its values change, and stays as it is when they do not fit", function()
  local hs = t.load("porter.lua", { config = { house = "Mill Lane 7" } })
  local alice = hs:user("alice")
  local room = alice:room()
  alice:say(room, "hello")
  hs:expect_message { body = "Hello at Mill Lane 7" }
  hs:configure { house = "Mill Lane 8" }
  alice:say(room, "hello")
  hs:expect_message { body = "Hello at Mill Lane 8" }
  t.raises(function() hs:configure { house = 9 } end, "'house': string expected, got 9")
  alice:say(room, "hello")
  hs:expect_message { body = "Hello at Mill Lane 8" }
end)
