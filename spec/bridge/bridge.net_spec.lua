local t = require "bridge.test"

t.describe("bridge.net.connect", function()
  local hs, alice, room

  -- What a body that runs in a handler returns.
  local function go(body)
    hs:reload(([[
      local bridge, net, json = require "bridge", require "bridge.net", require "bridge.json"
      bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
      bridge.command("go", function() bridge.store("out"):set("v", json.array { (function() %s end)() }) end)
    ]]):format(body))
    alice:say(room, "!go")
  end

  local function result() return unpack(t.store("out"):get("v") or { "did not end" }) end

  t.before_each(function()
    hs    = t.load("blank.lua")
    alice = hs:user("alice")
    hs:reload [[require "bridge".on("invite", function(evt) intent:join_room(evt.room_id) end)]]
    room  = alice:room()
  end)

  t.it("opens a connection to host and port", function()
    local srv = t.fake_tcp("irc.test:6667")
    go [[
      local sock, err = net.connect { host = "irc.test", port = 6667 }
      sock:write("hello\r\n")
      return sock:peer(), err == nil
    ]]
    t.eq({ result() }, { "irc.test:6667", true })
    srv:expect("hello")
    t.eq(srv.connections, 1)
  end)

  t.it("writes an IPv6 address in brackets", function()
    t.fake_tcp("[::1]:6667")
    go [[ return net.connect({ host = "::1", port = 6667 }):peer() ]]
    t.eq(result(), "[::1]:6667")
  end)

  t.it("speaks TLS from the first byte", function()
    local srv = t.fake_tcp("irc.test:6697")
    go [[ return net.connect({ host = "irc.test", port = 6697, tls = true }):write("hello\r\n") ]]
    srv:expect("hello")
  end)

  t.it("returns nil and E_TLS when the certificate is not trusted, and without TLS does not look at it", function()
    t.fake_tcp("irc.test:6697", { fails = "E_TLS" })
    go [[
      local sock, err = net.connect { host = "irc.test", port = 6697, tls = true }
      return sock == nil, err.code, err.kind, err.retryable, err.hint
    ]]
    local none, code, kind, retryable, hint = result()
    t.eq({ none, code, kind, retryable }, { true, "E_TLS", "net", false })
    t.matches(hint, "the certificate must name this host")
    go [[ return net.connect({ host = "irc.test", port = 6697, tls = false }):peer() ]]
    t.eq(result(), "irc.test:6697")
  end)

  t.it("returns nil and ECONNREFUSED where nothing listens", function()
    t.fake_tcp("irc.test:6667", { fails = "ECONNREFUSED" })
    go [[
      local sock, err = net.connect { host = "irc.test", port = 6667 }
      return sock == nil, err.code, err.kind, err.retryable, tostring(err)
    ]]
    t.eq({ result() }, { true, "ECONNREFUSED", "net", true, "cannot connect to irc.test:6667: connection refused" })
  end)

  t.it("returns nil and ENOTFOUND when there is no such name", function()
    t.fake_tcp("irc.tset:6667", { fails = "ENOTFOUND" })
    go [[ local _, err = net.connect { host = "irc.tset", port = 6667 } return err.code, err.hint ]]
    t.eq({ result() }, { "ENOTFOUND", "check the spelling of the host name" })
  end)

  t.it("returns nil and ETIMEDOUT after 30 s without an answer", function()
    t.fake_tcp("irc.test:6667", { fails = "ETIMEDOUT" })
    go [[ local _, err = net.connect { host = "irc.test", port = 6667 } return err.code, err.kind, err.retryable ]]
    t.advance("29s")
    t.eq(result(), "did not end")
    t.advance("1s")
    t.eq({ result() }, { "ETIMEDOUT", "timeout", true })
  end)

  t.it("waits as long as timeout says", function()
    t.fake_tcp("irc.test:6667", { fails = "ETIMEDOUT" })
    go [[ local _, err = net.connect { host = "irc.test", port = 6667, timeout = "5s" } return err.message ]]
    t.advance("5s")
    t.eq(result(), "cannot connect to irc.test:6667: no answer within 5s")
  end)

  t.it("has assert raise what went wrong", function()
    go [[ return (select(2, bridge.try(function() assert(net.connect { host = "nobody.test", port = 1 }) end))).code ]]
    t.eq(result(), "ECONNREFUSED")
  end)

  t.it("opens 64 connections at once and then returns E_CONNECTIONS, until one is closed", function()
    t.fake_tcp("irc.test:6667")
    go [[
      local all, err = {}
      for i = 1, 65 do all[i], err = net.connect { host = "irc.test", port = 6667 } end
      all[1]:close()
      return #all, err.code, net.connect({ host = "irc.test", port = 6667 }):peer()
    ]]
    t.eq({ result() }, { 64, "E_CONNECTIONS", "irc.test:6667" })
  end)

  t.it("raises for arguments that no connection can have", function()
    go [[
      local function message(args) return (select(2, bridge.try(net.connect, args))).message end
      return message { host = "a", port = 0 }, message { host = "a", port = 65536 }, message { host = "", port = 1 }, message { port = 1 },
        message { host = "a", port = 1, tsl = true }
    ]]
    local zero, large, empty, none, misspelt = result()
    t.matches(zero, "1 to 65535 expected, got 0")
    t.matches(large, "1 to 65535 expected, got 65536")
    t.matches(empty, "a name or an address expected")
    t.matches(none, "'host' .*string expected, got nil")
    t.matches(misspelt, "did you mean 'tls'")
  end)

  t.it("raises while the script is loading", function()
    t.raises(function() hs:reload [[require "bridge.net".connect { host = "irc.test", port = 1 }]] end, "while the script was loading")
  end)
end)
