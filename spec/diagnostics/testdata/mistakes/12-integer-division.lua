-- `//` of Lua 5.3.
local bridge = require "bridge"

local function half(n)
  return n // 2
end

print(half(7))
