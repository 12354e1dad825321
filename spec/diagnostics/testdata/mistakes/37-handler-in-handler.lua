-- A handler is declared inside a handler.
-- say: !start
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.command("start", function(cmd)
  bridge.on("message", function(evt)
    evt:reply("you said: " .. evt.text)
  end)
  cmd:reply("started")
end)
