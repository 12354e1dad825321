-- Does two things with the ghost bob at once, on "join and join in !room", and a few more.
local bridge = require "bridge"

local does = {
  join   = function(room) bridge.ghost("bob"):ensure_joined(room) end,
  invite = function(room) intent:invite_user(room, bridge.ghost("bob").mxid) end,
  say    = function(room) bridge.ghost("bob"):send_text(room, "here") end,
}

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", function(evt)
  local first, second, room = evt.text:match("^(%a+) and (%a+) in (%S+)$")
  bridge.parallel(2, { first, second }, function(what) does[what](room) end)
  evt:reply("done")
end)

bridge.command("chorus", function(cmd)
  for _, name in ipairs { "bob", "carol", "bob" } do bridge.ghost(name):send_text(cmd.room_id, "la") end
end)

bridge.command("top", { level = 100 }, function(cmd) cmd:reply("you are at the top") end)
