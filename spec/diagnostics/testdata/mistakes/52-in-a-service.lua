-- The mistake is in a service, two calls deep.
-- say: hello
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

local function parse(line)
  local command, rest = line:match("^(%S+) (.*)$")
  return command:upper(), rest
end

local function handle(line)
  local command = parse(line)
  print(command)
end

bridge.service("lines", function()
  for _, line in ipairs { "PING a", "QUIT" } do
    handle(line)
  end
end)
