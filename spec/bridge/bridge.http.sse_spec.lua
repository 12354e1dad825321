local t = require "bridge.test"

t.describe("bridge.http.sse", function()
  local hs, alice, room, feed

  local prelude = [[
    local bridge, http, json = require "bridge", require "bridge.http", require "bridge.json"
    local seen, out = bridge.memory("seen"), bridge.store("out")
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
    feed  = t.fake_sse("https://api.test/events")
  end)

  t.it("reads events as they come: type, data, id and retry", function()
    go [[
      local s, all = assert(http.sse("https://api.test/events")), {}
      for evt in s:events() do all[#all + 1] = json.array { evt.type, evt.data, evt.id, evt.retry or 0 } end
      return all
    ]]
    feed:send("hello")
    feed:send("two\nlines", { type = "add", id = "7", retry = "2s" })
    feed:send("")
    t.eq(result(), "did not end")
    feed:hang_up()
    t.eq(result(), { { "message", "hello", "", 0 }, { "add", "two\nlines", "7", 2 }, { "message", "", "7", 2 } })
    local req = feed.requests[1]
    t.eq({ req.method, req.headers.accept, req.headers["last-event-id"], req.headers["user-agent"] }, { "GET", "text/event-stream", nil, "bridgehost" })
  end)

  t.it("next gives one event, and nil at the end", function()
    go [[
      local s = assert(http.sse("https://api.test/events"))
      local evt = assert(s:next())
      local v, err = s:next()
      return evt.data, v == nil, err == nil, s:next() == nil
    ]]
    feed:send("hello")
    feed:hang_up()
    t.eq({ result() }, { "hello", true, true, true })
  end)

  t.it("knows the last id that was read and the wait that the server wants, for the next connection", function()
    go [[
      local s = assert(http.sse("https://api.test/events", { last_event_id = "41", headers = { ["X-Key"] = "k" } }))
      local before, none = s.last_event_id, s.retry == nil
      s:next()
      return before, none, s.last_event_id, s.retry, s.url
    ]]
    feed:send("one", { id = "42", retry = 1.5 })
    feed:send("two", { id = "43" })
    t.eq({ result() }, { "41", true, "42", 1.5, "https://api.test/events" })
    t.eq({ feed.requests[1].headers["last-event-id"], feed.requests[1].headers["x-key"] }, { "41", "k" })
  end)

  t.it("shows in tostring how it is", function()
    go [[
      local s = assert(http.sse("https://api.test/events"))
      local open = tostring(s)
      s:next()
      local ended = tostring(s)
      s:close()
      return open, ended, tostring(s)
    ]]
    feed:hang_up()
    t.eq({ result() }, { "event stream (api.test)", "event stream (api.test, hung up)", "event stream (api.test, closed)" })
  end)

  t.it("reads finite answers of t.fake_http, too", function()
    t.fake_http("https://api.test/old", { headers = { ["Content-Type"] = "text/event-stream" }, body = "data: 1\n\n: comment\n\ndata: 2\n\n" })
    go [[
      local all = {}
      for evt in assert(http.sse("https://api.test/old")):events() do all[#all + 1] = evt.data end
      return all
    ]]
    t.eq(result(), { "1", "2" })
  end)

  t.it("follows redirects, as many as are allowed", function()
    t.fake_http("https://api.test/moved", { status = 302, headers = { Location = "https://api.test/events" } })
    go [[
      local s = assert(http.sse("https://api.test/moved", { redirects = 1 }))
      local v, err = http.sse("https://api.test/moved", { redirects = 0 })
      return s.url, v == nil, err.code, err.status
    ]]
    t.eq({ result() }, { "https://api.test/events", true, "E_EVENT_STREAM", 302 })
    t.fake_http("https://api.test/circle", { status = 302, headers = { Location = "https://api.test/circle" } })
    go [[ return (select(2, http.sse("https://api.test/circle"))).code ]]
    t.eq(result(), "E_REDIRECTS")
  end)

  t.it("returns nil, an error and the answer when the server refuses", function()
    t.fake_http("https://api.test/secret", { status = 429, headers = { ["Retry-After"] = "7" }, body = "slowly" })
    go [[
      local s, err, res = http.sse("https://api.test/secret")
      return s == nil, err.code, err.status, err.retryable, err.retry_after, res.body
    ]]
    t.eq({ result() }, { true, "E_STATUS", 429, true, 7, "slowly" })
  end)

  t.it("returns nil and E_EVENT_STREAM when the answer is something else", function()
    t.fake_http("https://api.test/page", "<html>")
    t.fake_http("https://api.test/none", { status = 204 })
    go [[
      local s, err = http.sse("https://api.test/page")
      return s == nil, err.kind, err.code, err.message, (select(2, http.sse("https://api.test/none"))).status
    ]]
    local none, kind, code, message, status = result()
    t.eq({ none, kind, code, status }, { true, "http", "E_EVENT_STREAM", 204 })
    t.matches(message, 'no event stream: status 200, content type "text/plain; charset=utf%-8"')
  end)

  t.it("returns nil and an error when nobody answers", function()
    t.fake_tcp("no.test:443", { fails = "ENOTFOUND" })
    t.fake_tcp("tls.test:443", { fails = "E_TLS" })
    local noise = t.fake_tcp("noise.test:80")
    go [[
      local function code(url) return (select(2, http.sse(url))).code end
      return code("https://nobody.test/"), code("https://no.test/"), code("https://tls.test/"), code("http://noise.test/")
    ]]
    noise:send("this is no HTTP")
    t.eq({ result() }, { "ECONNREFUSED", "ENOTFOUND", "E_TLS", "E_HTTP" })
  end)

  t.it("waits until timeout for the answer to begin", function()
    t.fake_tcp("slow.test:80")
    go [[
      local s, err = http.sse("http://slow.test/", { timeout = "3s" })
      return s == nil, err.kind, err.code, err.message
    ]]
    t.advance("2s")
    t.eq(result(), "did not end")
    t.advance("1s")
    t.eq({ result() }, { true, "timeout", "ETIMEDOUT", "GET http://slow.test/: no answer within 3s" })
  end)

  t.it("ends with ETIMEDOUT when the server is quiet for longer than it may be", function()
    go [[
      local s = assert(http.sse("https://api.test/events", { quiet = "20s", timeout = "10s" }))
      local one = assert(s:next())
      local v, err = s:next()
      local _, raised = bridge.try(s:events())
      return one.data, v == nil, err.kind, err.code, err.message, raised.code
    ]]
    t.advance("15s")
    feed:send("hello")
    t.advance("19s")
    t.eq(result(), "did not end")
    t.advance("1s")
    t.eq({ result() }, { "hello", true, "timeout", "ETIMEDOUT", "GET https://api.test/events: the server said nothing for 20s", "ETIMEDOUT" })
  end)

  t.it("ends with E_TOO_LONG at an event that is longer than max_event", function()
    go [[
      local s = assert(http.sse("https://api.test/events", { max_event = "1KB" }))
      local one = assert(s:next())
      local v, err = s:next()
      return #one.data, v == nil, err.kind, err.code, bridge.try(function() for _ in s:events() do end end) == nil
    ]]
    feed:send(("x"):rep(1000))
    feed:send(("x"):rep(1025))
    t.eq({ result() }, { 1000, true, "limit", "E_TOO_LONG", true })
  end)

  t.it("ends with ECONNRESET when the server crashes; events raises it", function()
    go [[
      local s = assert(http.sse("https://api.test/events"))
      local v, err = s:next()
      local _, raised = bridge.try(function() for _ in s:events() do end end)
      return v == nil, err.kind, err.code, raised.code
    ]]
    feed:hang_up { reset = true }
    t.eq({ result() }, { true, "net", "ECONNRESET", "ECONNRESET" })
  end)

  t.it("close ends it; to close again does nothing", function()
    go [[
      local s = assert(http.sse("https://api.test/events"))
      s:close()
      s:close()
      local v, err = s:next()
      local _, raised = bridge.try(s:events())
      return v == nil, err.code, raised.code
    ]]
    t.eq({ result() }, { true, "E_CLOSED", "E_CLOSED" })
  end)

  t.it("counts as a connection of the script", function()
    go [[
      local codes = {}
      for i = 1, 100 do
        local s, err = http.sse("https://api.test/events")
        if not s then return i - 1, err.code end
      end
    ]]
    t.eq({ result() }, { 64, "E_CONNECTIONS" })
  end)

  local service = prelude .. [[
    bridge.service("events", function()
      local s, fresh = bridge.keep("events", function()
        return assert(http.sse("https://api.test/events", { last_event_id = seen:get("id") or "" }))
      end)
      for evt in s:events() do
        seen:set("id", evt.id)
        out:set("v", json.array { evt.data, fresh })
      end
      error("the server closed the stream")
    end)
  ]]

  t.it("is passed on by keep when the script is loaded again, with what was not read yet", function()
    hs:reload(service)
    feed:send("one", { id = "1" })
    t.eq({ result() }, { "one", true })
    hs:reload(service .. "-- again")
    feed:send("two", { id = "2" })
    t.eq({ result() }, { "two", false })
    t.eq(feed.connections, 1)
  end)

  t.it("is opened again after the last event when the server has hung up", function()
    hs:reload(service)
    feed:send("one", { id = "1" })
    feed:hang_up()
    t.advance("2s")
    feed:send("two", { id = "2" })
    t.eq({ result() }, { "two", true })
    t.eq({ feed.connections, feed.requests[2].headers["last-event-id"] }, { 2, "1" })
  end)

  t.it("is closed when the script that opened it ends", function()
    hs:reload(service)
    feed:send("one")
    hs:reload(prelude)
    t.raises(function() feed:send("two") end, "was closed")
  end)

  t.it("raises for arguments that are none", function()
    local function raises(args, text)
      go("local _, err = bridge.try(http.sse, " .. args .. ") return err.code, err.message")
      local code, message = result()
      t.eq(code, "E_ARGUMENT")
      t.matches(message, text)
    end
    raises('"ftp://x.test/"', "'url' to 'sse'")
    raises('"https://x.test/", { max_event = "1GB" }', "'max_event' to 'sse'")
    raises('"https://x.test/", { last_event_id = "a\\nb" }', "'last_event_id' to 'sse'")
    raises('"https://x.test/", { timeout = 0 }', "'timeout' to 'sse'")
    raises('"https://x.test/", { redirects = 21 }', "'redirects' to 'sse'")
    raises('"https://x.test/", { retry = 1 }', "unknown option 'retry'")
  end)

  t.it("fakes: raise when nobody is connected, and outside of http", function()
    t.raises(function() feed:send("x") end, "has not connected")
    t.raises(function() feed:hang_up() end, "has not connected")
    t.raises(function() t.fake_sse("wss://x.test/") end, "an address with http")
  end)
end)
