-- `bridge.ghost` gets the Matrix id of a ghost.
-- say: hello
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", function(evt)
  local ann = bridge.mxid("Ann")
  local ghost = bridge.ghost(ann)
  ghost:send_text(evt.room_id, "me too")
end)
