-- A string is not closed.
local bridge = require "bridge"

bridge.on("message", function(evt)
  evt:reply("you said: .. evt.text)
end)
