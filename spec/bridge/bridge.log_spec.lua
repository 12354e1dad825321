local t = require "bridge.test"

t.describe("bridge.log", function()
  local hs

  t.before_each(function() hs = t.load("blank.lua") end)

  -- The lines that the script's source writes into the host's log.
  local function logged(source)
    hs:logged()
    hs:reload(source)
    local lines = {}
    for _, line in ipairs(hs:logged()) do
      if line.fields.script == "blank" and line.fields.mine then lines[#lines + 1] = line end
    end
    return lines
  end

  t.it("writes lines of four levels, each with the script's name", function()
    local lines = logged [[
      local log = require "bridge.log"
      for _, level in ipairs { "debug", "info", "warn", "error" } do log[level]("a " .. level, { mine = true }) end
    ]]
    t.eq(#lines, 4)
    for i, level in ipairs { "debug", "info", "warn", "error" } do
      t.eq({ lines[i].level, lines[i].message, lines[i].fields }, { level, "a " .. level, { script = "blank", mine = "true" } })
    end
  end)

  t.it("writes fields as texts, tables as JSON, errors in one line, and the beginning of what is long", function()
    local fields = logged([[
      local bridge, json = require "bridge", require "bridge.json"
      local _, err = bridge.try(error, "not so", 0)
      bridge.log.info("fields", { mine = 1, url = "https://x.test", list = { 1, 2 }, map = { a = true }, err = err, none = json.null, long = ("é"):rep(1000) })
    ]])[1].fields
    t.eq({ fields.url, fields.list, fields.map, fields.none, fields.err }, { "https://x.test", "[1,2]", '{"a":true}', "null", "blank.lua:2: not so" })
    t.eq(fields.long, ("é"):rep(500) .. "… (2000 bytes)")
    t.eq(#logged([[ require "bridge.log".info("x", { mine = 1, long = "x" .. ("é"):rep(1000) }) ]])[1].fields.long, 999 + #"… (2001 bytes)") -- no half character
  end)

  t.it("writes a markup as its text", function()
    t.eq(logged([[ local bridge = require "bridge" bridge.log.warn(bridge.markdown("**bold**"), { mine = 1 }) ]])[1].message, "**bold**")
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
