-- A room's name is given instead of its id.
-- say: hello
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", function(evt)
  intent:send_text("#general", evt.text)
end)
