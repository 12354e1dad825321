-- A number is compared with a string.
-- say: !roll 6
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.command("roll", { args = "<sides>" }, function(cmd)
  if cmd.args.sides > 1 then
    cmd:reply("you rolled " .. math.random(cmd.args.sides))
  end
end)
