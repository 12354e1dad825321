-- A function of a module is misspelt.
local bridge = require "bridge"

bridge.comand("ping", function(cmd)
  cmd:reply("pong")
end)
