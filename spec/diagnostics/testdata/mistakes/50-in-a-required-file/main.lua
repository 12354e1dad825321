-- The mistake is in a file that the script requires.
-- say: hello
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

local codec = require "codec"

bridge.on("message", function(evt)
  evt:reply(codec.decode(evt.text).command)
end)
