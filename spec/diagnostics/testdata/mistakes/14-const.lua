-- `<const>` of Lua 5.4.
local bridge = require "bridge"

local LIMIT <const> = 10

print(LIMIT)
