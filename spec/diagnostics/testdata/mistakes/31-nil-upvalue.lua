-- A variable of the file was never set.
-- say: hello
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

local state

bridge.on("message", function(evt)
  state.count = state.count + 1
  evt:reply("message number " .. state.count)
end)
