local t = require "bridge.test"

t.describe("t.fake_http", function()
  local hs, alice, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    alice = hs:user("alice")
    hs:reload [[
      local bridge, http = require "bridge", require "bridge.http"
      bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
      bridge.command("ask", { args = "<url> [text]" }, function(cmd)
        local res, err, answer = http.post(cmd.args.url, cmd.args.text or "")
        res = res or answer
        cmd:reply(res and ("%d %s %s"):format(res.status, res.headers["content-type"], res.body) or err.message)
      end)
    ]]
    room = alice:room()
  end)

  local function ask(url, answer, text)
    alice:say(room, "!ask " .. url .. (text and " " .. text or ""))
    hs:expect_notice { body = answer }
  end

  t.it("answers with a text, a table, or nothing", function()
    t.fake_http("https://a.test/text", "hello")
    t.fake_http("https://a.test/table", { status = 201, headers = { ["Content-Type"] = "text/x" }, body = "made" })
    t.fake_http("https://a.test/json", { json = { n = 1 } })
    t.fake_http("https://a.test/nothing", function() end)
    ask("https://a.test/text", "200 text/plain; charset=utf-8 hello")
    ask("https://a.test/table", "201 text/x made")
    ask("https://a.test/json", '200 application/json {"n":1}')
    ask("https://a.test/nothing", "204 nil ")
  end)

  t.it("answers with what a function returns for the request", function()
    local n = 0
    t.fake_http("https://a.test/", function(req)
      n = n + 1
      return { status = 200 + n, body = req.method .. " " .. req.body .. " " .. req.url }
    end)
    ask("https://a.test/", "201 text/plain; charset=utf-8 POST x https://a.test/", "x")
    ask("https://a.test/", "202 text/plain; charset=utf-8 POST y https://a.test/", "y")
  end)

  t.it("remembers the requests", function()
    local fake = t.fake_http("https://a.test/*", "ok")
    t.eq(fake.requests, {})
    ask("https://a.test/one?a=1&a=2", ".*ok", '{"n":1}')
    ask("https://a.test/two", ".*ok", "text")
    t.eq(#fake.requests, 2)
    local one, two = fake.requests[1], fake.requests[2]
    t.eq({ one.method, one.url, one.path, one.query.a, one:json(), one.params, one.remote }, { "POST", "https://a.test/one?a=1&a=2", "/one", "1", { n = 1 }, {}, "" })
    local none, err = two:json()
    t.eq({ none, err.code }, { nil, "E_JSON" })
  end)

  t.it("answers any query unless it has one itself; the last that fits answers", function()
    t.fake_http("https://a.test/", "any")
    t.fake_http("https://a.test/?a=1", "one")
    ask("https://a.test/", ".*any")
    ask("https://a.test/?a=2", ".*any")
    ask("https://a.test/?a=1", ".*one")
    t.fake_http("https://a.test/*", "other")
    ask("https://a.test/?a=1", ".*other")
  end)

  t.it("answers 404 where no address fits, and nothing where there is no such server", function()
    t.fake_http("https://a.test/x", "ok")
    ask("https://a.test/y", "404 .*the spec has no t.fake_http%(\"https://a.test/y\"%)\n")
    ask("https://b.test/", ".*connection refused")
    ask("http://a.test/x", ".*connection refused")
  end)

  t.it("raises for wrong addresses and answers", function()
    t.raises(function() t.fake_http("a.test", "x") end, "an address with http:// or https:// expected")
    t.raises(function() t.fake_http("https://a.test/", { stats = 200 }) end, "unknown field 'stats'; did you mean 'status'")
    t.raises(function() t.fake_http("https://a.test/", { status = 99 }) end, "200 to 599 expected, got 99")
    t.raises(function() t.fake_http("https://a.test/", { body = "x", json = 1 }) end, "only one of body and json")
    t.raises(function() t.fake_http("https://a.test/", { headers = { a = "b\nc" } }) end, "can stand in no header")
    t.raises(function() t.fake_http("https://a.test/", 7) end, "a table, a string or nil expected")
  end)
end)
