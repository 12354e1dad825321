-- `io` is not there.
local bridge = require "bridge"

local file = io.open("notes.txt", "w")
file:write("hello")
