-- The table of events, tried.
local t = require "bridge.test"

t.it("names its events as the chapter says", function()
  local hs = t.load("tearoom.lua")
  local alice, bob = hs:user("alice"), hs:user("bob")
  local room = alice:room()
  hs:reload [[
    local bridge = require "bridge"
    for _, name in ipairs { "message", "edit", "reaction", "redaction", "join", "leave", "member", "room.name", "room.topic",
      "power_levels", "m.room.pinned_events" } do
      bridge.on(name, function(evt) intent:send_notice(evt.room_id, name) end)
    end
    bridge.on("message", { own = true, sender = intent.mxid }, function(evt)
      if evt.text == "message" then intent:send_notice(evt.room_id, "heard myself") end
    end)
  ]]
  local said = alice:say(room, "hello")
  hs:expect_notice { body = "message" }
  hs:expect_notice { body = "heard myself" }
  alice:edit(room, said, "hallo")
  hs:expect_notice { body = "edit" }
  alice:react(room, said, "x")
  hs:expect_notice { body = "reaction" }
  alice:redact(room, said)
  hs:expect_notice { body = "redaction" }
  bob:join(room)
  hs:expect_notice { body = "join" }
  hs:expect_notice { body = "member" }
  alice:kick(room, bob.mxid)
  hs:expect_notice { body = "leave" }
  hs:expect_notice { body = "member" }
  alice:send(room, "m.room.name", { name = "n" }, "")
  hs:expect_notice { body = "room.name" }
  alice:send(room, "m.room.topic", { topic = "n" }, "")
  hs:expect_notice { body = "room.topic" }
  alice:send(room, "m.room.pinned_events", { pinned = {} }, "")
  hs:expect_notice { body = "m.room.pinned_events" }
  hs:expect_silence()
  local err = t.raises(function() hs:reload [[ require("bridge").on("mesage", function() end) ]] end)
  t.matches(tostring(err), "did you mean 'message'")
end)
