-- A setting is read under another name than it was declared.
local bridge = require "bridge"

local cfg = bridge.config {
  server = { type = "string", default = "irc.example.org" },
}

print(cfg.sever:upper())
