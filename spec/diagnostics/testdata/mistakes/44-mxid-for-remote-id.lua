-- `bridge.ghost` gets a Matrix id.
-- say: hello
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", function(evt)
  local ghost = bridge.ghost(evt.sender)
  ghost:send_text(evt.room_id, "me too")
end)
