local t = require "bridge.test"

t.it("undoes what a handler that fails has written", function()
  local hs = t.load("till.lua")
  local alice = hs:user("alice")
  local room = alice:room()
  alice:say(room, "!pay 60")
  hs:expect_notice { body = "There are 60 in the till." }
  alice:say(room, "!pay 50")
  hs:expect_error("the till is full")
  t.eq(t.store("till"):get("sum"), 60)
end)
