local t = require "bridge.test"

local head = [[
  local bridge = require "bridge"
  local function code(fn, ...)
    local value, err = bridge.try(fn, ...)
    return err and err.code or "no error"
  end
  bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
]]

-- script loads a script whose worker is the body of work(item, say), and whose handler of messages pushes.
local function script(options, work, push, path)
  local hs = t.load(path or "blank.lua")
  hs:reload(head .. [[
    local q
    local function say(text) intent:send_text(bridge.store("s"):get("room"), text) end
    q = bridge.queue("q", ]] .. options .. [[, function(item) ]] .. work .. [[ end)
    bridge.on("message", function(evt)
      bridge.store("s"):set("room", evt.room_id)
      ]] .. push .. [[

    end)]])
  local alice = hs:user("alice")
  local room = alice:room()
  return hs, function(text) alice:say(room, text or "go") end
end

-- said takes so many messages.
local function said(hs, n)
  local all = {}
  for i = 1, n do all[i] = hs:expect_message().content.body end
  return table.concat(all, " ")
end

t.describe("bridge.queue", function()
  t.it("works on what was pushed, each value as it was", function()
    local hs, go = script("{}", [[say(type(item) .. tostring(type(item) == "table" and item.n or item))]],
      [[q:push({ n = 1 }) q:push("two") q:push(3.5) q:push(true)]])
    go()
    t.eq(said(hs, 4), "table1 stringtwo number3.5 booleantrue")
    hs:expect_silence()
  end)

  t.it("works on the items of one key one after the other, in order", function()
    local hs, go = script("{ parallel = 8 }", [[bridge.sleep(10 - item) say(item)]], [[for i = 1, 5 do q:push(i, { key = "k" }) end for i = 6, 8 do q:push(i) end]])
    go()
    t.advance("60s")
    local one, other = {}, {}
    for word in said(hs, 8):gmatch("%d") do table.insert(tonumber(word) < 6 and one or other, word) end
    t.eq(table.concat(one), "12345")
    t.eq(table.concat(other), "678")
  end)

  t.it("works on different keys side by side, so many as parallel says", function()
    for parallel, seconds in pairs{ [1] = 40, [2] = 20, [4] = 10 } do
      local hs, go = script("{ parallel = " .. parallel .. " }", [[bridge.sleep(10) say(item)]], [[for i = 1, 4 do q:push(i, { key = tostring(i) }) end]])
      go()
      t.advance(seconds - 1)
      said(hs, 4 - parallel)
      hs:expect_silence()
      t.advance(1)
      said(hs, parallel)
      hs:expect_silence()
    end
  end)

  t.it("holds no event back while its workers are busy", function()
    local hs, go = script("{ parallel = 1 }", [[bridge.sleep(30) say(item)]], [[if evt.text == "go" then for i = 1, 100 do q:push(i, { key = tostring(i) }) end else evt:reply("here") end]])
    go()
    go("still there?")
    t.eq(said(hs, 1), "here")
  end)

  t.it("knows nothing of what a handler pushed that failed", function()
    local hs, go = script("{}", [[say(item)]], [[q:push(evt.text) if evt.text == "bad" then error("no") end]])
    go("bad")
    go("good")
    t.matches(hs:expect_notice().content.body, "could not handle")
    t.eq(said(hs, 1), "good")
    hs:expect_silence()
  end)

  t.it("keeps what the worker wrote and pushed when it succeeds, and nothing of it when it fails", function()
    local hs, go = script("{}", [[
      local s = bridge.store("s")
      s:update("n", function(n) return (n or 0) + 1 end)
      if item == "bad" then q:push("never") error("no") end
      if item == "first" then q:push("second") end
      say(item .. s:get("n"))]], [[q:push(evt.text)]])
    go("bad")
    go("first")
    t.eq(said(hs, 2), "first1 second2")
    hs:expect_silence()
  end)

  t.it("puts an item back after a retryable error, with a delay, and repeats no send", function()
    local hs, go = script("{}", [[
      say("before " .. item)
      local runs = bridge.memory("m"):update("runs", function(n) return (n or 0) + 1 end)
      if runs < 3 then error({ message = "busy", retryable = true }) end
      say("done " .. item .. " after " .. runs)]], [[q:push(1) q:push(2)]])
    go()
    t.eq(said(hs, 1), "before 1")
    hs:expect_silence()
    t.advance("1s")
    hs:expect_silence()
    t.advance("2s")
    t.eq(said(hs, 3), "done 1 after 3 before 2 done 2 after 4")
    hs:expect_silence()
  end)

  t.it("goes on after an error that is not retryable, which makes a dead letter", function()
    local hs, go = script("{}", [[if item == 1 then error("no good") end say(item)]], [[q:push(1) q:push(2)]])
    go()
    hs:expect_error("no good")
    t.eq(said(hs, 1), "2")
    hs:expect_silence()
  end)

  t.it("is taken over by the next version, in order, and its worker is the new one", function()
    local hs, go = script("{}", [[bridge.sleep(5) say("old " .. item)]], [[for i = 1, 3 do q:push(i) end]])
    go()
    hs:reload(head .. [[bridge.queue("q", function(item) intent:send_text(bridge.store("s"):get("room"), "new " .. item) end)]])
    t.advance("6s")
    t.eq(said(hs, 3), "old 1 new 2 new 3")
  end)

  t.it("keeps its items while no version declares it", function()
    local hs, go = script("{}", [[say("old " .. item)]], [[q:push(1, { after = "5s" }) q:push(2, { after = "6s" })]])
    go()
    hs:reload(head)
    t.advance("1h")
    hs:expect_silence()
    hs:reload(head .. [[bridge.queue("q", function(item) intent:send_text(bridge.store("s"):get("room"), "new " .. item) end)]])
    t.eq(said(hs, 2), "new 1 new 2")
  end)

  t.it("is declared once, at the top level, with a name and a number that make sense", function()
    local hs, go = script("{}", [[say(item)]], [[evt:reply(code(bridge.queue, "other", function() end))]])
    go()
    t.eq(said(hs, 1), "E_TOP_LEVEL")
    for _, wrong in ipairs{ [["", print]], [["a/b", print]], [["a", { parallel = 0 }, print]], [["a", { parallel = 65 }, print]], [["q", print) bridge.queue("q", print]] } do
      local _, err = require "bridge".try(hs.reload, hs, head .. "bridge.queue(" .. wrong .. ")")
      t.eq(err.code, "E_ARGUMENT")
    end
  end)
end)

