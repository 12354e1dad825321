local t = require "bridge.test"
local bridge = require "bridge"

t.describe("bridge.strict", function()
  t.it("lets neither read nor assign an undeclared global, unless it is turned off", function()
    local hs = t.load("blank.lua")
    t.raises(function() hs:reload [[ x = 1 ]] end, "assign to undeclared global 'x'; did you forget `local`")
    t.raises(function() hs:reload [[ local y = x ]] end, "unknown global 'x'")
    hs:reload [[
      local bridge = require "bridge"
      bridge.strict(false)
      x = 1
      local y = z
      bridge.on("load", function() bridge.store("out"):set("v", { x, y == nil }) end)
    ]]
    t.eq(t.store("out"):get("v"), { 1, true })
    t.raises(function() hs:reload [[ require "bridge".strict(false) x = 1 require "bridge".strict(true) y = 1 ]] end, "assign to undeclared global 'y'")
  end)

  t.it("is for its version of the script only", function()
    local hs = t.load("blank.lua")
    hs:reload [[ require "bridge".strict(false) x = 1 ]]
    t.raises(function() hs:reload [[ x = 1 ]] end, "assign to undeclared global 'x'")
  end)
end)

t.describe("bridge.try", function()
  t.it("returns all that the function returns, with the arguments that it is given", function()
    local function pair(a, b, c) return c, nil, a end
    local x, y, z = bridge.try(pair, 1, nil, 3)
    t.eq({ x, tostring(y), z }, { 3, "nil", 1 })
    t.eq(select("#", bridge.try(function() end)), 0)
  end)

  t.it("returns nil and an error table, also when the function raised a text", function()
    local v, err = bridge.try(error, "no", 0)
    t.eq({ v == nil, type(err), err.message, err.kind }, { true, "table", "no", "script" })
    t.matches(tostring(err), "no")
    local _, where = bridge.try(function() error("no") end)
    t.eq({ where.message, where.where:match("bridge_spec.lua:%d+") ~= nil }, { "no", true })
  end)

  t.it("returns the script's own error tables as they are", function()
    local own = { code = "MINE" }
    local _, err = bridge.try(error, own)
    t.eq(err == own, true)
  end)

  t.it("returns the mistakes of Lua and of calls, with their kind", function()
    local _, index = bridge.try(function() local x return x.y end)
    t.matches(index.message, "attempt to index local 'x' %(a nil value%)")
    local _, usage = bridge.try(bridge.markdown, {})
    t.eq(usage.kind, "usage")
  end)

  t.it("calls a function that waits", function()
    local hs = t.load("blank.lua")
    hs:reload [[
      local bridge = require "bridge"
      bridge.on("load", function() bridge.store("out"):set("v", { bridge.try(function() bridge.sleep("1s") return "waited" end) }) end)
    ]]
    t.eq(t.store("out"):get("v"), { "waited" })
  end)
end)

t.describe("bridge.info", function()
  t.it("knows the script's name, its generation and the server", function()
    local hs = t.load("blank.lua", { name = "other" })
    local source = [[
      local bridge = require "bridge"
      bridge.on("load", function()
        local i = bridge.info
        bridge.store("out"):set("v", { i.name, i.generation, i.server_name, i.version == nil })
      end)
    ]]
    hs:reload(source)
    t.eq(t.store("out"):get("v"), { "other", 2, "test", true })
    hs:reload(source)
    t.eq(t.store("out"):get("v"), { "other", 3, "test", true })
  end)
end)

t.describe("the module bridge", function()
  t.it("raises for a function that it does not have", function()
    t.raises(function() return bridge.markdwon end, "bridge has no function 'markdwon'; did you mean 'markdown'")
  end)

  t.it("is called with a dot", function()
    t.raises(function() bridge:markdown("x") end, "must be called with a dot")
  end)
end)
