-- A function blames its caller.
-- say: !join lua
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

local function channel(name)
  if name:sub(1, 1) ~= "#" then
    error("a channel begins with #: " .. name, 2)
  end
  return name:lower()
end

bridge.command("join", { args = "<channel>" }, function(cmd)
  local name = channel(cmd.args.channel)
  cmd:reply("joining " .. name)
end)
