-- A module's name is misspelt.
local bridge = require "bridge"

local net = require "bridge.nett"
print(net)
