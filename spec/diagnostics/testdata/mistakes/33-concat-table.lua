-- A table is joined to a string.
-- say: !echo one two
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.command("echo", { args = "<words...>" }, function(cmd)
  cmd:reply("you said: " .. cmd.args)
end)
