local t = require "bridge.test"

local head = [[
  local bridge, sql, json = require "bridge", require "bridge.sql", require "bridge.json"
  local function code(fn, ...)
    local value, err = bridge.try(fn, ...)
    return err and err.code or "no error"
  end
  bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
]]

-- script loads a script with handlers of messages by their text.
local function script(handlers, path)
  local hs = t.load(path or "blank.lua")
  hs:reload(head .. [[
    local handlers = { ]] .. handlers .. [[ }
    bridge.on("message", function(evt)
      local out = {}
      handlers[evt.text](function(v) out[#out + 1] = tostring(v) end, evt)
      if #out > 0 then evt:reply(table.concat(out, "|")) end
    end)]])
  return hs, hs:user("alice")
end

-- run evaluates some Lua in a handler; it prints what comes out.
local function run(body, path)
  local hs, alice = script("go = function(print) " .. body .. " end", path)
  alice:say(alice:room(), "go")
  return hs:expect_message().content.body
end

t.describe("bridge.sql", function()
  t.it("exec changes rows and tells how many, query gives them", function()
    t.eq(run [[
      sql.exec("CREATE TABLE users (id INTEGER PRIMARY KEY, nick TEXT UNIQUE, seen)")
      local made = sql.exec("INSERT INTO users (nick, seen) VALUES (?, ?), ('carol', 3)", "bob", 1.5)
      print(made.changes) print(made.last_insert_id)
      print(sql.exec("UPDATE users SET seen = 4 WHERE nick = 'nobody'").changes)
      print(sql.exec("CREATE INDEX by_seen ON users (seen)").last_insert_id)
      for _, row in ipairs(sql.query("SELECT * FROM users ORDER BY id")) do print(row.id .. row.nick .. row.seen) end
      print(json.encode(sql.query("SELECT nick FROM users WHERE id > 2")))
    ]], "2|2|0|nil|1bob1.5|2carol3|[]")
  end)

  t.it("keeps values as they are: NULL, integers of 64 bits, text and bytes", function()
    t.eq(run [[
      sql.exec("CREATE TABLE v (k, v)")
      local big = json.integer("9223372036854775807")
      local values = { json.null, true, false, 7, 2^53, -0.5, 1e300, "grüße", "", sql.blob("\0\255"), big }
      for k, v in ipairs(values) do sql.exec("INSERT INTO v VALUES (?, ?)", k, v) end
      sql.exec("INSERT INTO v VALUES (?, ?)", 12, nil)
      local kept = sql.query("SELECT v, typeof(v) AS type FROM v ORDER BY k")
      for _, row in ipairs(kept) do print(row.type) end
      print(kept[1].v == json.null) print(kept[12].v == json.null) print(kept[2].v) print(kept[3].v) print(kept[5].v == 2^53)
      print(kept[7].v == 1e300) print(kept[8].v) print(kept[10].v == "\0\255") print(kept[11].v == big) print(kept[11].v)
    ]], "null|integer|integer|integer|integer|real|real|text|text|blob|integer|null|true|true|1|0|true|true|grüße|true|true|9223372036854775807")
  end)

  t.it("refuses values that a database has not, by their place", function()
    t.eq(run [[
      local function message(...) local _, err = bridge.try(sql.query, ...) print(err.code .. " " .. err.message) end
      message("SELECT ? AS a", {})
      message("SELECT ? AS a, ? AS b", 1, "\255")
      message("SELECT ? AS a", 0/0)
      message("SELECT ? AS a", json.integer("9223372036854775808"))
      message("SELECT ? AS a")
      message("SELECT 1 AS a, 2 AS a")
      message("SELECT 1; SELECT 2")
      print(code(sql.exec, "SELECT ? AS a"))
    ]], "E_ARGUMENT bad argument #2 to 'query' (a string, number, boolean, nil, json.null or sql.blob expected, got table)" ..
      "|E_ARGUMENT bad argument #3 to 'query' (text in UTF-8 expected; sql.blob is for other bytes)" ..
      "|E_ARGUMENT bad argument #2 to 'query' (a number expected, got NaN)" ..
      "|E_ARGUMENT bad argument #2 to 'query' (an integer of 64 bits expected, got 9223372036854775808)" ..
      "|E_ARGUMENT the statement has 1 parameters, 0 were given" ..
      "|E_ARGUMENT two columns of the answer are called \"a\"; name one of them with AS" ..
      "|E_ARGUMENT one statement at a time is expected, got several|E_ARGUMENT")
  end)

  t.it("names what is wrong with a statement", function()
    t.eq(run [[
      sql.exec("CREATE TABLE t (a UNIQUE)")
      sql.exec("INSERT INTO t VALUES (1)")
      for _, s in ipairs{ "SELEC 1", "INSERT INTO t VALUES (1)", "ATTACH '/tmp/x.db' AS x", "PRAGMA journal_mode = OFF", "BEGIN", "CREATE TEMP TABLE x (a)" } do
        print(code(sql.exec, s)) print(code(sql.query, s))
      end
      local _, err = bridge.try(sql.exec, "INSERT INTO t VALUES (1)")
      print(err.message)
    ]], "E_SQL|E_SQL|E_SQL_CONSTRAINT|E_SQL_CONSTRAINT|E_SQL_DENIED|E_SQL_DENIED|E_SQL_DENIED|E_SQL_DENIED|E_SQL_DENIED|E_SQL_DENIED|E_SQL_DENIED|E_SQL_DENIED" ..
      "|UNIQUE constraint failed: t.a (INSERT INTO t VALUES (1))")
  end)

  t.it("has limits for time, for the file, and for values and answers", function()
    t.eq(run([[
      local endless = "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) "
      sql.exec("CREATE TABLE t (a)")
      print(code(sql.query, endless .. "SELECT count(*) AS n FROM c")) print(code(sql.exec, "INSERT INTO t " .. endless .. "SELECT n FROM c WHERE n < 0"))
      print(code(sql.query, endless .. "SELECT n FROM c"))
      print(code(sql.query, "SELECT ? AS a", ("x"):rep(300000))) print(code(sql.exec, "INSERT INTO t VALUES (zeroblob(300000))"))
      for i = 1, 5 do print(code(sql.exec, "INSERT INTO t VALUES (zeroblob(250000))")) end
      print(sql.query("SELECT count(*) AS n FROM t")[1].n)
    ]], "small"), "E_SQL_TIME|E_SQL_TIME|E_TOO_LONG|E_TOO_LONG|E_TOO_LONG|no error|no error|no error|no error|E_SQL_FULL|4")
  end)

  t.it("waits, so it is not for the top level", function()
    local hs = t.load("blank.lua")
    for _, call in ipairs{ [[sql.query("SELECT 1 AS a")]], [[sql.exec("DELETE FROM t")]], [[sql.migrate{ "CREATE TABLE t (a)" }]] } do
      local _, err = require "bridge".try(hs.reload, hs, head .. call)
      t.eq(err.code, "E_LOADING")
    end
  end)

  t.it("keeps what was written over a reload", function()
    local hs, alice = script [[ go = function(print) sql.exec("CREATE TABLE t (a)") sql.exec("INSERT INTO t VALUES ('old')") end ]]
    local room = alice:room()
    alice:say(room, "go")
    hs:reload(head .. [[bridge.on("message", function(evt) evt:reply(sql.query("SELECT a FROM t")[1].a) end)]])
    alice:say(room, "read")
    t.eq(hs:expect_message().content.body, "old")
  end)

  t.it("has transactions of its own: what was written stays when the handler fails", function()
    local hs, alice = script [[
      go = function() sql.exec("CREATE TABLE IF NOT EXISTS t (a)") sql.exec("INSERT INTO t VALUES (1)") error("later") end,
      read = function(print) print(sql.query("SELECT count(*) AS n FROM t")[1].n) end ]]
    local room = alice:room()
    alice:say(room, "go")
    hs:expect_message()
    alice:say(room, "read")
    t.eq(hs:expect_message().content.body, "1")
  end)
end)

t.describe("bridge.sql.tx", function()
  t.it("commits what its function wrote when it returns, and gives its results", function()
    t.eq(run [[
      sql.exec("CREATE TABLE t (a)")
      print((select("#", sql.tx(function() end))))
      print(table.concat({ sql.tx(function() sql.exec("INSERT INTO t VALUES (1)") return sql.query("SELECT count(*) AS n FROM t")[1].n, "x" end) }, ","))
      print(sql.query("SELECT count(*) AS n FROM t")[1].n)
    ]], "0|1,x|1")
  end)

  t.it("takes everything back when its function raises, and raises that", function()
    t.eq(run [[
      sql.exec("CREATE TABLE t (a)")
      local _, err = bridge.try(sql.tx, function() sql.exec("INSERT INTO t VALUES (1)") error({ code = "MINE" }) end)
      print(err.code) print(sql.query("SELECT count(*) AS n FROM t")[1].n)
      print(code(sql.tx, function() sql.exec("INSERT INTO t VALUES (1)") sql.tx(function() end) end))
      print(sql.query("SELECT count(*) AS n FROM t")[1].n)
      sql.tx(function() print(code(sql.exec, "nonsense")) sql.exec("INSERT INTO t VALUES (1)") end)
      print(sql.query("SELECT count(*) AS n FROM t")[1].n)
    ]], "MINE|0|E_ARGUMENT|0|E_SQL|1")
  end)

  t.it("is over when a statement in it was cut off", function()
    t.eq(run([[
      sql.exec("CREATE TABLE t (a)")
      print(code(sql.tx, function()
        sql.exec("INSERT INTO t VALUES (1)")
        print(code(sql.exec, "INSERT INTO t WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c"))
        print(code(sql.exec, "INSERT INTO t VALUES (2)"))
      end))
      print(sql.query("SELECT count(*) AS n FROM t")[1].n)
    ]], "small"):gsub("E_SQL_FULL", "E_SQL_TIME"), "E_SQL_TIME|E_SQL|E_SQL|0")
  end)

  t.it("keeps others out while it waits: they read what was there before, and write after it", function()
    local hs, alice = script [[
      begin = function(print)
        sql.exec("CREATE TABLE t (a)")
        sql.tx(function() sql.exec("INSERT INTO t VALUES ('first')") bridge.sleep(5) sql.exec("INSERT INTO t VALUES ('second')") end)
      end,
      other = function(print)
        print(sql.query("SELECT count(*) AS n FROM t")[1].n)
        sql.exec("INSERT INTO t VALUES ('other')")
        for _, row in ipairs(sql.query("SELECT a FROM t")) do print(row.a) end
      end ]]
    local one, two = alice:room(), alice:room()
    alice:say(one, "begin")
    alice:say(two, "other")
    hs:expect_silence()
    t.advance("5s")
    t.eq(hs:expect_message().content.body, "0|first|second|other")
  end)

  t.it("is waited for ten seconds at most", function()
    local hs, alice = script [[
      begin = function() sql.tx(function() bridge.sleep(50) end) end,
      other = function(print)
        local _, err = bridge.try(sql.exec, "CREATE TABLE u (a)")
        print(err.code .. tostring(err.retryable))
        print(code(sql.tx, function() end))
      end ]]
    local one, two = alice:room(), alice:room()
    alice:say(one, "begin")
    alice:say(two, "other")
    t.advance("21s")
    t.eq(hs:expect_message().content.body, "E_SQL_BUSYtrue|E_SQL_BUSY")
    t.advance("30s")
  end)

  t.it("holds for bridge.timeout inside of it, and not for bridge.spawn", function()
    t.eq(run [[
      sql.exec("CREATE TABLE t (a)")
      local task
      bridge.try(sql.tx, function()
        bridge.timeout("5s", sql.exec, "INSERT INTO t VALUES ('inside')")
        task = bridge.spawn(function() sql.exec("INSERT INTO t VALUES ('beside')") end)
        error("taken back")
      end)
      task:wait()
      for _, row in ipairs(sql.query("SELECT a FROM t")) do print(row.a) end
    ]], "beside")
  end)

  t.it("is taken back when the handler is ended in it", function()
    local hs, alice = script [[
      begin = function(_, evt)
        if evt.redelivered then return end
        sql.exec("CREATE TABLE t (a)")
        sql.tx(function() sql.exec("INSERT INTO t VALUES (1)") bridge.sleep(100) end)
      end,
      other = function(print) sql.exec("INSERT INTO t VALUES (2)") print(sql.query("SELECT count(*) AS n FROM t")[1].n) end ]]
    local one, two = alice:room(), alice:room()
    alice:say(one, "begin")
    t.advance("61s")
    alice:say(two, "other")
    t.eq(hs:expect_message({ room = two }).content.body, "1")
  end)
end)

t.describe("bridge.sql.migrate", function()
  t.it("applies each step once, in order, and tells how many", function()
    t.eq(run [[
      local steps = { "CREATE TABLE t (a); INSERT INTO t VALUES ('made')", function() sql.exec("UPDATE t SET a = a || '!'") end }
      print(sql.migrate(steps)) print(sql.migrate(steps))
      steps[3] = "INSERT INTO t VALUES ('third');"
      print(sql.migrate(steps))
      print(sql.migrate{ steps[1] })
      for _, row in ipairs(sql.query("SELECT a FROM t")) do print(row.a) end
      print(sql.query("SELECT count(*) AS n FROM bridge_migrations")[1].n)
      print(code(sql.exec, "DELETE FROM bridge_migrations"))
    ]], "2|0|1|0|made!|third|3|E_SQL_DENIED")
  end)

  t.it("refuses a step that was edited after it had been applied", function()
    t.eq(run [[
      sql.migrate{ "CREATE TABLE t (a)", function() end }
      print(code(sql.migrate, { "CREATE TABLE t (a, b)", function() end }))
      print(code(sql.migrate, { "CREATE TABLE t (a)", "SELECT 1" }))
      print(code(sql.migrate, { "CREATE TABLE t (a)", function() end }))
      print(code(sql.migrate, { "CREATE TABLE t (a)", function() end, 7 }))
      print(code(sql.migrate, { a = "CREATE TABLE t (a)" }))
    ]], "E_MIGRATION|E_MIGRATION|no error|E_ARGUMENT|E_ARGUMENT")
  end)

  t.it("takes back a step that fails, and keeps those before it", function()
    t.eq(run [[
      local _, err = bridge.try(sql.migrate, { "CREATE TABLE a (a)", "CREATE TABLE b (b); nonsense" })
      print(err.code .. " " .. err.message)
      print(code(sql.query, "SELECT * FROM a")) print(code(sql.query, "SELECT * FROM b"))
      _, err = bridge.try(sql.migrate, { "CREATE TABLE a (a)", function() sql.exec("CREATE TABLE c (c)") error({ code = "MINE" }) end })
      print(err.code) print(code(sql.query, "SELECT * FROM c"))
      print(sql.migrate{ "CREATE TABLE a (a)", "CREATE TABLE b (b)" })
    ]], "E_SQL step 2 of migrate: near \"nonsense\": syntax error (CREATE TABLE b (b); nonsense)|no error|E_SQL|MINE|E_SQL|1")
  end)
end)
