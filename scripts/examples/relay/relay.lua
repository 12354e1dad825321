-- relay.lua: joins rooms. What somebody says in one, a ghost with their name says in the others.
local bridge = require "bridge"

local rooms = bridge.store("rooms")                    -- room id -> the name under which it is joined

-- The other rooms that share this one's name.
local function others(room_id)
  local name, list = rooms:get(room_id), {}
  if not name then return nil, list end
  for other, its_name in rooms:pairs() do
    if its_name == name and other ~= room_id then list[#list + 1] = other end
  end
  return name, list
end

-- What people call a room; its id when it has no name.
local function title(room_id)
  local ok, state = pcall(function() return intent:get_state_event(room_id, "m.room.name") end)
  return ok and state.name or room_id
end

bridge.on("invite", function(evt)
  intent:join_room(evt.room_id)
  intent:send_notice(evt.room_id, "Write !relay NAME here and in another room: what is said in one is then said in both.")
end)

bridge.on("message", function(evt)
  if evt.is_edit then return end
  local _, targets = others(evt.room_id)
  if #targets == 0 then return end
  local content = {}
  for key, value in pairs(evt.content) do content[key] = value end
  content["m.relates_to"] = nil                        -- it names an event of this room
  content["m.mentions"] = nil
  local ghost = bridge.ghost(evt.sender, { displayname = evt.sender_name or evt.sender:match("^@([^:]*)") })
  local failed
  for _, room_id in ipairs(targets) do                 -- one room that fails keeps none of the others waiting
    local ok, err = pcall(function() ghost:send_message(room_id, content) end)
    if not ok then failed = failed or err end
  end
  if failed then error(failed, 0) end                  -- run again, or shown; what was sent is not sent twice
end)

bridge.command("relay", { args = "<name>", level = 50, help = "join this room to those of that name" }, function(cmd)
  rooms:set(cmd.room_id, cmd.args.name)
  local _, list = others(cmd.room_id)
  cmd:reply(("Rooms joined as %s: %d"):format(cmd.args.name, #list + 1))
end)

bridge.command("relay off", { level = 50, help = "leave the rooms that this one is joined to" }, function(cmd)
  if not rooms:delete(cmd.room_id) then return cmd:reply("This room is joined to none.") end
  for _, user in ipairs(intent.state_store:get_members(cmd.room_id)) do
    if bridge.remote_id(user) then intent:user(user):leave_room(cmd.room_id) end
  end
  cmd:reply("This room is joined to none now.")
end)

bridge.command("relay list", { help = "show the rooms that this one is joined to" }, function(cmd)
  local name, list = others(cmd.room_id)
  if not name then return cmd:reply("This room is joined to none.") end
  for i, room_id in ipairs(list) do list[i] = title(room_id) end
  cmd:reply(name .. ": " .. (#list > 0 and table.concat(list, ", ") or "no other room yet"))
end)

bridge.on("leave", function(evt)                       -- the bot was thrown out, or the last one closed the door
  if evt.state_key == intent.mxid then rooms:delete(evt.room_id) end
end)
