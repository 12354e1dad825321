-- The table of the chapter, where no other spec here uses it.
local t = require "bridge.test"

t.describe("a spec", function()
  local hs, alice, room

  t.before_each(function()
    hs = t.load("kettle.lua")
    alice = hs:user("alice")
    room = alice:room()
    hs:expect_notice()
  end)

  t.it("lets the homeserver refuse", function()
    t.fault { path = "/send/", status = 403, errcode = "M_FORBIDDEN" }
    alice:say(room, "!boil")
    t.eq(hs:expect_error().code, "M_FORBIDDEN")
  end)

  t.it("sees what is stored", function()
    hs:reload [[
      local bridge = require "bridge"
      local points = bridge.store("points")
      bridge.on("message", function(evt) points:set("bob", 3) end)
    ]]
    alice:say(room, "bob++")
    t.eq(t.store("points"):get("bob"), 3)
  end)
end)
