-- An error is caught and raised again.
-- say: hello
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

local function read(settings)
  return settings.rooms[1].id
end

bridge.on("message", function(evt)
  local ok, err = pcall(read, { rooms = {} })
  if not ok then error(err) end
  evt:reply(err)
end)
