-- A variable is misspelt.
-- say: !greet Ann
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

local greeting = "hello, "

bridge.command("greet", { args = "<name>" }, function(cmd)
  cmd:reply(greting .. cmd.args.name)
end)
