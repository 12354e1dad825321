local t = require "bridge.test"

t.it("rings", function()
  local hs = t.load("bell.lua")
  local alice = hs:user("alice")
  alice:say(alice:room(), "!ring")
  hs:expect_notice { body = "Ding dong." }
end)
