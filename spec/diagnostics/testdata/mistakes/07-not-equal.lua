-- `!=` instead of `~=`.
local bridge = require "bridge"

bridge.on("message", function(evt)
  if evt.text != "" then
    evt:reply(evt.text)
  end
end)
