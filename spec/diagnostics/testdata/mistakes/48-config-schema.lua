-- A type in the schema of `bridge.config` does not exist.
local bridge = require "bridge"

local cfg = bridge.config {
  port = { type = "int", default = 6667 },
}

print(cfg.port)
