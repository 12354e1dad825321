-- A missing value is joined to a string.
-- say: hello
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

local nicks = {}

bridge.on("message", function(evt)
  evt:reply("hello, " .. nicks[evt.sender])
end)
