-- The mistake is in a coroutine.
-- say: hello
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

local numbers = coroutine.wrap(function()
  for n = 1, 3 do coroutine.yield(n) end
  coroutine.yield(("four"):lenght())
end)

bridge.on("message", function(evt)
  for _ = 1, 4 do evt:reply("number " .. numbers()) end
end)
