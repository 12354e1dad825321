-- The `)` after a handler's `end` is missing.
local bridge = require "bridge"

bridge.on("message", function(evt)
  evt:reply("you said: " .. evt.text)
end

bridge.every("1h", function()
  print("still here")
end)
