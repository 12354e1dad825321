local t = require "bridge.test"

-- The module "socket": LuaSocket's calls.
t.describe("socket", function()
  local hs, alice, room, srv

  -- What a body that runs in a handler returns.
  local function go(body)
    hs:reload(([[
      local bridge, socket, json = require "bridge", require "socket", require "bridge.json"
      bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
      local function shown(...)
        local all = json.array {}
        for i = 1, select("#", ...) do
          local v = select(i, ...)
          all[i] = v == nil and "nil" or v
        end
        return all
      end
      bridge.command("go", function() bridge.store("out"):set("v", shown((function() %s end)())) end)
    ]]):format(body))
    alice:say(room, "!go")
  end

  local function result() return unpack(t.store("out"):get("v") or { "did not end" }) end

  t.before_each(function()
    hs    = t.load("blank.lua")
    alice = hs:user("alice")
    hs:reload [[require "bridge".on("invite", function(evt) intent:join_room(evt.room_id) end)]]
    room  = alice:room()
    srv   = t.fake_tcp("line.test:4000")
  end)

  t.it("tcp makes a socket, which connect connects", function()
    go [[
      local tcp = socket.tcp()
      local before = tostring(tcp)
      return before, tcp:connect("line.test", 4000), tostring(tcp), tcp:getpeername()
    ]]
    t.eq({ result() }, { "tcp{master}", 1, "tcp{client}: line.test:4000", "line.test", 4000, "inet" })
    t.eq(srv.connections, 1)
  end)

  t.it("socket.connect does both", function()
    go [[ return (assert(socket.connect("line.test", 4000)):send("hello\r\n")) ]]
    t.eq(result(), 7)
    srv:expect("hello")
  end)

  t.it("connect returns nil and a text", function()
    t.fake_tcp("no.test:1", { fails = "ENOTFOUND" })
    t.fake_tcp("slow.test:1", { fails = "ETIMEDOUT" })
    go [[
      local function err(host) return (select(2, socket.connect(host, 1))) end
      local tcp = socket.tcp()
      tcp:settimeout(2)
      local none, slow = tcp:connect("slow.test", 1)
      return err("nobody.test"), err("no.test"), none, slow
    ]]
    t.advance("2s")
    t.eq({ result() }, { "connection refused", "host or service not provided, or not known", "nil", "timeout" })
    go [[
      local tcp = socket.tcp()
      local none, err = tcp:getpeername()
      tcp:close()
      local a, closed = tcp:connect("line.test", 4000)
      local two = assert(socket.connect("line.test", 4000))
      local b, already = two:connect("line.test", 4000)
      return none, err, a, closed, b, already, tostring(tcp)
    ]]
    t.eq({ result() }, { "nil", "not connected", "nil", "closed", "nil", "already connected", "tcp{closed}" })
  end)

  t.it("receive reads a line, a number of bytes, or all", function()
    go [[
      local tcp = assert(socket.connect("line.test", 4000))
      local one, two, three = tcp:receive(), tcp:receive("*l"), tcp:receive(3)
      local four, five, six = tcp:receive(4, "ab"), tcp:receive(2, "xyz"), tcp:receive("*l", "and ")
      local all = tcp:receive("*a")
      return one, two, three, four, five, six, all, tcp:receive()
    ]]
    for _, line in ipairs { "one", "t\rwo", "three", "six", "the rest", "of it" } do srv:send(line) end
    srv:hang_up()
    t.eq({ result() }, { "one", "two", "thr", "abee", "xyz", "and ", "six\r\nthe rest\r\nof it\r\n", "nil", "closed", "" })
  end)

  t.it("receive returns nil, timeout and what came until then", function()
    go [[
      local tcp = assert(socket.connect("line.test", 4000))
      tcp:settimeout(2)
      local data, err, partial = tcp:receive(10)
      local rest = tcp:receive(10, partial)
      return data, err, partial, rest
    ]]
    srv:send("abc")
    t.advance("2s")
    srv:send("defgh")
    t.eq({ result() }, { "nil", "timeout", "abc\r\n", "abc\r\ndefgh" })
  end)

  t.it("settimeout limits each wait, or all of a call", function()
    go [[
      local tcp = assert(socket.connect("line.test", 4000))
      tcp:settimeout(2)                                  -- each wait
      local long = tcp:receive(15)
      tcp:settimeout(nil)
      tcp:settimeout(3, "t")                             -- all of it
      local _, err, partial = tcp:receive(15)
      tcp:settimeout(-1, "t")
      tcp:settimeout { value = 0, mode = "b" }
      local _, none = tcp:receive()
      return #long, err, #partial, none
    ]]
    for _ = 1, 3 do
      t.advance("1.5s")
      srv:send("abc")
    end
    for _ = 1, 2 do
      t.advance("1s")
      srv:send("abc")
    end
    t.advance("2s")
    t.eq({ result() }, { 15, "timeout", 10, "timeout" })
  end)

  t.it("send takes a part, and returns the last byte that was sent", function()
    go [[
      local tcp = assert(socket.connect("line.test", 4000))
      return tcp:send("xxone\r\n", 3), tcp:send("two\r\nxx", 1, -3), tcp:send("xxthree\r\nxx", { i = 3, j = 9 }), tcp:send("x", 2), tcp:send("xy\r\n", -3)
    ]]
    t.eq({ result() }, { 7, 5, 9, 1, 4 })
    srv:expect("one")
    srv:expect("two")
    srv:expect("three")
    srv:expect("y")
  end)

  t.it("send returns nil, a text and the last byte that was sent", function()
    t.fake_tcp("deaf.test:1", { stalled = true })
    go [[
      local tcp = assert(socket.connect("deaf.test", 1))
      tcp:settimeout(3)
      local none, err, last = tcp:send("hello")
      tcp:close()
      return none, err, last, tcp:send("hello", 3)
    ]]
    t.advance("3s")
    t.eq({ result() }, { "nil", "timeout", 0, "nil", "closed", 2 })
  end)

  t.it("says closed when either side has closed", function()
    go [[
      local tcp = assert(socket.connect("line.test", 4000))
      local a, a_err = tcp:receive()
      local b, b_err = tcp:send("x")
      local closed = tcp:close()
      return a, a_err, b, b_err, closed, tcp:close(), tcp:receive()
    ]]
    srv:hang_up { reset = true }
    t.eq({ result() }, { "nil", "closed", "nil", "closed", 1, 1, "nil", "closed", "" })
  end)

  t.it("shutdown closes both directions, and no other", function()
    go [[
      local tcp = assert(socket.connect("line.test", 4000))
      local none, err = tcp:shutdown("send")
      return none, err, tcp:shutdown(), tcp:send("x")
    ]]
    t.eq({ result() }, { "nil", "unsupported: a connection is closed in both directions only", 1, "nil", "closed", 0 })
  end)

  t.it("setoption takes those that the host sets anyway", function()
    go [[
      local tcp = socket.tcp()
      return tcp:setoption("tcp-nodelay", true), tcp:setoption("keepalive", { value = true }), tcp:setoption("linger", {})
    ]]
    t.eq({ result() }, { 1, 1, "nil", "unsupported option 'linger'" })
  end)

  t.it("gettime and sleep tell the time and let it pass", function()
    go [[
      local began = socket.gettime()
      socket.sleep(0.25)
      socket.sleep(-1)
      return socket.gettime() - began
    ]]
    t.advance("1s")
    local took = result()
    t.eq(took >= 0.25 and took < 0.26, true)
  end)

  t.it("raises for what is none, and on a socket that is not connected", function()
    local function raises(call, text)
      go("local _, err = bridge.try(function() local tcp = socket.tcp() " .. call .. " end) return err and err.code, err and err.message")
      local code, message = result()
      t.eq({ call, code }, { call, "E_ARGUMENT" })
      t.matches(message, text)
    end
    raises('tcp:send("x")', "'send' was called on a socket that is not connected")
    raises("tcp:receive()", "'receive' was called on a socket that is not connected")
    raises('tcp:connect("line.test", 0)', "'port' to 'connect'")
    raises('tcp:connect("", 1)', "'host' to 'connect'")
    raises('tcp:connect("line.test", 4000) tcp:receive("*x")', "'pattern' to 'receive'")
    raises('tcp:connect("line.test", 4000) tcp:receive(-1)', "'pattern' to 'receive'")
    raises('tcp:settimeout(1, "x")', "'mode' to 'settimeout'")
  end)

  t.it("is passed on by keep, with what was not read yet", function()
    local service = [[
      local bridge, socket = require "bridge", require "socket"
      bridge.service("line", function()
        local tcp, fresh = bridge.keep("tcp", function() return assert(socket.connect("line.test", 4000)) end)
        while true do
          local line = assert(tcp:receive())
          bridge.store("out"):set("v", { line, fresh })
        end
      end)
    ]]
    hs:reload(service)
    srv:send("one")
    t.eq({ result() }, { "one", true })
    hs:reload(service .. "-- again")
    srv:send("two")
    t.eq({ result() }, { "two", false })
    t.eq(srv.connections, 1)
  end)
end)

