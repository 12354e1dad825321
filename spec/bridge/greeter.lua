-- Answers with its configured greeting.
local bridge = require "bridge"

local cfg = bridge.config {
  greeting = { type = "string", default = "hello" },
  times    = { type = "integer", default = 1 },
  to       = { type = "list", default = {} },
}

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", function(evt)
  local words = {}
  for _ = 1, cfg.times do words[#words + 1] = cfg.greeting end
  for _, name in ipairs(cfg.to) do words[#words + 1] = name end
  evt:reply(table.concat(words, " "))
end)
