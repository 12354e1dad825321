-- An `if` has no `then`.
local bridge = require "bridge"

bridge.on("message", function(evt)
  if evt.text == "ping"
    evt:reply("pong")
  end
end)
