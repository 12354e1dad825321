-- A message is sent while the script is loading.
local bridge = require "bridge"

local room = "!news:bh.test"

intent:send_text(room, "I am up")