t.describe("queue:push", function()
  t.it("lets an item wait with after, and others go before it", function()
    local hs, go = script("{}", [[say(item)]], [[q:push("late", { after = "1h" }) q:push("later", { after = "2h" }) q:push("now") q:push("soon", { after = "30m" })]])
    go()
    t.eq(said(hs, 1), "now")
    t.advance("31m")
    t.eq(said(hs, 1), "soon")
    t.advance("30m")
    t.eq(said(hs, 1), "late")
    hs:expect_silence()
    t.advance("1h")
    t.eq(said(hs, 1), "later")
  end)

  t.it("lets an item wait over a reload", function()
    local hs, go = script("{}", [[say(item)]], [[q:push("late", { after = "1h" })]])
    go()
    hs:reload(head .. [[bridge.queue("q", function(item) intent:send_text(bridge.store("s"):get("room"), "new " .. item) end)]])
    t.advance("59m")
    hs:expect_silence()
    t.advance("1m")
    t.eq(said(hs, 1), "new late")
  end)

  t.it("raises when the queues of the script are full", function()
    local hs, go = script("{}", [[say(item)]], [[for i = 1, 3 do q:push(i) end
      local _, err = bridge.try(q.push, q, 4) evt:reply(err.code .. tostring(err.retryable))]], "small")
    go()
    t.eq(said(hs, 4), "E_QUEUEtrue 1 2 3")
    go()
    t.eq(said(hs, 4), "E_QUEUEtrue 1 2 3")
  end)

  t.it("lets a worker hand its item on although the queues are full", function()
    local hs, go = script("{}", [[say(item) if item < 4 then q:push(item + 10) end]], [[for i = 1, 3 do q:push(i) end]], "small")
    go()
    t.eq(said(hs, 6), "1 2 3 11 12 13")
  end)

  t.it("raises for a value that is larger than an event may be", function()
    local hs, go = script("{}", [[say(#item)]], [[q:push(("x"):rep(65534)) evt:reply(code(q.push, q, ("x"):rep(65535)))]])
    go()
    t.eq(said(hs, 2), "E_VALUE 65534")
  end)

  t.it("works in timers and services, too", function()
    local hs, go = script("{}", [[say(item)]], [[]])
    go()
    hs:reload(head .. [[
      local q = bridge.queue("q", function(item) intent:send_text(bridge.store("s"):get("room"), item) end)
      bridge.every("1m", function() q:push("tick") end)
      bridge.cron("* * * * *", function() q:push("cron") end)
      bridge.service("s", function() q:push("service") bridge.sleep("1d") end)
      bridge.on("load", function() q:push("load") end)]])
    t.eq(said(hs, 2), "load service")
    t.advance("1m")
    said(hs, 2)
  end)

  t.it("is not for the top level", function()
    local hs = t.load("blank.lua")
    local _, err = require "bridge".try(hs.reload, hs, head .. [[bridge.queue("q", print):push(1)]])
    t.eq(err.code, "E_LOADING")
  end)
end)
