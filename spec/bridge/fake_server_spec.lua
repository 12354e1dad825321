local t = require "bridge.test"

t.describe("a fake server", function()
  local hs, srv

  -- A service that connects, sends what it reads back, and connects again after a second.
  local echo = [[
    local bridge, net = require "bridge", require "bridge.net"
    bridge.service("echo", function()
      local sock = bridge.keep("sock", function() return assert(net.connect { host = "echo.test", port = 7 }) end)
      sock:write("hello\n")
      for line in sock:lines() do
        if line == "quit" then sock:close() bridge.sleep("1h") end
        sock:write("you said: " .. line .. "\r\n")
      end
    end)
  ]]

  t.before_each(function()
    srv = t.fake_tcp("echo.test:7")
    hs  = t.load("blank.lua")
  end)

  t.it("is one for each address", function()
    hs:reload(echo)
    t.eq(t.fake_tcp("echo.test:7").connections, 1)
    t.eq(t.fake_tcp("echo.test:8").connections, 0)
  end)

  t.it("raises for what is no address", function()
    t.raises(function() t.fake_tcp("echo.test") end, "an address is HOST:PORT")
    t.raises(function() t.fake_tcp("echo.test:7", { fails = "ENOENT" }) end, "one of")
  end)

  t.it("lets no connection in while it fails, and any without options", function()
    t.fake_tcp("echo.test:7", { fails = "ECONNREFUSED" })
    hs:reload(echo)
    t.eq(srv.connections, 0)
    hs:expect_error("connection refused")
    t.fake_tcp("echo.test:7")
    t.advance("2s")
    srv:expect("hello")
    t.eq(srv.connections, 1)
  end)

  t.it("expects the next line that fits, as a text or as a pattern for the whole line", function()
    hs:reload(echo)
    srv:send("one")
    srv:send("two (2)")
    srv:send("three")
    t.eq(srv:expect("you said: one"), "you said: one")
    t.eq(srv:expect("you said: two (2)"), "you said: two (2)") -- no pattern matches itself here
    t.eq(srv:expect(".*th.ee"), "you said: three")
  end)

  t.it("passes over the lines before, and does not find them again", function()
    hs:reload(echo)
    srv:send("one")
    srv:send("two")
    srv:expect("you said: two")
    local err = t.raises(function() srv:expect("you said: one") end, "expected the line \"you said: one\", and it did not come")
    t.eq(err.code, "E_EXPECTED")
  end)

  t.it("finds no line that only holds what was expected", function()
    hs:reload(echo)
    t.raises(function() srv:expect("hell") end, "it did not come")
    srv:expect("hello")
  end)

  t.it("sends a line, and what the script does with it is done", function()
    hs:reload(echo)
    srv:send("one")
    srv:expect("you said: one")
  end)

  t.it("cannot send before the script has connected", function()
    local err = t.raises(function() srv:send("one") end, "the script has not connected to echo.test:7")
    t.eq(err.code, "E_EXPECTED")
    t.eq(t.raises(function() srv:hang_up() end, "has not connected").code, "E_EXPECTED")
  end)

  t.it("cannot send when the script has closed", function()
    hs:reload(echo)
    srv:send("quit")
    t.raises(function() srv:send("more") end, "the connection to echo.test:7 was closed")
  end)

  t.it("hangs up, and counts the next connection", function()
    hs:reload(echo)
    t.eq(srv.connections, 1)
    srv:hang_up()
    t.raises(function() srv:send("one") end, "was closed")
    t.advance("2s")
    t.eq(srv.connections, 2)
    srv:send("again")
    srv:expect("you said: again")
  end)

  t.it("ends a connection as a crash does with reset", function()
    hs:reload(echo)
    srv:hang_up { reset = true }
    t.eq(hs:expect_error("connection reset by the other side").code, "ECONNRESET")
  end)

  t.it("takes nothing of what is written while it is stalled", function()
    t.fake_tcp("echo.test:7", { stalled = true })
    hs:reload(echo)
    t.raises(function() srv:expect("hello") end, "it did not come")
    t.eq(srv.connections, 1)
  end)
end)
