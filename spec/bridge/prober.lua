-- Runs what it is told: "try CODE" with room and evt, and says what came of it.
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", function(evt)
  local code = evt.text:match("^try (.*)$")
  if not code then return end
  local made = assert(loadstring("local room, evt = ...; " .. code))
  local ok, result = pcall(made, evt.room_id, evt)
  if ok then
    intent:send_notice(evt.room_id, tostring(result))
  else
    local code = type(result) == "table" and result.code
    intent:send_notice(evt.room_id, (code and code .. ": " or "") .. tostring(result))
  end
end)
