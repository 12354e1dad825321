-- The bot sets a topic without the power to.
-- say: !topic weather
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.command("topic", { args = "<text...>" }, function(cmd)
  intent:set_room_topic(cmd.room_id, cmd.args.text)
end)
