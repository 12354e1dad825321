local t = require "bridge.test"

t.describe("bridge.feed", function()
  local hs, alice, room

  -- What a body that runs in a handler returns; code(v, err) is the error's code.
  local function go(body)
    hs:reload(([[
      local bridge, feed, json = require "bridge", require "bridge.feed", require "bridge.json"
      local function code(v, err) return v == nil and err.code or v end
      bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
      bridge.command("go", function()
        bridge.store("out"):set("v", json.array { (function() %s end)() })
      end)
    ]]):format(body))
    alice:say(room, "!go")
  end

  local function result() return unpack(t.store("out"):get("v") or { "did not end" }) end

  local news = [[<rss version="2.0"><channel><title>News</title><item><guid>1</guid><title>One</title><link>/1</link></item></channel></rss>]]

  t.before_each(function()
    hs    = t.load("blank.lua")
    alice = hs:user("alice")
    hs:reload [[require "bridge".on("invite", function(evt) intent:join_room(evt.room_id) end)]]
    room  = alice:room()
  end)

  t.it("parse reads a text; links without a host are meant beside base", function()
    go([[ local f = assert(feed.parse(']] .. news .. [[', { base = "https://news.test/feed" })) local i = f.items[1]
      return f.format, f.title, #f.items, i.id, i.title, i.link ]])
    t.eq({ result() }, { "rss", "News", 1, "1", "One", "https://news.test/1" })
  end)

  t.it("parse returns nil and an error for what is no feed, and for what is too long for one", function()
    go [[ return code(feed.parse("hello")), code(feed.parse(("<a>"):rep(1000))) ]]
    t.eq({ result() }, { "E_FEED", "E_TOO_LARGE" })
  end)

  t.it("fetch returns the feed, with what to give back the next time", function()
    local fake = t.fake_http("http://news.test/feed", { headers = { ETag = '"v1"', ["Last-Modified"] = "Sat, 07 Sep 2024 10:00:00 GMT" }, body = news })
    go [[ local f = assert(feed.fetch("http://news.test/feed")) return f.title, f.items[1].link, f.etag, f.modified, f.url, f.not_modified ]]
    t.eq({ result() }, { "News", "http://news.test/1", '"v1"', "Sat, 07 Sep 2024 10:00:00 GMT", "http://news.test/feed", false })
    t.matches(fake.requests[1].headers.accept, "application/rss%+xml")
  end)

  t.it("fetch gets nothing when nothing has changed", function()
    local fake = t.fake_http("http://news.test/feed", function(req)
      return { status = req.headers["if-none-match"] == '"v1"' and 304 or 200, body = "" }
    end)
    go [[ local f = assert(feed.fetch("http://news.test/feed", { etag = '"v1"', modified = "Sat, 07 Sep 2024 10:00:00 GMT" })) return f.not_modified, #f.items, f.etag ]]
    t.eq({ result() }, { true, 0, '"v1"' })
    t.eq(fake.requests[1].headers["if-modified-since"], "Sat, 07 Sep 2024 10:00:00 GMT")
  end)

  t.it("fetch follows redirects, and tells which address answered", function()
    t.fake_http("http://news.test/feed", { status = 301, headers = { Location = "https://www.news.test/all.xml" } })
    t.fake_http("https://www.news.test/all.xml", news)
    go [[ local f = assert(feed.fetch("http://news.test/feed")) return f.url, f.items[1].link ]]
    t.eq({ result() }, { "https://www.news.test/all.xml", "https://www.news.test/1" })
  end)

  t.it("fetch follows neither a circle nor a redirect out of the web", function()
    t.fake_http("http://news.test/circle", { status = 302, headers = { Location = "/circle" } })
    t.fake_http("http://news.test/file", { status = 302, headers = { Location = "file:///etc/passwd" } })
    go [[ return code(feed.fetch("http://news.test/circle")), code(feed.fetch("http://news.test/file")) ]]
    t.eq({ result() }, { "E_REDIRECTS", "E_REDIRECTS" })
  end)

  t.it("fetch tells with which status the server refused", function()
    t.fake_http("http://news.test/feed", { status = 503, headers = { ["Retry-After"] = "120" }, body = "later" })
    t.fake_http("http://news.test/choices", { status = 300, body = "this one, or that" })
    go [[
      local f, err = feed.fetch("http://news.test/feed")
      return f == nil, err.kind, err.code, err.status, err.retryable, err.retry_after, code(feed.fetch("http://news.test/choices"))
    ]]
    t.eq({ result() }, { true, "http", "E_STATUS", 503, true, 120, "E_STATUS" })
  end)

  t.it("fetch tells that a page is no feed, and what was fetched", function()
    t.fake_http("http://news.test/", "<html></html>")
    go [[ local f, err = feed.fetch("http://news.test/?key=secret") return err.code, err.message ]]
    t.eq({ result() }, { "E_FEED", "GET http://news.test/: this is no RSS, Atom or JSON feed" })
  end)

  t.it("fetch does not read a feed that is too long", function()
    t.fake_http("http://news.test/long", { body = (" "):rep(8 * 1024 * 1024 + 1) })
    t.fake_http("http://news.test/deep", { body = ("<a>"):rep(1000) })
    go [[ return code(feed.fetch("http://news.test/long")), code(feed.fetch("http://news.test/deep")) ]]
    t.eq({ result() }, { "E_TOO_LARGE", "E_TOO_LARGE" })
  end)

  t.it("fetch gives up after its timeout", function()
    t.fake_tcp("news.test:80", { fails = "ETIMEDOUT" })
    go [[ return code(feed.fetch("http://news.test/feed", { timeout = "5s" })) ]]
    t.advance("5s")
    t.eq(result(), "ETIMEDOUT")
  end)

  t.it("fetch tells why there is no connection, and no answer", function()
    t.fake_tcp("unknown.test:80", { fails = "ENOTFOUND" })
    t.fake_tcp("tls.test:443", { fails = "E_TLS" })
    local mail = t.fake_tcp("mail.test:25")
    go [[ return code(feed.fetch("ftp://news.test/")), code(feed.fetch("http://nobody.test/")), code(feed.fetch("http://unknown.test/")), code(feed.fetch("https://tls.test/")),
      code(feed.fetch("http://mail.test:25/")) ]]
    mail:send("220 mail.test")
    t.eq({ result() }, { "E_URL", "ECONNREFUSED", "ENOTFOUND", "E_TLS", "E_HTTP" })
  end)

  t.it("fetch counts its connections", function()
    t.fake_tcp("news.test:80")
    go [[
      local net = require "bridge.net"
      for i = 1, 64 do assert(net.connect { host = "news.test", port = 80 }) end
      return code(feed.fetch("http://news.test/feed"))
    ]]
    t.eq(result(), "E_CONNECTIONS")
  end)
end)
