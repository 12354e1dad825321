-- A required setting is not in bridgehost.toml.
local bridge = require "bridge"

local cfg = bridge.config {
  server = { type = "string", required = true, help = "the IRC server" },
}

print(cfg.server)
