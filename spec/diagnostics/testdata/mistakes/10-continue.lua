-- `continue`, which Lua does not have.
local bridge = require "bridge"

local function shout(words)
  for _, word in ipairs(words) do
    if word == "" then
      continue
    end
    print(word:upper())
  end
end

shout { "a", "", "b" }
