-- An error is raised as a table.
-- say: !join lua
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.command("join", { args = "<channel>" }, function(cmd)
  error({ code = "no-such-channel", channel = cmd.args.channel })
end)
