-- A field of an event is misspelt.
-- say: hello
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", function(evt)
  evt:reply("you said: " .. evt.txt)
end)
