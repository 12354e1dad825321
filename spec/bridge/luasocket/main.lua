local bridge = require "bridge"
local redis  = require "redis"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
bridge.command("redis", { args = "<words...>", help = "a command of Redis" }, function(cmd)
  local client, err = redis.connect("redis.test", 6379, 5)
  if not client then return cmd:reply(err) end
  local words = {}
  for word in cmd.args.words:gmatch("%S+") do words[#words + 1] = word end
  local ok, value, refused = pcall(client.command, client, unpack(words))
  if type(value) == "table" then value = table.concat(value, ", ") end
  cmd:reply(tostring(value or refused))
  if ok then client:quit() end
end)
