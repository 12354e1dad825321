-- `else if` instead of `elseif`.
local bridge = require "bridge"

bridge.on("message", function(evt)
  if evt.text == "ping" then
    evt:reply("pong")
  else if evt.text == "pong" then
    evt:reply("ping")
  end
end)
