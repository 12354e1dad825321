local t = require "bridge.test"

-- Loads a script that says with tick(name) when something runs, in seconds since it was loaded.
local function start(hs, source)
  hs:reload([[
    local bridge, time = require "bridge", require "bridge.time"
    local began
    local function say(store, name)
      local line = name .. " " .. ("%.10g"):format(time.now() - began)
      store:update("list", function(list) list = list or {} list[#list + 1] = line return list end)
    end
    local function tick(name) say(bridge.store("ticks"), name) end
    local function remember(name) say(bridge.memory("ticks"), name) end
    bridge.on("load", function() began = time.now() end)
    bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
  ]] .. source)
end

-- What was said with remember(name), also by what failed, whose writes on disk are undone.
local function remembered(hs)
  start(hs, [[ bridge.on("load", function() bridge.store("remembered"):set("list", bridge.memory("ticks"):get("list")) end) ]])
  return t.store("remembered"):get("list")
end

local function ticks() return t.store("ticks"):get("list") or {} end

t.describe("bridge.every", function()
  local hs

  t.before_each(function() hs = t.load("blank.lua") end)

  t.it("runs the first time one period after the start, and then each period", function()
    start(hs, [[ bridge.every("10s", function() tick("a") end) bridge.every(25, function() tick("b") end) ]])
    t.eq(ticks(), {})
    t.advance("9s")
    t.eq(ticks(), {})
    t.advance("29s")
    t.eq(ticks(), { "a 10", "a 20", "b 25", "a 30" })
  end)

  t.it("never runs twice at once: what a long run overlaps is left out", function()
    start(hs, [[ bridge.every("10s", function() tick("begin") bridge.sleep("25s") tick("end") end) ]])
    t.advance("75s")
    t.eq(ticks(), { "begin 10", "end 35", "begin 40", "end 65", "begin 70" })
  end)

  t.it("runs again after a run that failed", function()
    start(hs, [[ bridge.every("10s", function() remember("a") error("no") end) ]])
    t.advance("20s")
    t.eq(remembered(hs), { "a 10", "a 20" })
    hs:expect_error("no")
    hs:expect_error("no")
  end)

  t.it("begins each run up to jitter later, and does not drift", function()
    start(hs, [[ bridge.every("1m", { jitter = "10s" }, function() tick("a") end) ]])
    t.advance("20m")
    local list = ticks()
    local different = {}
    for i, line in ipairs(list) do
      local late = tonumber(line:match("a (.*)")) - 60 * i
      t.eq(late >= 0 and late < 10, true)
      different[late] = true
    end
    t.eq(#list == 20 or #list == 19, true)
    local n = 0
    for _ in pairs(different) do n = n + 1 end
    t.eq(n > 10, true)
  end)

  t.it("ends with its version of the script", function()
    start(hs, [[ bridge.every("10s", function() tick("old") end) ]])
    t.advance("15s")
    start(hs, [[ bridge.every("10s", function() tick("new") end) ]])
    t.advance("15s")
    t.eq(ticks(), { "old 10", "new 10" })
  end)

  t.it("raises for no period, and in a handler", function()
    t.raises(function() start(hs, [[ bridge.every(0, function() end) ]]) end, "a period must be longer than 0")
    t.raises(function() start(hs, [[ bridge.every("soon", function() end) ]]) end, "duration expected")
    t.raises(function() start(hs, [[ bridge.every("1s", { jiter = 1 }, function() end) ]]) end, "did you mean 'jitter'")
    t.raises(function() start(hs, [[ bridge.on("load", function() bridge.every("1s", function() end) end) ]]) end, "top level")
  end)
end)

t.describe("bridge.cron", function()
  local hs
  local time = require "bridge.time"

  t.before_each(function() hs = t.load("blank.lua") end)

  -- How many seconds after a full hour it is.
  local function within_hour() return time.now() % 3600 end

  t.it("runs at the times of the expression", function()
    t.advance(3600 - within_hour()) -- to a full hour
    start(hs, [[ bridge.cron("*/20 * * * *", function() tick("a") end) bridge.cron("@hourly", function() tick("hourly") end) ]])
    t.advance("1h1s")
    local list = ticks()
    table.sort(list)
    t.eq(list, { "a 1200", "a 2400", "a 3600", "hourly 3600" })
  end)

  t.it("knows days", function()
    start(hs, [[ bridge.cron("0 7 * * 1-5", function() tick("a") end) ]])
    t.advance("7d")
    t.eq(#ticks(), 5)
  end)

  t.it("runs in the time zone that it names, and never for a day that never comes", function()
    start(hs, [[
      bridge.cron("TZ=Asia/Kolkata 30 12 * * *", function() bridge.store("out"):set("at", time.format(time.now())) end)
      bridge.cron("0 0 31 2 *", function() tick("never") end)
    ]])
    t.advance("70d")
    t.matches(t.store("out"):get("at"), "T07:00:00Z$")
    t.eq(ticks(), {})
  end)

  t.it("begins each run up to jitter later", function()
    t.advance(3600 - within_hour())
    start(hs, [[ bridge.cron("0 * * * *", { jitter = "1m" }, function() tick("a") end) ]])
    t.advance("1d2m")
    local list, late = ticks(), 0
    t.eq(#list, 24)
    for i, line in ipairs(list) do
      local by = tonumber(line:match("a (.*)")) - 3600 * i
      t.eq(by >= 0 and by < 60, true)
      late = late + by
    end
    t.eq(late > 0, true)
  end)

  t.it("undoes what a failed run wrote, and runs again later when the error may pass", function()
    t.advance(3600 - within_hour())
    start(hs, [[
      bridge.cron("0 * * * *", function()
        bridge.store("out"):update("n", function(n) return (n or 0) + 1 end)
        local runs = bridge.memory("m"):update("runs", function(n) return (n or 0) + 1 end)
        if runs == 1 then error { message = "not now", retryable = true } end
      end)
    ]])
    t.advance("1h")
    hs:expect_error("not now")
    t.eq(t.store("out"):get("n"), nil)
    t.advance("5m")
    t.eq(t.store("out"):get("n"), 1)
  end)

  t.it("goes on over a reload as if there had been none", function()
    t.advance(3600 - within_hour())
    local source = [[ bridge.cron("0 * * * *", function() tick("a") end) ]]
    start(hs, source)
    t.advance("90m")
    start(hs, source)
    t.advance("1h")
    t.eq(ticks(), { "a 3600", "a 1800" })
  end)

  t.it("raises for what is no expression", function()
    t.raises(function() start(hs, [[ bridge.cron("often", function() end) ]]) end, '"often" is no cron expression')
    for _, expr in ipairs { "61 * * * *", "* * * *", "* * * * * *", "", "@", "@every x", "TZ=UTC", "TZ=Nowhere 0 * * * *" } do
      t.raises(function() start(hs, ("bridge.cron(%q, function() end)"):format(expr)) end, "is no cron expression")
    end
    t.raises(function() start(hs, [[ bridge.on("load", function() bridge.cron("@daily", function() end) end) ]]) end, "top level")
  end)
end)

t.describe("bridge.after", function()
  local hs, alice, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    alice = hs:user("alice")
    start(hs, "")
    room  = alice:room()
  end)

  t.it("runs a function once, later, with its arguments", function()
    start(hs, [[ bridge.on("message", function() bridge.after("10m", function(a, b, c) tick(a .. tostring(b) .. c) end, "a", nil, "c") end) ]])
    alice:say(room, "hello")
    t.advance("9m59s")
    t.eq(ticks(), {})
    t.advance("1h")
    t.eq(ticks(), { "anilc 600" })
  end)

  t.it("does not hold back the handler that started it", function()
    start(hs, [[ bridge.on("message", function(evt) bridge.after("10m", function() end) evt:reply("done") end) ]])
    alice:say(room, "hello")
    hs:expect_message { body = "done" }
  end)

  t.it("can be cancelled until then", function()
    start(hs, [[
      local task
      bridge.on("message", function(evt)
        if evt.text == "stop" then task:cancel() else task = bridge.after("10m", function() tick("a") end) end
      end)
    ]])
    alice:say(room, "go")
    alice:say(room, "stop")
    t.advance("1h")
    t.eq(ticks(), {})
  end)

  t.it("can be waited for", function()
    start(hs, [[ bridge.on("message", function(evt) evt:reply(bridge.after("10s", function() return "later" end):wait()) end) ]])
    alice:say(room, "hello")
    t.advance("10s")
    hs:expect_message { body = "later" }
  end)

  t.it("tells an error that nobody waits for", function()
    start(hs, [[ bridge.on("message", function() bridge.after("10s", function() error("no") end) end) ]])
    alice:say(room, "hello")
    t.advance("10s")
    hs:expect_error("no")
  end)

  t.it("ends with its version of the script", function()
    start(hs, [[ bridge.on("message", function() bridge.after("10m", function() tick("a") end) end) ]])
    alice:say(room, "hello")
    start(hs, "")
    t.advance("1h")
    t.eq(ticks(), {})
  end)

  t.it("is for handlers, not for the top level", function()
    local err = t.raises(function() start(hs, [[ bridge.after("1s", function() end) ]]) end, "cannot be started while the script is loading")
    t.eq(err.code, "E_LOADING")
  end)
end)

t.describe("bridge.sleep", function()
  local hs, alice, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    alice = hs:user("alice")
    start(hs, "")
    room  = alice:room()
  end)

  t.it("waits so long, while others go on", function()
    start(hs, [[ bridge.on("message", function(evt) bridge.sleep(evt.text) tick(evt.text) end) ]])
    alice:say(room, "20s")
    alice:say(alice:room(), "5.5")
    alice:say(alice:room(), "0")
    t.advance("1m")
    t.eq(ticks(), { "0 0", "5.5 5.5", "20s 20" })
  end)

  t.it("ends with an error of kind stopping on a reload, in services and timers", function()
    start(hs, [[
      local function run(name)
        local _, err = bridge.try(bridge.sleep, "1h")
        bridge.memory("m"):set(name, err.kind)
        error(err)
      end
      bridge.service("s", function() run("service") end)
      bridge.every("10s", function() run("timer") end)
    ]])
    t.advance("10s")
    start(hs, "")
    t.advance("1s")
    start(hs, [[ bridge.on("load", function() bridge.store("out"):set("v", { bridge.memory("m"):get("service"), bridge.memory("m"):get("timer") }) end) ]])
    t.eq(t.store("out"):get("v"), { "stopping", "stopping" })
  end)

  t.it("goes on in the handler of an event, which ends in its own version", function()
    start(hs, [[ bridge.on("message", function() bridge.sleep("5s") tick("old") end) ]])
    alice:say(room, "hello")
    start(hs, [[ bridge.on("message", function() tick("new") end) ]])
    t.advance("5s")
    t.eq(ticks(), { "old 5" })
  end)

  t.it("raises while the script is loading, and for no duration", function()
    t.raises(function() start(hs, [[ bridge.sleep("1s") ]]) end, "while the script was loading")
    t.raises(function() start(hs, [[ bridge.on("load", function() bridge.sleep(-1) end) ]]) end, "duration expected")
  end)
end)

t.describe("bridge.service", function()
  local hs

  t.before_each(function() hs = t.load("blank.lua") end)

  t.it("runs from the start", function()
    start(hs, [[ bridge.service("s", function() tick("up") bridge.sleep("1h") end) ]])
    t.eq(ticks(), { "up 0" })
  end)

  t.it("is started again when it returns, after a pause of 1 s that grows up to 5 min", function()
    start(hs, [[ bridge.service("s", {}, function() bridge.store("ticks"):update("list", function(list) list = list or {} list[#list + 1] = time.now() return list end) end) ]])
    t.advance("1h")
    local list, want = ticks(), 1
    for i = 2, #list do
      local pause = list[i] - list[i - 1]
      t.eq(pause >= want * 0.74 and pause <= want * 1.26, true)
      want = math.min(2 * want, 300)
    end
    t.eq(#list > 15 and #list < 30, true)
  end)

  t.it("is started again when it raises, and the error is told", function()
    start(hs, [[ bridge.service("s", function() tick("up") bridge.sleep(0) error("the server closed the connection") end) ]])
    hs:expect_error("the server closed the connection")
    t.advance("2s")
    t.eq(#ticks(), 2)
    hs:expect_error("the server closed the connection")
  end)

  t.it("begins with the short pause again when it ran for a minute", function()
    start(hs, [[
      local runs = 0
      bridge.service("s", function()
        runs = runs + 1
        tick("up")
        if runs == 8 then bridge.sleep("1m") end
      end)
    ]])
    t.advance("5m")
    local list = ticks()
    local at = {}
    for i, line in ipairs(list) do at[i] = tonumber(line:match("up (.*)")) end
    t.eq(at[9] - at[8] < 62, true)
  end)

  t.it("ends at its next wait for input on a reload, and its namesake in the new version starts then", function()
    start(hs, [[ bridge.service("s", function() remember("old") local _, err = bridge.try(bridge.sleep, "1h") remember(err.kind) error(err) end) ]])
    t.advance("10s")
    start(hs, [[ bridge.service("s", function() remember("new") bridge.sleep("1h") end) ]])
    t.eq(remembered(hs), { "old 0", "stopping 10", "new 0" })
  end)

  t.it("keeps what it wrote at its next wait", function()
    start(hs, [[
      bridge.service("s", function()
        bridge.store("out"):set("a", 1)
        bridge.sleep("1s")
        bridge.store("out"):set("b", 1)
        error("no")
      end)
    ]])
    t.advance("1s")
    hs:expect_error("no")
    t.eq(t.store("out"):get("a"), 1)
  end)

  t.it("has a name of its own, and is declared at the top level", function()
    t.raises(function() start(hs, [[ bridge.service("s", function() end) bridge.service("s", function() end) ]]) end, 'there is a service "s" already')
    t.raises(function() start(hs, [[ bridge.on("load", function() bridge.service("s", function() end) end) ]]) end, "top level")
    t.raises(function() start(hs, [[ bridge.service("s", { restart = true }, function() end) ]]) end, "unknown field 'restart'")
  end)

  t.it("gives a save back when it fails three times by a mistake in its first 30 s", function()
    start(hs, [[ bridge.service("s", function() tick("good") bridge.sleep("1h") end) ]])
    start(hs, [[ bridge.service("s", function() local x tick("bad") x.y = 1 end) ]])
    t.advance("30s")
    local list = ticks()
    t.eq(list[#list]:match("%a+"), "good")
    for _ = 1, 3 do hs:expect_error("attempt to index") end
  end)
end)
