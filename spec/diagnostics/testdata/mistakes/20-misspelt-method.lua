-- A method is misspelt.
-- say: hello
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", function(evt)
  intent:send_mesage(evt.room_id, "hello")
end)
