-- The room is no portal, and `bridge.portal_of` says nil.
-- say: hello
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", function(evt)
  local portal = bridge.portal_of(evt.room_id)
  evt:reply("this is " .. portal.remote_id)
end)
