-- The `end` of an `if` is missing.
local bridge = require "bridge"

local function greet(name)
  if name == "" then
    return "hello"
  return "hello, " .. name
end

bridge.command("greet", { args = "<name>" }, function(cmd)
  cmd:reply(greet(cmd.args.name))
end)
