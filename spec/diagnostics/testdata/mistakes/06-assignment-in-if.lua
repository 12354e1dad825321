-- `=` instead of `==` in a condition.
local bridge = require "bridge"

bridge.on("message", function(evt)
  if evt.text = "ping" then
    evt:reply("pong")
  end
end)
