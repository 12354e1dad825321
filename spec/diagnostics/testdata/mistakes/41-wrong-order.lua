-- Text and room are given in the wrong order.
-- say: hello
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", function(evt)
  intent:send_text("hello", evt.room_id)
end)
