local t = require "bridge.test"

t.describe("a socket", function()
  local hs, srv, alice, room

  -- Runs a body in a handler that has a connection called sock. What it returns is what
  -- result() gives; show(value, err) is the value, the error's code, or "nil".
  local function go(body)
    hs:reload(([[
      local bridge, net, json = require "bridge", require "bridge.net", require "bridge.json"
      local function show(v, err)
        if err then return err.code end
        if v == nil then return "nil" end
        return v
      end
      bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
      bridge.command("go", function()
        local sock = assert(net.connect { host = "irc.test", port = 6667 })
        bridge.store("out"):set("v", json.array { (function() %s end)() })
      end)
    ]]):format(body))
    alice:say(room, "!go")
  end

  local function result() return unpack(t.store("out"):get("v") or { "did not end" }) end

  t.before_each(function()
    hs    = t.load("blank.lua")
    srv   = t.fake_tcp("irc.test:6667")
    alice = hs:user("alice")
    hs:reload [[require "bridge".on("invite", function(evt) intent:join_room(evt.room_id) end)]]
    room  = alice:room()
  end)

  t.it("reads lines without their ends", function()
    go [[ return sock:read_line(), sock:read_line(), sock:read_line() ]]
    srv:send("one")
    srv:send("")
    srv:send("three \r four")
    t.eq({ result() }, { "one", "", "three \r four" })
  end)

  t.it("waits for a line until it is there", function()
    go [[ return sock:read_line() ]]
    t.advance("30s")
    t.eq(result(), "did not end")
    srv:send("late")
    t.eq(result(), "late")
  end)

  t.it("reads nil at the end of the stream, after all that came before", function()
    go [[ bridge.sleep("1s") return show(sock:read_line()), show(sock:read_line()), show(sock:read_line()), show(sock:read(1)), sock:read_all() ]]
    srv:send("last")
    srv:hang_up()
    t.advance("1s")
    t.eq({ result() }, { "last", "nil", "nil", "nil", "" })
  end)

  t.it("reads as many bytes as are wanted, fewer at the end", function()
    go [[ return sock:read(3), sock:read(1), show(sock:read(100)), show(sock:read(1)) ]]
    srv:send("abcdef")
    srv:hang_up()
    t.eq({ result() }, { "abc", "d", "ef\r\n", "nil" })
  end)

  t.it("raises for a number of bytes that cannot be", function()
    go [[ return (select(2, bridge.try(sock.read, sock, 0))).message, (select(2, bridge.try(sock.read, sock, 2 ^ 30))).message ]]
    local zero, many = result()
    t.matches(zero, "1 to %d+ expected, got 0")
    t.matches(many, "1 to %d+ expected")
  end)

  t.it("reads all until the end of the stream", function()
    go [[ return sock:read_all(), sock:read_all() ]]
    srv:send("one")
    srv:send(("x"):rep(200000))
    t.eq(result(), "did not end")
    srv:hang_up()
    local all, again = result()
    t.eq(all, "one\r\n" .. ("x"):rep(200000) .. "\r\n")
    t.eq(again, "")
  end)

  t.it("reads no more at once than a string may hold", function()
    go [[ return show(sock:read_all()) ]]
    for _ = 1, 17 do srv:send(("x"):rep(2 ^ 20)) end
    t.eq(result(), "E_TOO_LONG")
  end)

  t.it("goes through lines to the end of the stream", function()
    go [[
      local seen = {}
      for line in sock:lines() do seen[#seen + 1] = line end
      return seen
    ]]
    srv:send("a")
    srv:send("b")
    srv:hang_up()
    t.eq(result(), { "a", "b" })
  end)

  t.it("refuses a line of more than 256 KiB", function()
    go [[ return #sock:read_line(), show(sock:read_line()) ]]
    srv:send(("x"):rep(256 * 1024))
    srv:send(("x"):rep(256 * 1024 + 1))
    t.eq({ result() }, { 256 * 1024, "E_TOO_LONG" })
  end)

  t.it("raises from lines for such a line", function()
    go [[ return (select(2, bridge.try(sock:lines()))).code ]]
    srv:send(("x"):rep(300 * 1024))
    t.eq(result(), "E_TOO_LONG")
  end)

  t.it("gives each line to one of several handlers that read", function()
    go [[
      local seen = {}
      local function reader() return sock:read_line() end
      local one, two = bridge.spawn(reader), bridge.spawn(reader)
      seen[1], seen[2] = one:wait(), two:wait()
      table.sort(seen)
      return seen
    ]]
    srv:send("a")
    srv:send("b")
    t.eq(result(), { "a", "b" })
  end)

  t.it("writes all of a string, and tells how much that was", function()
    go [[ return sock:write("NICK x\r\nUSER y\r\n"), sock:write(""), sock:write(("z"):rep(100000) .. "\n") ]]
    t.eq({ result() }, { 16, 0, 100001 })
    srv:expect("NICK x")
    srv:expect("USER y")
    srv:expect(("z"):rep(100000))
  end)

  t.it("returns nil and EPIPE when the other side has hung up", function()
    go [[ sock:read_line() return show(sock:write("PING\r\n")) ]]
    srv:hang_up()
    t.eq(result(), "EPIPE")
  end)

  t.it("returns nil and ECONNRESET when the connection was reset", function()
    go [[
      local raised = select(2, bridge.try(sock:lines()))
      return show(sock:read_line()), show(sock:read(1)), show(sock:read_all()), raised.code, show(sock:write("x"))
    ]]
    srv:hang_up { reset = true }
    t.eq({ result() }, { "ECONNRESET", "ECONNRESET", "ECONNRESET", "ECONNRESET", "ECONNRESET" })
  end)

  t.it("returns nil and ETIMEDOUT when the other side takes nothing for 30 s", function()
    t.fake_tcp("irc.test:6667", { stalled = true })
    go [[
      local ok, err = sock:write("PING\r\n")
      return err.code, err.kind, err.retryable
    ]]
    t.advance("29s")
    t.eq(result(), "did not end")
    t.advance("1s")
    t.eq({ result() }, { "ETIMEDOUT", "timeout", true })
  end)

  t.it("is closed for reads and writes after close, which may be called again", function()
    go [[
      sock:close()
      sock:close()
      local raised = select(2, bridge.try(sock:lines()))
      return show(sock:read_line()), show(sock:read(1)), show(sock:read_all()), raised.code, show(sock:write("x"))
    ]]
    t.eq({ result() }, { "E_CLOSED", "E_CLOSED", "E_CLOSED", "E_CLOSED", "E_CLOSED" })
  end)

  t.it("ends the wait of a handler that reads when another closes it", function()
    go [[
      local reader = bridge.spawn(function() return show(sock:read_line()) end)
      bridge.sleep("1s")
      sock:close()
      return reader:wait()
    ]]
    t.advance("1s")
    t.eq(result(), "E_CLOSED")
  end)

  t.it("knows what it was connected to, and shows it", function()
    go [[ local before = tostring(sock) sock:close() return sock:peer(), before, tostring(sock) ]]
    t.eq({ result() }, { "irc.test:6667", "socket (irc.test:6667)", "socket (irc.test:6667, closed)" })
  end)

  t.it("is closed when the script is loaded anew, unless bridge.keep passed it on", function()
    go [[ bridge.spawn(function() bridge.sleep("1h") end) return 1 ]]
    t.eq(srv.connections, 1)
    hs:reload("-- nothing")
    t.advance("11s") -- the handlers of the version before have 10 s
    t.matches(t.raises(function() srv:send("x") end).message, "was closed")
  end)
end)
