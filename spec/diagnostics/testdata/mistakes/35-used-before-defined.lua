-- A local function is called above its definition.
-- say: hello
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", function(evt)
  evt:reply(shout(evt.text))
end)

local function shout(text)
  return text:upper() .. "!"
end
