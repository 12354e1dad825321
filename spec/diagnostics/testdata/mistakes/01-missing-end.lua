-- The `end)` of a handler is missing.
local bridge = require "bridge"

bridge.on("message", { msgtype = "m.text" }, function(evt)
  if evt.text == "ping" then
    evt:reply("pong")
  end

bridge.command("shout", { args = "<text...>" }, function(cmd)
  cmd:reply(cmd.args.text:upper() .. "!")
end)
