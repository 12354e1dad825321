-- A comma is missing in a table.
local bridge = require "bridge"

local answers = {
  ping = "pong",
  hello = "hello to you"
  bye = "see you"
}

bridge.on("message", function(evt)
  evt:reply(answers[evt.text] or "what?")
end)
