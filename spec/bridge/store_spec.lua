local t    = require "bridge.test"
local json = require "bridge.json"

-- Both kinds of stores have the same methods.
for _, kind in ipairs { "store", "memory" } do
  t.describe("bridge." .. kind, function()
    local hs

    -- What the function with this body returns in the load handler of the script.
    local function run(body)
      hs:reload(([[
        local bridge, json = require "bridge", require "bridge.json"
        local s = bridge.%s("things")
        bridge.on("load", function()
          bridge.store("out"):set("v", json.array { (function() %s end)() })
        end)
      ]]):format(kind, body))
      return unpack(t.store("out"):get("v"))
    end

    t.before_each(function() hs = t.load("blank.lua") end)

    t.it("holds what JSON can hold", function()
      run [[ s:set("table", { a = { 1, "x", true }, none = json.null }) s:set("text", "é") s:set("number", 1.5) s:set("no", false) ]]
      t.eq({ run [[ return s:get("table"), s:get("text"), s:get("number"), s:get("no") ]] },
        { { a = { 1, "x", true }, none = json.null }, "é", 1.5, false })
    end)

    t.it("has nil for a key that was never set", function()
      t.eq(run [[ return s:get("x") == nil ]], true)
    end)

    t.it("gives a copy: a change of it is kept when it is set again", function()
      t.eq({ run [[
        s:set("k", { n = 1 })
        local v = s:get("k")
        v.n = 2
        local before = s:get("k").n
        s:set("k", v)
        return before, s:get("k").n
      ]] }, { 1, 2 })
    end)

    t.it("outlives a reload", function()
      run [[ s:set("k", "kept") ]]
      t.eq(run [[ return s:get("k") ]], "kept")
    end)

    t.it("keeps the empty list apart from the empty table", function()
      t.eq(run [[ s:set("l", json.array()) s:set("t", {}) return json.encode(s:get("l")), json.encode(s:get("t")) ]], "[]")
      t.eq(select(2, run [[ return 1, json.encode(s:get("t")) ]]), "{}")
    end)

    t.it("raises for a function or a handle in a value, with its place", function()
      t.raises(function() run [[ s:set("k", { on = { print } }) ]] end, "a function cannot be written as JSON at %.on%[1%]")
      t.raises(function() run [[ s:set("k", s) ]] end, "an object %(store%)")
      t.raises(function() run [[ s:set("k", nil) ]] end, "value expected, got nil")
    end)

    t.it("raises for a key of more than 4096 bytes", function()
      run [[ s:set(("k"):rep(4096), 1) ]]
      t.raises(function() run [[ s:set(("k"):rep(4097), 1) ]] end, "a key has 4096 bytes at most")
    end)

    t.it("forgets a value when its ttl has passed", function()
      run [[ s:set("short", 1, { ttl = "10s" }) s:set("long", 2) ]]
      t.advance("9s")
      t.eq({ run [[ return s:get("short"), s:get("long") ]] }, { 1, 2 })
      t.advance("1s")
      t.eq({ run [[ return s:get("short") == nil, s:get("long") ]] }, { true, 2 })
      t.eq(run [[ return s:keys() ]], { "long" })
    end)

    t.it("keeps a value for ever when it is set again without a ttl", function()
      run [[ s:set("k", 1, { ttl = 10 }) s:set("k", 2) ]]
      t.advance("1h")
      t.eq(run [[ return s:get("k") ]], 2)
    end)

    t.it("tells with delete whether there was a value", function()
      t.eq({ run [[ s:set("k", false) return s:delete("k"), s:delete("k"), s:get("k") == nil ]] }, { true, false, true })
    end)

    t.it("lists its keys sorted", function()
      t.eq(run [[ for _, k in ipairs { "b", "a", "ä", "B", "10", "9" } do s:set(k, 1) end return s:keys() ]], { "10", "9", "B", "a", "b", "ä" })
      t.eq(run [[ s:clear() return json.encode(s:keys()) ]], "[]")
    end)

    t.it("goes through keys and values in order, as they were when it began", function()
      t.eq(run [[
        for _, k in ipairs { "c", "a", "b", "d" } do s:set(k, { k = k }) end
        local seen = {}
        for k, v in s:pairs() do
          seen[#seen + 1] = k .. v.k
          if k == "a" then s:delete("c") s:set("d", { k = "changed" }) s:set("e", { k = "new" }) end
        end
        return seen
      ]], { "aa", "bb", "dchanged" })
    end)

    t.it("forgets all with clear, and other stores nothing", function()
      t.eq({ run(([[
        local other = bridge.%s("other")
        other:set("k", 1) s:set("a", 1) s:set("b", 2)
        s:clear()
        return #s:keys(), other:get("k")
      ]]):format(kind)) }, { 0, 1 })
    end)

    t.it("is one store for all who name it", function()
      t.eq(run(([[ s:set("k", 1) return bridge.%s("things"):get("k") ]]):format(kind)), 1)
    end)

    t.it("sets with update what the function makes of the value, and returns it", function()
      t.eq({ run [[
        local first  = s:update("n", function(n) return (n or 0) + 1 end)
        local second = s:update("n", function(n) return (n or 0) + 1 end)
        return first, second, s:get("n")
      ]] }, { 1, 2, 2 })
    end)

    t.it("deletes with update when the function returns nil", function()
      t.eq({ run [[
        s:set("k", 1)
        local v = s:update("k", function() return nil end)
        return v == nil, #s:keys(), s:update("k", function(old) return old == nil end)
      ]] }, { true, 0, true })
    end)

    t.it("changes nothing when the function given to update raises", function()
      t.raises(function() run [[ s:set("k", 1) s:update("k", function() error("no") end) ]] end, "no")
      t.eq(run [[ local ok = pcall(s.update, s, "k", function() error("no") end) return ok ]], false)
    end)

    t.it("raises from update for what cannot be kept", function()
      t.raises(function() run [[ s:update("k", function() return print end) ]] end, "returned what cannot be kept")
    end)

    t.it("raises from update when the key was changed while the function waited", function()
      t.eq({ run [[
        s:set("k", 1)
        local _, err = bridge.try(s.update, s, "k", function(v)
          bridge.spawn(function() s:set("k", 5) end):wait()
          return v + 1
        end)
        return err.code, err.retryable, s:get("k")
      ]] }, { "E_CHANGED", true, 5 })
    end)

    t.it("is read at the top level and not written there", function()
      run [[ s:set("k", "read") ]]
      hs:reload(([[
        local bridge = require "bridge"
        local v = bridge.%s("things"):get("k")
        bridge.on("load", function() bridge.store("out"):set("v", { v, #bridge.%s("things"):keys() }) end)
      ]]):format(kind, kind))
      t.eq(t.store("out"):get("v"), { "read", 1 })
      for _, write in ipairs { [[set("k", 1)]], [[delete("k")]], [[clear()]], [[update("k", function() end)]] } do
        local err = t.raises(function() hs:reload(([[require "bridge".%s("things"):%s]]):format(kind, write)) end, "while the script was loading")
        t.eq(err.code, "E_LOADING")
      end
    end)
  end)
end

t.describe("what a handler writes", function()
  local hs, alice, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    alice = hs:user("alice")
    hs:reload [[
      local bridge = require "bridge"
      local disk, memory = bridge.store("disk"), bridge.memory("memory")
      bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
      bridge.command("set", { args = "<value>" }, function(cmd)
        disk:set("k", cmd.args.value)
        memory:set("k", cmd.args.value)
        bridge.sleep("5s")
        if cmd.args.value == "bad" then error("refused") end
      end)
      bridge.command("get", function(cmd) cmd:reply(tostring(disk:get("k")) .. " " .. tostring(memory:get("k"))) end)
    ]]
    room = alice:room()
  end)

  t.it("is seen by all at once, before the handler has finished", function()
    local other = alice:room()
    alice:say(room, "!set good")
    alice:say(other, "!get")
    hs:expect_notice { body = "good good" }
  end)

  t.it("is undone when the handler fails, but in memory", function()
    local other = alice:room()
    alice:say(room, "!set good")
    t.advance("5s")
    alice:say(room, "!set bad")
    alice:say(other, "!get")
    hs:expect_notice { body = "bad bad" }
    t.advance("5s")
    hs:expect_error("refused")
    alice:say(other, "!get")
    hs:expect_notice { room = other, body = "good bad" }
  end)

  t.it("stays undone over a reload", function()
    alice:say(room, "!set bad")
    t.advance("5s")
    hs:expect_error("refused")
    hs:reload()
    t.eq(t.store("disk"):get("k"), nil)
  end)
end)
