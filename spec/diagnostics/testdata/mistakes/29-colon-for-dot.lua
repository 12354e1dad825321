-- A colon instead of a dot calls a function of a module.
local bridge = require "bridge"

bridge:on("message", function(evt)
  evt:reply("you said: " .. evt.text)
end)