t.describe("a client of Redis that was written for LuaSocket", function()
  local hs, alice, room, srv

  t.before_each(function()
    srv   = t.fake_tcp("redis.test:6379")
    hs    = t.load("luasocket")
    alice = hs:user("alice")
    room  = alice:room()
  end)

  local function quit()
    for _, line in ipairs { "%*1", "%$4", "QUIT" } do srv:expect(line) end
    srv:send("+OK")
  end

  t.it("sends commands and reads replies of every kind", function()
    alice:say(room, "!redis SET name hello")
    for _, line in ipairs { "%*3", "%$3", "SET", "%$4", "name", "%$5", "hello" } do srv:expect(line) end
    srv:send("+OK")
    quit()
    hs:expect_message { body = "OK" }
    alice:say(room, "!redis GET name")
    srv:expect("GET")
    srv:send("$12\r\nhello\r\nworld")
    quit()
    hs:expect_message { body = "hello\r\nworld" }
    alice:say(room, "!redis LRANGE list 0 -1")
    srv:expect("LRANGE")
    srv:send("*3\r\n$1\r\na\r\n:7\r\n$0\r\n")
    quit()
    hs:expect_message { body = "a, 7, " }
    alice:say(room, "!redis INCR name")
    srv:expect("INCR")
    srv:send("-ERR value is not an integer or out of range")
    quit()
    hs:expect_message { body = "ERR value is not an integer or out of range" }
    t.eq(srv.connections, 4)
  end)

  t.it("notices when Redis does not answer, hangs up, or is not there", function()
    alice:say(room, "!redis PING")
    t.advance("5s")
    hs:expect_message { body = "connection error: timeout" }
    alice:say(room, "!redis PING")
    srv:hang_up()
    hs:expect_message { body = "connection error: closed" }
    t.fake_tcp("redis.test:6379", { fails = "ECONNREFUSED" })
    alice:say(room, "!redis PING")
    hs:expect_message { body = "could not connect to redis.test:6379 [connection refused]" }
  end)
end)
