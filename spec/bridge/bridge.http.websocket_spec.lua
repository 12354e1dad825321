local t      = require "bridge.test"
local crypto = require "bridge.crypto"

t.describe("bridge.http.websocket", function()
  local hs, alice, room, live

  local prelude = [[
    local bridge, http, json = require "bridge", require "bridge.http", require "bridge.json"
    local out = bridge.store("out")
    bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
  ]]

  -- What a body that runs in a handler returns.
  local function go(body)
    hs:reload(prelude .. ([[
      bridge.command("go", function() out:set("v", json.array { (function() %s end)() }) end)
    ]]):format(body))
    alice:say(room, "!go")
  end

  local function result() return unpack(t.store("out"):get("v") or { "did not end" }) end

  t.before_each(function()
    hs    = t.load("blank.lua")
    alice = hs:user("alice")
    hs:reload(prelude)
    room  = alice:room()
    live  = t.fake_websocket("wss://api.test/live")
  end)

  t.it("sends and reads messages, texts and binary ones", function()
    go [[
      local ws = assert(http.websocket("wss://api.test/live?a=b", { headers = { ["X-Key"] = "k" } }))
      local sent = ws:send('{"op":"hello"}') and ws:send("\0\255", { binary = true })
      local text, text_kind = ws:read()
      local bytes, bytes_kind = ws:read()
      return sent, text, text_kind, bytes == "\1\254", bytes_kind
    ]]
    t.eq({ live:expect('{"op":"hello"}') }, { '{"op":"hello"}', "text" })
    t.eq({ live:expect("\0\255") }, { "\0\255", "binary" })
    live:send("welcome")
    live:send("\1\254", { binary = true })
    t.eq({ result() }, { true, "welcome", "text", true, "binary" })
    local req = live.requests[1]
    t.eq({ req.query.a, req.headers["x-key"], req.headers["user-agent"], req.headers["sec-websocket-protocol"] }, { "b", "k", "bridgehost", nil })
  end)

  t.it("messages goes over them, and ends when the server closes in good order", function()
    for _, how in ipairs { { code = 1000 }, { code = 1001, reason = "restart" } } do
      go [[
        local ws, all = assert(http.websocket("wss://api.test/live")), {}
        local before = ws.close_code == nil and ws.close_reason == nil
        for data, kind in ws:messages() do all[#all + 1] = data .. " " .. kind end
        local v, err = ws:read()
        return all, before, ws.close_code, ws.close_reason, v == nil and err == nil
      ]]
      live:send("one")
      live:send("two", { binary = true })
      live:hang_up(how)
      t.eq({ result() }, { { "one text", "two binary" }, true, how.code, how.reason or "", true })
    end
  end)

  t.it("returns nil and E_WEBSOCKET_CLOSED when the server closes with another code", function()
    go [[
      local ws = assert(http.websocket("wss://api.test/live"))
      local v, err = ws:read()
      local _, raised = bridge.try(ws:messages())
      return v == nil, err.kind, err.code, err.message, err.retryable, ws.close_code, ws.close_reason, raised.code
    ]]
    live:hang_up { code = 4001, reason = "wrong key" }
    t.eq({ result() }, { true, "net", "E_WEBSOCKET_CLOSED", "GET https://api.test/live: the server closed the connection with code 4001: wrong key", false,
      4001, "wrong key", "E_WEBSOCKET_CLOSED" })
  end)

  t.it("returns nil and ECONNRESET when the server crashes", function()
    go [[
      local ws = assert(http.websocket("wss://api.test/live"))
      local v, err = ws:read()
      local _, raised = bridge.try(ws:messages())
      return v == nil, err.kind, err.code, err.retryable, raised.code
    ]]
    live:hang_up { reset = true }
    t.eq({ result() }, { true, "net", "ECONNRESET", true, "ECONNRESET" })
  end)

  t.it("chooses a sub-protocol together with the server", function()
    local two = t.fake_websocket("wss://api.test/two", { protocols = { "v2.chat", "v1.chat" } })
    go [[
      local ws = assert(http.websocket("wss://api.test/two", { protocols = { "v3.chat", "v1.chat" } }))
      return ws.protocol, assert(http.websocket("wss://api.test/live", { protocols = { "x" } })).protocol == nil
    ]]
    t.eq({ result() }, { "v1.chat", true })
    t.eq(two.requests[1].headers["sec-websocket-protocol"], "v3.chat,v1.chat")
  end)

  t.it("close tells the server why, and waits for its goodbye", function()
    go [[
      local ws = assert(http.websocket("wss://api.test/live"))
      ws:close(4000, "tired")
      ws:close()
      local v, err = ws:read()
      local sent, send_err = ws:send("x")
      local pinged, ping_err = ws:ping()
      local _, raised = bridge.try(ws:messages())
      return v == nil, err.code, sent == nil, send_err.code, pinged == nil, ping_err.code, raised.code
    ]]
    t.eq({ result() }, { true, "E_CLOSED", true, "E_CLOSED", true, "E_CLOSED", "E_CLOSED" })
    t.eq({ live.close_code, live.close_reason, live.connections }, { 4000, "tired", 1 })
    go [[ assert(http.websocket("wss://api.test/live")):close { reason = "done" } return true ]]
    t.eq({ live.close_code, live.close_reason, live.connections }, { 1000, "done", 2 })
  end)

  t.it("shows in tostring how it is", function()
    go [[
      local ws = assert(http.websocket("wss://api.test/live"))
      local open = tostring(ws)
      ws:read()
      local ended = tostring(ws)
      ws:close()
      return open, ended, tostring(ws)
    ]]
    live:hang_up()
    t.eq({ result() }, { "web socket (api.test)", "web socket (api.test, hung up)", "web socket (api.test, closed)" })
    t.eq(live.close_code, nil)
  end)

  t.it("ping waits for the server's answer", function()
    go [[ return (assert(http.websocket("wss://api.test/live")):ping()) ]]
    t.eq(result(), true)
  end)

  t.it("ping and send end with ETIMEDOUT when the server reads nothing", function()
    t.fake_websocket("wss://api.test/deaf", { deaf = true })
    go [[
      local ok, err = assert(http.websocket("wss://api.test/deaf")):ping { timeout = "5s" }
      return ok == nil, err.kind, err.code
    ]]
    t.advance("4s")
    t.eq(result(), "did not end")
    t.advance("1s")
    t.eq({ result() }, { true, "timeout", "ETIMEDOUT" })
    go [[
      local ok, err = assert(http.websocket("wss://api.test/deaf")):send(("x"):rep(100000))
      return ok == nil, err.kind, err.code
    ]]
    t.advance("30s")
    t.eq({ result() }, { true, "timeout", "ETIMEDOUT" })
  end)

  t.it("send and ping return nil and EPIPE when the server has hung up", function()
    go [[
      local ws = assert(http.websocket("wss://api.test/live"))
      ws:read()
      local sent, err = ws:send("x")
      local pinged, ping_err = ws:ping()
      return sent == nil, err.kind, err.code, pinged == nil, ping_err.code
    ]]
    live:hang_up()
    t.eq({ result() }, { true, "net", "EPIPE", true, "EPIPE" })
  end)

  t.it("ends with E_TOO_LONG at a message that is longer than max_message", function()
    go [[
      local ws = assert(http.websocket("wss://api.test/live", { max_message = "1KB" }))
      local one = assert(ws:read())
      local v, err = ws:read()
      local _, raised = bridge.try(ws:messages())
      return #one, v == nil, err.kind, err.code, raised.code
    ]]
    live:send(("x"):rep(1024))
    live:send(("x"):rep(1025))
    t.eq({ result() }, { 1024, true, "limit", "E_TOO_LONG", "E_TOO_LONG" })
    t.eq(live.close_code, 1009)
  end)

  t.it("takes messages of 1 MB when nothing is said", function()
    go [[ return #assert(assert(http.websocket("wss://api.test/live")):read()) ]]
    live:send(("x"):rep(1024 * 1024))
    t.eq(result(), 1024 * 1024)
  end)

  t.it("returns nil, an error and the answer when the server refuses", function()
    t.fake_http("https://api.test/secret", { status = 401, body = "who are you?" })
    go [[
      local ws, err, res = http.websocket("wss://api.test/secret")
      return ws == nil, err.kind, err.code, err.status, res.status, res.body
    ]]
    t.eq({ result() }, { true, "http", "E_STATUS", 401, 401, "who are you?" })
  end)

  t.it("returns nil and E_WEBSOCKET when the server answers something else", function()
    t.fake_http("https://api.test/page", "<html>")
    go [[
      local ws, err = http.websocket("wss://api.test/page")
      return ws == nil, err.kind, err.code, err.status, err.message
    ]]
    local none, kind, code, status, message = result()
    t.eq({ none, kind, code, status }, { true, "http", "E_WEBSOCKET", 200 })
    t.matches(message, "the server does not speak WebSocket here: expected handshake response status code 101 but got 200")
  end)

  t.it("returns nil and E_WEBSOCKET when the server breaks the protocol's rules", function()
    local srv = t.fake_tcp("raw.test:80")
    go [[
      local ws = assert(http.websocket("ws://raw.test/"))
      local v, err = ws:read()
      local _, raised = bridge.try(ws:messages())
      return v == nil, err.kind, err.code, raised.code
    ]]
    local key = srv:expect("Sec%-Websocket%-Key: .*"):match(": (.*)")
    srv:send("HTTP/1.1 101 Switching Protocols")
    srv:send("Connection: Upgrade")
    srv:send("Upgrade: websocket")
    srv:send("Sec-WebSocket-Accept: " .. crypto.sha1(key .. "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", { encoding = "base64" }))
    srv:send("")
    srv:send("\255\0")
    t.eq({ result() }, { true, "net", "E_WEBSOCKET", "E_WEBSOCKET" })
  end)

  t.it("follows redirects, as many as are allowed, with what makes it a WebSocket", function()
    t.fake_http("https://old.test/live", { status = 307, headers = { Location = "https://api.test/live" } })
    go [[
      local ws = assert(http.websocket("wss://old.test/live", { redirects = 1, headers = { Authorization = "secret" } }))
      assert(ws:send("hello"))
      local none, err = http.websocket("wss://old.test/live", { redirects = 0 })
      return none == nil, err.code, err.status
    ]]
    t.eq({ result() }, { true, "E_WEBSOCKET", 307 })
    live:expect("hello")
    t.eq(live.requests[1].headers.authorization, nil)
    t.fake_http("https://old.test/circle", { status = 307, headers = { Location = "/circle" } })
    go [[ return (select(2, http.websocket("wss://old.test/circle"))).code ]]
    t.eq(result(), "E_REDIRECTS")
  end)

  t.it("returns nil and an error when nobody answers", function()
    t.fake_tcp("no.test:443", { fails = "ENOTFOUND" })
    t.fake_tcp("tls.test:443", { fails = "E_TLS" })
    local noise = t.fake_tcp("noise.test:80")
    go [[
      local function code(url) return (select(2, http.websocket(url))).code end
      return code("ws://nobody.test/"), code("wss://no.test/"), code("wss://tls.test/"), code("ws://noise.test/")
    ]]
    noise:send("this is no HTTP")
    t.eq({ result() }, { "ECONNREFUSED", "ENOTFOUND", "E_TLS", "E_HTTP" })
  end)

  t.it("waits until timeout for the connection to stand", function()
    t.fake_tcp("slow.test:80")
    go [[
      local ws, err = http.websocket("ws://slow.test/", { timeout = "3s" })
      return ws == nil, err.kind, err.code, err.message
    ]]
    t.advance("2s")
    t.eq(result(), "did not end")
    t.advance("1s")
    t.eq({ result() }, { true, "timeout", "ETIMEDOUT", "GET http://slow.test/: no answer within 3s" })
  end)

  t.it("counts as a connection of the script", function()
    go [[
      for i = 1, 100 do
        local ws, err = http.websocket("wss://api.test/live")
        if not ws then return i - 1, err.code end
      end
    ]]
    t.eq({ result() }, { 64, "E_CONNECTIONS" })
  end)

  local service = prelude .. [[
    local ws
    bridge.service("live", function()
      local fresh
      ws, fresh = bridge.keep("live", function() return assert(http.websocket("wss://api.test/live")) end)
      if fresh then ws:send("hello") end
      for data in ws:messages() do out:set("v", json.array { data, fresh }) end
      error("the server closed the connection")
    end)
  ]]

  t.it("is passed on by keep when the script is loaded again, with what was not read yet", function()
    hs:reload(service)
    live:expect("hello")
    live:send("one")
    t.eq({ result() }, { "one", true })
    hs:reload(service .. "-- again")
    live:send("two")
    t.eq({ result() }, { "two", false })
    t.eq(live.connections, 1)
    t.raises(function() live:expect("hello") end, 'expected the message "hello", and it did not come')
  end)

  t.it("is opened again when the server has hung up", function()
    hs:reload(service)
    live:send("one")
    live:hang_up { reset = true }
    t.advance("2s")
    live:send("two")
    t.eq({ result() }, { "two", true })
    t.eq(live.connections, 2)
  end)

  t.it("is closed when the script that opened it ends", function()
    hs:reload(service)
    live:send("one")
    hs:reload(prelude)
    t.raises(function() live:send("two") end, "was closed")
  end)

  t.it("raises for arguments that are none", function()
    local function raises(call, text)
      go("local _, err = bridge.try(function() " .. call .. " end) return err and err.code, err and err.message")
      local code, message = result()
      t.eq({ call, code }, { call, "E_ARGUMENT" })
      t.matches(message, text)
    end
    raises('http.websocket("https://x.test/")', "'url' to 'websocket'")
    raises('http.websocket("wss:x")', "'url' to 'websocket'")
    raises('http.websocket("wss://x.test/", { max_message = "1GB" })', "'max_message' to 'websocket'")
    raises('http.websocket("wss://x.test/", { protocols = { "a b" } })', "'protocols' to 'websocket'")
    raises('http.websocket("wss://x.test/", { headers = { ["Sec-WebSocket-Key"] = "x" } })', "'headers' to 'websocket'")
    raises('http.websocket("wss://x.test/", { headers = { Upgrade = "x" } })', "'headers' to 'websocket'")
    local ws = 'local ws = http.websocket("wss://api.test/live") '
    raises(ws .. 'ws:send("\\255")', "'data' to 'send'")
    raises(ws .. 'ws:ping { timeout = 0 }', "'timeout' to 'ping'")
    raises(ws .. 'ws:close(1001)', "'code' to 'close'")
    raises(ws .. 'ws:close(1000, ("x"):rep(124))', "'reason' to 'close'")
  end)

  t.it("fakes: raise when nobody is connected, and answer 426 to ordinary requests", function()
    t.raises(function() live:send("x") end, "has not connected")
    t.raises(function() live:hang_up() end, "has not connected")
    t.raises(function() t.fake_websocket("https://x.test/") end, "an address with ws")
    go [[ return (select(2, http.get("https://api.test/live"))).status ]]
    t.eq(result(), 426)
  end)
end)
