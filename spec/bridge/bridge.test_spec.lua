local t = require "bridge.test"

-- What happened so far, in order.
local log = {}
local function note(what) log[#log + 1] = what end

t.describe("t.describe", function()
  note("describe")

  t.before_each(function() note("before outer") end)
  t.after_each(function() note("after outer") end)

  t.it("reads the descriptions first, and then runs the sentences", function()
    t.eq(log, { "describe", "inner describe", "before outer" })
    log = {}
  end)

  t.describe("within another", function()
    note("inner describe")

    t.before_each(function() note("before inner") end)
    t.before_each(function() note("before inner, too") end)
    t.after_each(function() note("after inner") end)

    t.it("calls what stands before each sentence, outermost first", function()
      t.eq(log, { "after outer", "before outer", "before inner", "before inner, too" })
      log = {}
    end)

    t.it("has called what stands after each sentence, innermost first", function()
      t.eq({ log[1], log[2] }, { "after inner", "after outer" })
    end)
  end)

  t.it("does not call what stands in a description for sentences outside of it", function()
    t.eq(log[#log], "before outer")
    t.eq(log[#log - 1], "after outer")
  end)
end)

t.it("needs no description", function() t.eq(1, 1) end)

t.it("says why it is for the simulated homeserver only", function() t.eq(1, 1) end, { simulated_only = "it shows the option" })

t.describe("a sentence", function()
  t.it("has no sentence, description or hook inside of it", function()
    for _, name in ipairs { "it", "describe" } do
      t.raises(function() t[name]("x", function() end) end, "t%." .. name .. " cannot stand inside of a sentence")
    end
    for _, name in ipairs { "before_each", "after_each" } do
      t.raises(function() t[name](function() end) end, "t%." .. name .. " stands inside of t%.describe")
    end
  end)

  t.it("starts from nothing: no script, no store", function()
    t.raises(function() t.store("x") end, "t%.store needs a script: call t%.load first")
  end)
end)

t.describe("t.eq", function()
  t.it("compares tables by what is in them, and texts, numbers and booleans by value", function()
    t.eq({ 1, { a = { "x", true } } }, { 1, { a = { "x", true } } })
    t.eq({}, {})
    t.eq(nil, nil)
    t.eq("1", "1")
  end)

  t.it("fails for what differs, and shows both", function()
    for _, pair in ipairs { { 1, 2 }, { "1", 1 }, { {}, { 1 } }, { { 1 }, {} }, { { a = 1 }, { a = 1, b = 2 } }, { { a = { 1 } }, { a = { 2 } } }, { false, {} } } do
      local err = t.raises(function() t.eq(pair[1], pair[2]) end, "^got .*, expected ")
      t.eq(err.code, "E_EXPECTED")
    end
    t.raises(function() t.eq({ a = 1 }, { a = "1" }) end, [[got {"a":1}, expected {"a":"1"}]])
    t.raises(function() t.eq(nil, false) end, "got nil, expected false")
  end)
end)

t.describe("t.matches", function()
  t.it("finds a Lua pattern anywhere in the text", function()
    t.matches("not delivered to IRC: the link is down", "not delivered")
    t.matches("abc", "^a.c$")
  end)

  t.it("fails when there is none", function()
    t.eq(t.raises(function() t.matches("abc", "^b") end, [["abc" does not match "%^b"]]).code, "E_EXPECTED")
  end)

  t.it("raises for what is no pattern, or no text", function()
    t.raises(function() t.matches("abc", "[a") end, "malformed pattern")
    t.raises(function() t.matches(nil, "a") end, "string expected, got nil")
  end)
end)

t.describe("t.raises", function()
  t.it("returns the error, always a table", function()
    t.eq(t.raises(function() error("no", 0) end).message, "no")
    t.eq(t.raises(function() error({ code = 7 }) end).code, 7)
    t.eq(t.raises(function() t.eq(1, 2) end).kind, "script")
  end)

  t.it("fails when the function returns, and when the message does not match", function()
    t.eq(t.raises(function() t.raises(function() end) end, "was expected to raise, and returned").code, "E_EXPECTED")
    t.eq(t.raises(function() t.raises(function() error("yes", 0) end, "no") end, [[raised "yes", which does not match "no"]]).code, "E_EXPECTED")
  end)
end)

t.describe("t.load", function()
  t.it("names the script as its file, and its bot so", function()
    local hs = t.load("blank.lua")
    t.eq(hs.bot, "@_bh_blank:test")
    t.eq(hs.server_name, "test")
    t.eq(hs.intent.mxid, hs.bot)
  end)

  t.it("gives it another name, and configuration", function()
    local hs = t.load("greeter.lua", { name = "other", config = { greeting = "good evening", times = 2, to = { "a", "b" } } })
    t.eq(hs.bot, "@_bh_other:test")
    local alice = hs:user("alice")
    alice:say(alice:room(), "hello")
    hs:expect_message { body = "good evening good evening a b" }
  end)

  t.it("makes rooms before it, so that its configuration can name them", function()
    local hs = t.load("blank.lua", { rooms = { "home", "news" }, config = { room = "#home:test" } })
    hs:reload [[
      local bridge = require "bridge"
      local cfg = bridge.config { room = { type = "room", required = true } }
      bridge.on("load", function() intent:send_text(cfg.room, "hello") end)
    ]]
    hs:expect_message { body = "hello" }
  end)

  t.it("runs a folder, by its main file", function()
    local hs = t.load("folder")
    t.eq(hs.bot, "@_bh_folder:test")
    local alice = hs:user("alice")
    alice:say(alice:room(), "hello")
    hs:expect_message { body = "from the other file" }
  end)

  t.it("raises what keeps the script from loading", function()
    t.raises(function() t.load("greeter.lua", { config = { greting = "x" } }) end, "unknown key 'greting'; did you mean 'greeting'")
    t.raises(function() t.load("nothing.lua") end, "there is no script at .*nothing.lua")
    t.raises(function() t.load("blank.lua", { name = "Not A Name" }) end, "Not A Name")
    t.raises(function() t.load("blank.lua", { config = { on = print } }) end, "a function cannot be written")
  end)

  t.it("runs several scripts, each on a homeserver of its own", function()
    local one, two = t.load("greeter.lua"), t.load("greeter.lua")
    local alice = one:user("alice")
    alice:say(alice:room(), "hello")
    one:expect_message()
    two:expect_silence()
  end)
end)

t.describe("t.store", function()
  t.it("is the store of the script that was loaded last: to prepare, and to look", function()
    local hs = t.load("blank.lua")
    t.store("subs"):set("feed", { url = "x" })
    hs:reload [[
      local bridge = require "bridge"
      bridge.on("load", function()
        local subs = bridge.store("subs")
        subs:set("seen", subs:get("feed").url)
      end)
    ]]
    t.eq(t.store("subs"):get("seen"), "x")
    t.load("blank.lua")
    t.eq(t.store("subs"):keys(), {})
  end)
end)

t.describe("t.advance", function()
  t.it("lets time pass, and what the script does meanwhile is done", function()
    local hs = t.load("blank.lua")
    hs:reload [[
      local bridge = require "bridge"
      bridge.every("1h", function() bridge.store("out"):update("n", function(n) return (n or 0) + 1 end) end)
    ]]
    t.advance("59m")
    t.eq(t.store("out"):get("n"), nil)
    t.advance(60)
    t.eq(t.store("out"):get("n"), 1)
    t.advance("1d")
    t.eq(t.store("out"):get("n"), 25)
  end)
end)

t.describe("t.together", function()
  local hs, bot, room

  t.before_each(function()
    hs   = t.load("blank.lua")
    bot  = hs.intent
    room = hs:user("alice"):room()
    bot:join_room(room)
  end)

  t.it("calls functions at the same time", function()
    t.fault { path = "/send/", status = 429, errcode = "M_LIMIT_EXCEEDED", content = { retry_after_ms = 5000 } } -- the first has to wait
    local order = {}
    t.together {
      function() bot:send_text(room, "one") order[#order + 1] = "one" end,
      function() bot:get_displayname(bot.mxid) order[#order + 1] = "two" end,
    }
    t.eq(order, { "two", "one" })
    hs:expect_message { body = "one" }
  end)

  t.it("raises the first error, once all have ended", function()
    local ended = false
    local err = t.raises(function()
      t.together {
        function() error("first", 0) end,
        function() bot:send_text(room, "hello") error("second", 0) end,
        function() bot:send_text(room, "hello") ended = true end,
      }
    end)
    t.eq({ err.message, ended }, { "first", true })
  end)
end)

t.describe("t.fault", function()
  local hs, bot, alice, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    alice = hs:user("alice")
    room  = alice:room()
    bot:join_room(room)
  end)

  t.it("answers the next request that fits, with status, errcode and error as it is told", function()
    t.fault { path = "/send/", status = 403, errcode = "M_FORBIDDEN", error = "not today" }
    local err = t.raises(function() bot:send_text(room, "hello") end, "not today")
    t.eq({ err.status, err.errcode }, { 403, "M_FORBIDDEN" })
    bot:send_text(room, "hello") -- the second goes through
    hs:expect_message { body = "hello" }
  end)

  t.it("does not answer requests of another method or path", function()
    t.fault { method = "GET", path = "/send/", status = 500 }
    t.fault { method = "PUT", path = "/redact/", status = 500 }
    bot:send_text(room, "hello")
    hs:expect_message { body = "hello" }
  end)

  t.it("answers as many requests as times says", function()
    t.fault { path = "/send/", status = 403, errcode = "M_FORBIDDEN", times = 2 }
    t.raises(function() bot:send_text(room, "one") end)
    t.raises(function() bot:send_text(room, "two") end)
    bot:send_text(room, "three")
  end)

  t.it("answers with fields, or with what is no JSON, and with headers", function()
    t.fault { path = "/displayname", content = { displayname = "Somebody" }, headers = { ["X-Test"] = "1" } }
    t.eq(bot:get_displayname(alice.mxid), "Somebody")
    t.fault { path = "/displayname", status = 502, body = "<html>bad gateway</html>", times = 10 }
    t.eq(t.raises(function() bot:get_displayname(alice.mxid) end).status, 502)
  end)

  t.it("lets the homeserver do what it is asked, and loses its answer", function()
    t.fault { path = "/send/", status = 502, done = true }
    bot:send_text(room, "hello") -- asked again with the same transaction ID
    hs:expect_message { body = "hello" }
    hs:expect_silence()
  end)

  t.it("lets the connection fail", function()
    t.fault { path = "/send/", refused = true, times = 100 }
    t.eq(t.raises(function() bot:send_text(room, "hello") end).status, nil)
    hs:expect_silence()
  end)

  t.it("ends with its sentence", function()
    bot:send_text(room, "hello")
    hs:expect_message { body = "hello" }
  end)
end)

t.describe("t.fake_tcp", function()
  t.it("answers the script's connections to an address", function()
    local srv = t.fake_tcp("irc.test:6697")
    t.eq(srv.connections, 0)
  end)
end)

t.describe("t.snapshot", function()
  t.it("compares a text with the one that is kept beside the spec", function()
    t.snapshot("greeting", "Hello!\nWhat may I do for you?")
    t.snapshot("greeting", "Hello!\r\nWhat may I do for you?") -- line ends do not count
  end)

  t.it("keeps any value as JSON, its keys in order", function()
    t.snapshot("event", { type = "m.room.message", content = { msgtype = "m.text", body = "<hello>" }, list = { 1, 2.5, true } })
  end)

  t.it("shows what differs, and fails", function()
    local err = t.raises(function() t.snapshot("greeting", "Hello!\nWhat?") end, 'not what snapshot "greeting" holds')
    t.eq(err.code, "E_EXPECTED")
    t.matches(err.hint, "test %-%-update rewrites .*snapshots/bridge%.test/greeting%.txt")
  end)

  t.it("does not take a text that is not kept yet", function()
    local err = t.raises(function() t.snapshot("nowhere", "x") end, 'there is no snapshot "nowhere" yet')
    t.matches(err.hint, "test %-%-update keeps it in")
  end)

  t.it("has names that a file can have", function()
    for _, name in ipairs { "", "../x", "a/b", ".hidden", ("x"):rep(101) } do
      t.raises(function() t.snapshot(name, "x") end, "a snapshot cannot be called")
    end
  end)

  t.it("takes a mebibyte, and nothing that JSON does not have", function()
    t.raises(function() t.snapshot("huge", ("x"):rep(1024 * 1024 + 1)) end, "a snapshot may have 1048576 bytes")
    t.raises(function() t.snapshot("function", { print }) end, "a function cannot be written")
  end)
end)
