-- `++`, which Lua does not have.
local bridge = require "bridge"

local count = 0

bridge.on("message", function(evt)
  count++
  evt:reply("message number " .. count)
end)
