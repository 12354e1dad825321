-- A table has no entry for a key, and its field is read.
-- say: !hello fr
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

local greetings = { en = { hello = "Hello" }, de = { hello = "Hallo" } }

bridge.command("hello", { args = "<language>" }, function(cmd)
  local words = greetings[cmd.args.language]
  cmd:reply(words.hello)
end)
