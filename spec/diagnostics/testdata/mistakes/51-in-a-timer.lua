-- The mistake is in a timer.
-- say: hello
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

local feeds = { { name = "news" } }

bridge.every("1s", function()
  for _, feed in ipairs(feeds) do
    print(feed.name .. ": " .. #feed.items)
  end
end)
