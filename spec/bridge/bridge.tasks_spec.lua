local t = require "bridge.test"

local hs, alice, room

-- Loads a script whose handler of messages has this body. say(…) keeps texts in memory, keep(v) a value on disk.
local function on_message(body)
  hs:reload(([[
    local bridge = require "bridge"
    local function keep(v) bridge.store("out"):set("v", v) end
    local function say(...)
      local text = table.concat({ ... }, " ")
      bridge.memory("said"):update("list", function(list) list = list or {} list[#list + 1] = text return list end)
    end
    local function said() return bridge.memory("said"):get("list") or {} end
    bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
    bridge.on("message", function(evt) %s end)
  ]]):format(body))
end

local function kept() return t.store("out"):get("v") end

-- Says something that the body handles, in a room of its own.
local function go(text) alice:say(alice:room(), text or "go") end

local function before()
  hs    = t.load("blank.lua")
  alice = hs:user("alice")
end

t.describe("bridge.spawn", function()
  t.before_each(before)

  t.it("starts a function with its arguments, at the next wait of the one that started it", function()
    on_message [[
      local task = bridge.spawn(function(a, b, c) say("spawned", a, tostring(b), c) end, "a", nil, "c")
      say("handler")
      bridge.sleep(0.1)
      say("handler again")
      keep(said())
    ]]
    go()
    t.advance("1s")
    t.eq(kept(), { "handler", "spawned a nil c", "handler again" })
  end)

  t.it("has a unit of work of its own: what it wrote stays when the handler fails", function()
    on_message [[
      bridge.store("s"):set("handler", 1)
      bridge.spawn(function() bridge.store("s"):set("task", 1) end):wait()
      error("no")
    ]]
    go()
    hs:expect_error("no")
    t.eq(t.store("s"):keys(), { "task" })
  end)

  t.it("undoes what it wrote when it fails, and the handler's writes stay", function()
    on_message [[
      bridge.store("s"):set("handler", 1)
      bridge.try(function() bridge.spawn(function() bridge.store("s"):set("task", 1) error("no") end):wait() end)
    ]]
    go()
    t.eq(t.store("s"):keys(), { "handler" })
  end)

  t.it("has a deadline of its own", function()
    on_message [[
      bridge.spawn(function() bridge.sleep("50s") say("in time") keep(said()) bridge.sleep("50s") say("never") end)
      bridge.sleep("20s")
    ]]
    go()
    t.advance("2m")
    t.eq(hs:expect_error("took longer than 1m0s").kind, "timeout")
  end)

  t.it("tells its error when nobody waits for it", function()
    on_message [[ bridge.spawn(function() error("no") end) ]]
    go()
    hs:expect_error("no")
  end)

  t.it("leaves its error to the one that waits for it", function()
    on_message [[
      local _, err = bridge.try(function() bridge.spawn(function() bridge.sleep("1s") error("no") end):wait() end)
      keep { err.message }
    ]]
    go()
    t.advance("1s")
    t.eq(kept(), { "no" })
    t.raises(function() hs:expect_error() end, "there is none")
  end)

  t.it("ends with its version of the script", function()
    on_message [[ bridge.spawn(function() bridge.sleep("30s") intent:send_text(evt.room_id, "too late") end) ]]
    go()
    on_message ""
    t.advance("1m")
    hs:expect_silence()
  end)

  t.it("raises E_TIMERS when 1000 wait already", function()
    on_message [[
      local n, err = 0
      for _ = 1, 1001 do
        local task
        task, err = bridge.try(bridge.spawn, bridge.sleep, "1s")
        if task then n = n + 1 end
      end
      local later = select(2, bridge.try(bridge.after, "1s", function() end))
      keep { n, err.code, later.code }
    ]]
    go()
    t.advance("1s")
    t.eq(kept(), { 1000, "E_TIMERS", "E_TIMERS" })
  end)

  t.it("is for handlers, not for the top level", function()
    t.eq(t.raises(function() hs:reload [[require "bridge".spawn(function() end)]] end, "cannot be started while the script is loading").code, "E_LOADING")
  end)
end)

t.describe("a task", function()
  t.before_each(before)

  t.it("is waited for, and gives all that the function returned, as often as one asks", function()
    on_message [[
      local task = bridge.spawn(function() bridge.sleep("5s") return 1, nil, "three" end)
      local a, b, c = task:wait()
      keep { a, tostring(b), c, select("#", task:wait()) }
    ]]
    go()
    t.eq(kept(), nil)
    t.advance("5s")
    t.eq(kept(), { 1, "nil", "three", 3 })
  end)

  t.it("raises from wait what the function raised", function()
    on_message [[
      local text = select(2, bridge.try(function() bridge.spawn(error, "no", 0):wait() end))
      local own  = select(2, bridge.try(function() bridge.spawn(error, { code = "MINE", message = "mine" }):wait() end))
      keep { text.message, own.code, own.message }
    ]]
    go()
    t.eq(kept(), { "no", "MINE", "mine" })
  end)

  t.it("is kept from starting by cancel; who waits for it hears so", function()
    on_message [[
      local task = bridge.spawn(function() say("started") end)
      task:cancel()
      local _, err = bridge.try(task.wait, task)
      keep { err.code, err.kind, err.retryable, #said() }
    ]]
    go()
    t.eq(kept(), { "E_CANCELLED", "stopping", false, 0 })
  end)

  t.it("is ended by cancel at its next step, and nobody else hears of it", function()
    on_message [[
      local task = bridge.spawn(function() say("one") bridge.sleep("10s") say("two") end)
      bridge.sleep("5s")
      task:cancel()
      local _, err = bridge.try(task.wait, task)
      bridge.sleep("10s")
      keep { err.code, said() }
    ]]
    go()
    t.advance("20s")
    t.eq(kept(), { "E_CANCELLED", { "one" } })
    t.raises(function() hs:expect_error() end, "there is none")
  end)

  t.it("does nothing when it is cancelled after its end", function()
    on_message [[
      local task = bridge.spawn(function() return "done" end)
      task:wait()
      task:cancel()
      task:cancel()
      keep { task:wait() }
    ]]
    go()
    t.eq(kept(), { "done" })
  end)

  t.it("fails the handler that waits for a cancelled one, once", function()
    on_message [[
      bridge.memory("m"):update("runs", function(n) return (n or 0) + 1 end)
      local task = bridge.spawn(bridge.sleep, "10s")
      task:cancel()
      task:wait()
    ]]
    go()
    hs:expect_error("the task was cancelled")
    t.advance("1h")
    t.raises(function() hs:expect_error() end, "there is none")
  end)

  t.it("of bridge.after that was not begun ends with its version, and who waits for it is handled anew", function()
    on_message [[ bridge.after("1h", function() end):wait() ]]
    go()
    on_message [[ keep { evt.text, evt.redelivered } ]]
    t.eq(kept(), { "go", true })
  end)
end)

t.describe("bridge.parallel", function()
  t.before_each(before)

  t.it("calls the function for each item, up to n at once, and lists the first results in order", function()
    on_message [[
      local running, most = 0, 0
      local results = bridge.parallel(3, { 5, 1, 4, 2, 3 }, function(n)
        running = running + 1
        most = math.max(most, running)
        bridge.sleep(n)
        running = running - 1
        return n * n, "second"
      end)
      keep { most, results }
    ]]
    go()
    t.advance("1m")
    t.eq(kept(), { 3, { 25, 1, 16, 4, 9 } })
  end)

  t.it("runs 64 at once at most", function()
    on_message [[
      local list, running, most = {}, 0, 0
      for i = 1, 100 do list[i] = i end
      bridge.parallel(1000, list, function()
        running = running + 1
        most = math.max(most, running)
        bridge.sleep("1s")
        running = running - 1
      end)
      keep { most }
    ]]
    go()
    t.advance("5s")
    t.eq(kept(), { 64 })
  end)

  t.it("answers an empty list with an empty list", function()
    on_message [[ keep { #bridge.parallel(4, {}, error) } ]]
    go()
    t.eq(kept(), { 0 })
  end)

  t.it("runs all, and then raises the first error, by the order of the items", function()
    on_message [[
      local _, err = bridge.try(bridge.parallel, 2, { 3, 1, 2 }, function(n)
        bridge.sleep(n)
        say("ran", n)
        if n ~= 2 then error("item " .. n, 0) end
      end)
      keep { err.message, #said() }
    ]]
    go()
    t.advance("1m")
    t.eq(kept(), { "item 3", 3 })
    t.raises(function() hs:expect_error() end, "there is none")
  end)

  t.it("commits each call by itself: the others' writes stay when one fails", function()
    on_message [[
      bridge.store("s"):set("handler", 1)
      bridge.parallel(4, { "a", "b", "c" }, function(key)
        bridge.store("s"):set(key, 1)
        if key == "b" then error("no") end
      end)
    ]]
    go()
    hs:expect_error("no")
    t.eq(t.store("s"):keys(), { "a", "c" })
  end)

  t.it("gives each call a deadline of its own", function()
    on_message [[
      keep(bridge.parallel(1, { 1, 2 }, function(n) bridge.sleep("25s") return n end))
    ]]
    go()
    t.advance("1m")
    t.eq(kept(), { 1, 2 })
  end)

  t.it("sends nothing twice when the handler runs again", function()
    on_message [[
      bridge.parallel(2, { "a", "b", "c" }, function(text)
        intent:send_text(evt.room_id, text)
      end)
      if not evt.redelivered then error { message = "not now", retryable = true } end
      intent:send_text(evt.room_id, "done")
    ]]
    go()
    hs:expect_error("not now")
    t.advance("1m")
    for _, text in ipairs { "a", "b", "c", "done" } do hs:expect_message { body = text } end
    hs:expect_silence()
  end)

  t.it("raises for what is no list, and for less than one at once", function()
    on_message [[
      local function message(...) return (select(2, bridge.try(bridge.parallel, ...))).message end
      keep { message(0, {}, error), message(1, { x = 1 }, error), message(1, { 1, nil, 3 }, error) }
    ]]
    go()
    t.matches(kept()[1], "1 or more expected, got 0")
    t.matches(kept()[2], "list expected, got a table with the key x")
    t.matches(kept()[3], "list expected")
  end)
end)

t.describe("bridge.timeout", function()
  t.before_each(before)

  t.it("returns what the function returns, and hands on arguments", function()
    on_message [[ keep { bridge.timeout("5s", function(a, b) bridge.sleep("1s") return a .. b, "two" end, "x", "y") } ]]
    go()
    t.advance("1s")
    t.eq(kept(), { "xy", "two" })
  end)

  t.it("raises what the function raises", function()
    on_message [[
      local _, err = bridge.try(bridge.timeout, "5s", error, { code = "MINE" })
      local _, text = bridge.try(bridge.timeout, "5s", error, "no", 0)
      keep { err.code, text.message }
    ]]
    go()
    t.eq(kept(), { "MINE", "no" })
  end)

  t.it("raises an error of kind timeout when the time is over, and the function is ended", function()
    on_message [[
      local _, err = bridge.try(bridge.timeout, "5s", function() bridge.sleep("10s") say("too late") end)
      say("over")
      bridge.sleep("20s")
      keep { err.kind, err.code, err.retryable, said() }
    ]]
    go()
    t.advance("1m")
    t.eq(kept(), { "timeout", "E_TIMEOUT", true, { "over" } })
  end)

  t.it("ends a function that catches every error", function()
    on_message [[
      local ok = bridge.try(bridge.timeout, "5s", function()
        while true do pcall(bridge.sleep, "1s") end
      end)
      keep { ok == nil }
    ]]
    go()
    t.advance("6s")
    t.eq(kept(), { true })
  end)

  t.it("is part of the handler's work: what it wrote is undone with the handler's", function()
    on_message [[
      bridge.timeout("5s", function() bridge.store("s"):set("k", 1) end)
      error("no")
    ]]
    go()
    hs:expect_error("no")
    t.eq(t.store("s"):keys(), {})
  end)

  t.it("lets the innermost time that is over count", function()
    on_message [[
      local _, err = bridge.try(bridge.timeout, "10s", function()
        local _, inner = bridge.try(bridge.timeout, "2s", bridge.sleep, "5s")
        say(inner.message)
        bridge.sleep("20s")
      end)
      say(err.message)
      keep(said())
    ]]
    go()
    t.advance("30s")
    t.eq(kept(), { "took longer than 2s", "took longer than 10s" })
  end)

  t.it("raises for no time", function()
    on_message [[ bridge.timeout(0, function() end) ]]
    go()
    hs:expect_error("more than 0 expected")
  end)
end)

t.describe("bridge.lock", function()
  t.before_each(before)

  t.it("lets one handler at a time in: for reading, waiting and then writing", function()
    on_message [[
      bridge.lock("count", function()
        local n = bridge.store("s"):get("n") or 0
        bridge.sleep("1s")
        bridge.store("s"):set("n", n + 1)
      end)
    ]]
    for _ = 1, 5 do go() end
    t.advance("5s")
    t.eq(t.store("s"):get("n"), 5)
  end)

  t.it("returns what the function returns", function()
    on_message [[ keep { bridge.lock("a", function() return 1, "two" end) } ]]
    go()
    t.eq(kept(), { 1, "two" })
  end)

  t.it("lets those in at once that take locks of different names", function()
    on_message [[ bridge.lock(evt.text, function() say("in " .. evt.text) bridge.sleep("1s") end) keep(said()) ]]
    go("a")
    go("b")
    t.advance("1s")
    local list = kept()
    table.sort(list)
    t.eq(list, { "in a", "in b" })
  end)

  t.it("is given back when the function raises", function()
    on_message [[ bridge.lock("a", function() say(evt.text) if evt.text == "fail" then error("no") end keep(said()) end) ]]
    go("fail")
    hs:expect_error("no")
    go("next")
    t.eq(kept(), { "fail", "next" })
  end)

  t.it("raises when it is taken again inside of itself, also within bridge.timeout", function()
    on_message [[
      bridge.lock("a", function()
        local _, err  = bridge.try(bridge.lock, "a", function() say("in") end)
        local _, deep = bridge.try(bridge.timeout, "5s", function() bridge.lock("a", function() say("in") end) end)
        keep { err.code, deep.code, #said() }
      end)
    ]]
    go()
    t.eq(kept(), { "E_LOCK", "E_LOCK", 0 })
  end)

  t.it("holds over a reload: the handler of the version before gives it back first", function()
    on_message [[ bridge.lock("a", function() bridge.sleep("5s") say("old") end) ]]
    go()
    on_message [[ bridge.lock("a", function() say("new") keep(said()) end) ]]
    go()
    t.eq(kept(), nil)
    t.advance("5s")
    t.eq(kept(), { "old", "new" })
  end)
end)
