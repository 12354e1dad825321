-- An event's name is misspelt.
local bridge = require "bridge"

bridge.on("mesage", function(evt)
  evt:reply("you said: " .. evt.text)
end)
