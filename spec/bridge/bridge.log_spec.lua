local t = require "bridge.test"

t.describe("bridge.log", function()
  local hs

  t.before_each(function() hs = t.load("blank.lua") end)

  -- TestLog holds what stands in the host's log after these.

  t.it("writes lines of four levels", function()
    hs:reload [[
      local log = require "bridge.log"
      for _, level in ipairs { "debug", "info", "warn", "error" } do log[level]("a " .. level) end
    ]]
  end)

  t.it("writes fields as key=value, in the order of their names", function()
    hs:reload [[
      local bridge, json = require "bridge", require "bridge.json"
      local _, err = bridge.try(error, "mine", 0)
      bridge.log.info("fields", { url = "https://x.test", list = { 1, 2 }, a = true, err = err, none = json.null, long = ("x"):rep(2000) })
    ]]
  end)

  t.it("writes a markup as its text", function()
    hs:reload [[ local bridge = require "bridge" bridge.log.warn(bridge.markdown("**bold**")) ]]
  end)

  t.it("is both a module and bridge.log, and may be used while loading", function()
    hs:reload [[ assert(require "bridge".log == require "bridge.log") ]]
  end)

  t.it("raises for fields that are no table, and for a message that is no text", function()
    t.raises(function() hs:reload [[ require "bridge.log".info("x", "y") ]] end, "bad argument #2 'fields' to 'info' %(table expected, got string%)")
    t.raises(function() hs:reload [[ require "bridge.log".error({}) ]] end, "bad argument #1 'message' to 'error'")
    t.raises(function() hs:reload [[ require "bridge.log".warn() ]] end, "bad argument #1 'message' to 'warn'")
    t.raises(function() hs:reload [[ require "bridge.log".debug("x", { 1 }, 2) ]] end, "too many arguments to 'debug'")
  end)
end)
