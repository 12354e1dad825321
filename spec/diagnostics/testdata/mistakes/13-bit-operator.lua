-- `&` of Lua 5.3.
local bridge = require "bridge"

local function is_odd(n)
  return n & 1 == 1
end

print(is_odd(7))
