-- The bot sends to a room that it was not invited to.
-- say: hello
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", function(evt)
  intent:send_text("!CLOSED", "somebody said " .. evt.text)
end)
