-- `intent.send_text` instead of `intent:send_text`.
-- say: hello
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", function(evt)
  intent.send_text(evt.room_id, "hello")
end)
