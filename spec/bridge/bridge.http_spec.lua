local t = require "bridge.test"

t.describe("bridge.http", function()
  local hs, alice, room

  -- What a body that runs in a handler returns.
  local function go(body)
    hs:reload(([[
      local bridge, http, net, json = require "bridge", require "bridge.http", require "bridge.net", require "bridge.json"
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

  t.it("get asks for an address and returns status, headers, body and url", function()
    local api = t.fake_http("https://api.test/items", { headers = { ["X-Total"] = 7 }, json = { { id = 1 } } })
    go [[
      local res = assert(http.get("https://api.test/items?page=2", { headers = { ["X-Key"] = "k" } }))
      return res.status, res.headers["x-total"], res.headers["Content-Type"], res.body, res.url
    ]]
    t.eq({ result() }, { 200, "7", "application/json", '[{"id":1}]', "https://api.test/items?page=2" })
    local req = api.requests[1]
    t.eq({ req.method, req.path, req.query, req.headers["x-key"], req.headers["User-Agent"], req.body },
      { "GET", "/items", { page = "2" }, "k", "bridgehost", "" })
  end)

  t.it("json reads the body", function()
    t.fake_http("https://api.test/items", { json = { { id = 1 } } })
    go [[ return assert(http.get("https://api.test/items")):json()[1].id ]]
    t.eq(result(), 1)
  end)

  t.it("json returns nil and E_JSON when the body is none", function()
    t.fake_http("https://api.test/items", "<html>")
    go [[ local v, err = http.get("https://api.test/items"):json() return v == nil, err.kind, err.code ]]
    t.eq({ result() }, { true, "http", "E_JSON" })
  end)

  t.it("post sends a text, JSON or a form", function()
    local api = t.fake_http("http://api.test:8080/", "ok")
    go [[
      assert(http.post("http://api.test:8080/", "text"))
      assert(http.post("http://api.test:8080/", { body = "more", headers = { ["content-type"] = "text/plain" } }))
      assert(http.post("http://api.test:8080/", { json = { a = 1 } }))
      assert(http.post("http://api.test:8080/", { form = { a = "1 2" }, timeout = "5s", max_size = "1KB", redirects = 0 }))
    ]]
    local function sent(i) return api.requests[i].method, api.requests[i].headers["content-type"], api.requests[i].body end
    t.eq({ sent(1) }, { "POST", nil, "text" })
    t.eq({ sent(2) }, { "POST", "text/plain", "more" })
    t.eq({ sent(3) }, { "POST", "application/json", '{"a":1}' })
    t.eq({ sent(4) }, { "POST", "application/x-www-form-urlencoded", "a=1+2" })
    t.eq(api.requests[3]:json(), { a = 1 })
  end)

  t.it("request makes one of any method, and GET when none is named", function()
    local api = t.fake_http("https://api.test/items/7", "ok")
    go [[
      assert(http.request { method = "DELETE", url = "https://api.test/items/7" })
      assert(http.request { url = "https://api.test/items/7", headers = { a = "b" }, timeout = "5s", max_size = 10, redirects = 1 })
      assert(http.request { method = "PUT", url = "https://api.test/items/7", body = "x" })
      assert(http.request { method = "PATCH", url = "https://api.test/items/7", json = { 1 } })
      assert(http.request { method = "post", url = "https://api.test/items/7", form = { a = "b" } })
    ]]
    local methods = {}
    for i, req in ipairs(api.requests) do methods[i] = req.method .. " " .. req.body end
    t.eq(methods, { "DELETE ", "GET ", "PUT x", "PATCH [1]", "POST a=b" })
  end)

  t.it("a status from 400 on is an error of kind http, with the answer behind it", function()
    t.fake_http("https://api.test/items", { status = 503, headers = { ["Retry-After"] = "30" }, body = "resting" })
    for _, call in ipairs { [[http.get("https://api.test/items")]], [[http.post("https://api.test/items", "x")]], [[http.request { url = "https://api.test/items" }]] } do
      go(([[
        local res, err, answer = %s
        return res == nil, err.kind, err.code, err.status, err.retryable, err.retry_after, err.message:match(" .*"), answer.body
      ]]):format(call))
      t.eq({ result() }, { true, "http", "E_STATUS", 503, true, 30, " https://api.test/items: 503 Service Unavailable", "resting" })
    end
  end)

  t.it("follows redirects up to a number, and leaves out what was meant for the first server only", function()
    t.fake_http("https://old.test/*", { status = 307, headers = { Location = "https://new.test/items" } })
    local new = t.fake_http("https://new.test/items", "moved")
    go [[ local res = assert(http.get("https://old.test/items", { headers = { Authorization = "secret", Accept = "text/plain" } })) return res.body, res.url ]]
    t.eq({ result() }, { "moved", "https://new.test/items" })
    t.eq({ new.requests[1].headers.authorization, new.requests[1].headers.accept }, { nil, "text/plain" })
    go [[ local res = assert(http.get("https://old.test/items", { redirects = 0 })) return res.status, res.headers.location ]]
    t.eq({ result() }, { 307, "https://new.test/items" })
  end)

  -- The call of each function for an address, with options.
  local calls = { [[http.get(%q, { %s })]], [[http.post(%q, { %s })]], [[http.request { url = %q, %s }]] }

  local function fails(address, options, code)
    for _, call in ipairs(calls) do
      go("local res, err = " .. call:format(address, options) .. " return res == nil, err.code")
      t.eq({ result() }, { true, code })
    end
  end

  t.it("returns E_REDIRECTS for a circle", function()
    t.fake_http("https://api.test/", { status = 302, headers = { Location = "https://api.test/" } })
    fails("https://api.test/", "redirects = 5", "E_REDIRECTS")
  end)

  t.it("returns E_TOO_LARGE when the body is longer than max_size", function()
    t.fake_http("https://api.test/", ("x"):rep(2000))
    fails("https://api.test/", [[max_size = "1KB"]], "E_TOO_LARGE")
  end)

  t.it("returns E_HTTP for what is no HTTP", function()
    local srv = t.fake_tcp("api.test:80")
    for _, call in ipairs(calls) do
      go("local res, err = " .. call:format("http://api.test/", "") .. " return res == nil, err.kind, err.code")
      srv:send("220 api.test ESMTP")
      t.eq({ result() }, { true, "http", "E_HTTP" })
    end
  end)

  t.it("returns ECONNREFUSED where nobody answers", function()
    fails("https://nobody.test/", "", "ECONNREFUSED")
  end)

  t.it("returns ENOTFOUND when there is no such name, and E_TLS when the certificate is not trusted", function()
    t.fake_tcp("api.tset:443", { fails = "ENOTFOUND" })
    fails("https://api.tset/", "", "ENOTFOUND")
    t.fake_tcp("api.test:443", { fails = "E_TLS" })
    fails("https://api.test/", "", "E_TLS")
  end)

  t.it("returns ETIMEDOUT after 30 s without an answer, or as long as timeout says", function()
    t.fake_tcp("api.test:80")
    for _, call in ipairs(calls) do
      t.store("out"):clear()
      go("local res, err = " .. call:format("http://api.test/", "") .. " return err.code, err.kind, err.retryable")
      t.advance("29s")
      t.eq(result(), "did not end")
      t.advance("1s")
      t.eq({ result() }, { "ETIMEDOUT", "timeout", true })
    end
    go [[ local res, err = http.get("http://api.test/", { timeout = "5s" }) return err.message ]]
    t.advance("5s")
    t.eq(result(), "GET http://api.test/: no answer within 5s")
  end)

  t.it("returns E_CONNECTIONS when the script has as many open as it may", function()
    t.fake_tcp("irc.test:6667")
    t.fake_http("http://api.test/", "ok")
    for _, call in ipairs(calls) do
      go("for i = 1, 64 do assert(net.connect { host = 'irc.test', port = 6667 }) end local _, err = " .. call:format("http://api.test/", "") .. " return err.code")
      t.eq(result(), "E_CONNECTIONS")
    end
  end)

  t.it("raises for what no request can be", function()
    go [[
      local function message(fn, ...) return (select(2, bridge.try(fn, ...))).message end
      return message(http.get, "api.test"), message(http.get, "https://api.test/", { timeout = 0 }),
        message(http.post, "https://api.test/", { body = "x", json = 1 }), message(http.request, { url = "https://api.test/", method = "A B" }),
        message(http.get, "https://api.test/", { headers = { Host = "other.test" } })
    ]]
    local address, time, two, method, host = result()
    t.matches(address, "an address with http:// or https:// expected")
    t.matches(time, "'timeout'")
    t.matches(two, "only one of body, json and form")
    t.matches(method, "'method'")
    t.matches(host, "Host is set by the host")
  end)

  t.it("raises while the script is loading", function()
    t.raises(function() hs:reload [[require "bridge.http".get("https://api.test/")]] end, "while the script was loading")
  end)
end)
