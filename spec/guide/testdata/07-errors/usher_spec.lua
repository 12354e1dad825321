local t = require "bridge.test"

t.it("invites, or says that it may not", function()
  local hs = t.load("usher.lua")
  local alice, bob = hs:user("alice"), hs:user("bob")
  local room = alice:room()
  alice:send(room, "m.room.power_levels", { invite = 50 }, "")
  alice:say(room, "!meet " .. bob.mxid)
  hs:expect_notice { body = "I may not invite anybody here." }
  alice:send(room, "m.room.power_levels", { invite = 0 }, "")
  alice:say(room, "!meet " .. bob.mxid)
  t.eq(hs:members(room)[bob.mxid], "invite")
  hs:expect_silence()
end)

t.it("says what an error is", function()
  local hs = t.load("usher.lua")
  local alice = hs:user("alice")
  alice:say(alice:room(), "!meet bob")
  t.matches(tostring(hs:expect_error()), "user ID expected")
end)
