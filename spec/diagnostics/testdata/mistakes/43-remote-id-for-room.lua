-- `bridge.portal_of` gets a remote id.
-- say: hello
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", function(evt)
  local portal = bridge.portal_of("#lua")
  evt:reply("that is " .. portal.room_id)
end)
