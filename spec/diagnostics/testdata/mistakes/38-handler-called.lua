-- A handler is called instead of handed over.
local bridge = require "bridge"

local function on_message(evt)
  evt:reply("you said: " .. evt.text)
end

bridge.on("message", on_message())
