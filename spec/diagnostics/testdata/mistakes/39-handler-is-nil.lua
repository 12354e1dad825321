-- The handler that is handed over does not exist.
local bridge = require "bridge"

local handlers = {}

function handlers.message(evt)
  evt:reply("you said: " .. evt.text)
end

bridge.on("message", handlers.mesage)
