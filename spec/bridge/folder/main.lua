local bridge = require "bridge"
local other  = require "other"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
bridge.on("message", function(evt) evt:reply(other.text) end)
