-- A variable is made without `local`.
-- say: hello
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", function(evt)
  answer = "you said: " .. evt.text
  evt:reply(answer)
end)
