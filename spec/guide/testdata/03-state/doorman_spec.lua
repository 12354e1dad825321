local t = require "bridge.test"

t.it("has settings", function()
  local hs = t.load("doorman.lua", { config = { house = "Mill Lane 7", guests = { "@ann:example.org" }, code = "1234" } })
  local alice = hs:user("alice")
  alice:say(alice:room(), "hello")
  hs:expect_message { body = "Hello at Mill Lane 7" }
end)

t.it("tells all mistakes at once", function()
  local err = t.raises(function() t.load("doorman.lua", { config = { guests = { "ann" }, hose = "x" } }) end)
  t.matches(tostring(err), "house")
  t.matches(tostring(err), "guests")
  t.matches(tostring(err), "hose")
end)
