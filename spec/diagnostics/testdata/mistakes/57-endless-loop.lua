-- A loop never ends.
-- say: hello
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", function(evt)
  local n = 0
  while n < 10 do end
  evt:reply(n)
end)
