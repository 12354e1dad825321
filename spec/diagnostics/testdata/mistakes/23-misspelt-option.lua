-- An option is misspelt.
local bridge = require "bridge"

bridge.command("greet", { arg = "<name>", help = "says hello" }, function(cmd)
  cmd:reply("hello, " .. cmd.args.name)
end)
