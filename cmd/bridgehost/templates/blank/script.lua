-- blank.lua: say here what it bridges. Save the file and the new version is live.
local bridge = require "bridge"

bridge.on("invite", function(evt)
  intent:join_room(evt.room_id)
  intent:send_notice(evt.room_id, "blank is here.")
end)
