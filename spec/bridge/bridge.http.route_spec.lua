local t = require "bridge.test"

t.describe("bridge.http.route", function()
  local hs

  local function script(body)
    hs:reload([[local bridge, http, json = require "bridge", require "bridge.http", require "bridge.json"
      local store = bridge.store("out")
      ]] .. body)
  end

  -- What a request was answered: status and body.
  local function ask(...)
    local res = hs:hook(...)
    return res.status .. " " .. res.body
  end

  t.before_each(function() hs = t.load("blank.lua") end)

  t.it("answers requests for method and path", function()
    script [[http.route("POST", "/github", function(req) return req.method .. " " .. req.path .. " " .. req.body end)]]
    t.eq(ask("POST", "/github", "hello"), "200 POST /github hello")
    t.eq(ask("POST", "/github", { body = "hello" }), "200 POST /github hello")
  end)

  t.it("gives the function the request: headers, query, JSON, who asked", function()
    script [[
      http.route("POST", "/", function(req)
        local v, err = req:json()
        return { json = { req.headers["x-key"], req.headers["X-Key"], req.query.a, v and v.n or err.code, req.url, req.remote } }
      end)
    ]]
    t.eq(hs:hook("POST", "/?a=1%202", { json = { n = 7 }, headers = { ["X-Key"] = "k" } }):json(), { "k", "k", "1 2", 7, "/?a=1%202", "127.0.0.1:1" })
    t.eq(hs:hook("POST", "/?a=b", { form = { n = "7" }, headers = { ["X-Key"] = "k" } }):json()[4], "E_JSON")
  end)

  t.it("answers with a text, a table, or nothing", function()
    script [[
      http.route("GET", "/text", function() return "hello" end)
      http.route("GET", "/table", function() return { status = 201, headers = { ["Content-Type"] = "text/x", ["X-Own"] = 1 }, body = "made" } end)
      http.route("GET", "/json", function() return { json = { list = json.array {} } } end)
      http.route("GET", "/nothing", function() end)
    ]]
    local function shown(path)
      local res = hs:hook("GET", path)
      return { res.status, res.headers["content-type"], res.body, res.headers["x-own"] }
    end
    t.eq(shown "/text", { 200, "text/plain; charset=utf-8", "hello" })
    t.eq(shown "/table", { 201, "text/x", "made", "1" })
    t.eq(shown "/json", { 200, "application/json", '{"list":[]}' })
    t.eq(shown "/nothing", { 204, nil, "" })
  end)

  t.it("takes parameters in the path; the path with most words of its own is the one", function()
    script [[
      http.route("GET", "/items/{id}", function(req) return "item " .. req.params.id end)
      http.route("GET", "/items/new", function(req) return "new" end)
      http.route("GET", "/files/{path...}", function(req) return "file " .. req.params.path end)
      http.route("*", "/any", function(req) return req.method end)
    ]]
    t.eq(ask("GET", "/items/7"), "200 item 7")
    t.eq(ask("GET", "/items/new"), "200 new")
    t.eq(ask("GET", "/files/a/b%20c"), "200 file a/b c")
    t.eq(ask("DELETE", "/any"), "200 DELETE")
    t.eq(ask("GET", "/items/"), "404 the script has no such route\n")
    t.eq(ask("GET", "/items/7/8"), "404 the script has no such route\n")
  end)

  t.it("answers 404 for another path and 405 for another method", function()
    script [[http.route("POST", "/github", function() end)]]
    t.eq(ask("POST", "/gitlab"), "404 the script has no such route\n")
    local res = hs:hook("PUT", "/github")
    t.eq({ res.status, res.headers.allow }, { 405, "POST" })
  end)

  t.it("answers 413 when the body is longer than max_body, 1 MB if nothing is said", function()
    script [[
      http.route("POST", "/small", { max_body = "1KB" }, function(req) return #req.body .. "" end)
      http.route("POST", "/", function(req) return #req.body .. "" end)
    ]]
    t.eq(ask("POST", "/small", ("x"):rep(1024)), "200 1024")
    t.eq(ask("POST", "/small", ("x"):rep(1025)), "413 the body is longer than 1024 bytes\n")
    t.eq(ask("POST", "/", ("x"):rep(1024 * 1024)), "200 1048576")
    t.eq(ask("POST", "/", ("x"):rep(1024 * 1024 + 1)), "413 the body is longer than 1048576 bytes\n")
  end)

  t.it("answers 504 when the function takes longer than timeout", function()
    script [[http.route("GET", "/", { timeout = "2s" }, function() bridge.sleep("1h") end)]]
    t.eq(ask("GET", "/"), "504 the script took too long\n")
    hs:expect_error("took longer than 2s")
  end)

  t.it("has written what the function wrote when the answer leaves", function()
    script [[http.route("POST", "/", function(req) store:set("v", req.body) return "ok" end)]]
    t.eq(ask("POST", "/", "hello"), "200 ok")
    t.eq(t.store("out"):get("v"), "hello")
  end)

  t.it("answers 500 when the function raises, undoes what it wrote and says nothing of the error to strangers", function()
    script [[http.route("POST", "/", function(req) store:set("v", req.body) bridge.once("k", "v", "1d") error("secret") end)]]
    t.eq(ask("POST", "/", "hello"), "500 the script could not answer\n")
    t.eq(t.store("out"):get("v"), nil)
    hs:expect_error("secret")
  end)

  t.it("answers 503 with Retry-After when it may go better later", function()
    script [[http.route("POST", "/", function() error({ message = "resting", retryable = true }) end)]]
    local res = hs:hook("POST", "/")
    t.eq({ res.status, res.headers["retry-after"] }, { 503, "1" })
    hs:expect_error("resting")
  end)

  t.it("answers 500 for what is no answer", function()
    script [[
      http.route("GET", "/status", function() return { status = 700 } end)
      http.route("GET", "/field", function() return { stauts = 200 } end)
      http.route("GET", "/number", function() return 7 end)
    ]]
    t.eq(ask("GET", "/status"), "500 the script could not answer\n")
    hs:expect_error("200 to 599 expected, got 700")
    t.eq(ask("GET", "/field"), "500 the script could not answer\n")
    hs:expect_error("did you mean 'status'")
    t.eq(ask("GET", "/number"), "500 the script could not answer\n")
    hs:expect_error("a table, a string or nil expected")
  end)

  t.it("can send messages", function()
    local alice = hs:user("alice")
    script [[
      bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
      http.route("POST", "/{room}", function(req) intent:send_notice(req.params.room, req.body) end)
    ]]
    local room = alice:room()
    t.eq(ask("POST", "/" .. room, "pushed"), "204 ")
    hs:expect_notice { body = "pushed" }
  end)

  t.it("is the new version's after a reload", function()
    script [[http.route("GET", "/old", function() return "1" end) http.route("GET", "/", function() return "1" end)]]
    t.eq(ask("GET", "/"), "200 1")
    script [[http.route("GET", "/", function() return "2" end)]]
    t.eq({ ask("GET", "/"), ask("GET", "/old") }, { "200 2", "404 the script has no such route\n" })
    t.raises(function() script [[http.route("GET", "/", function() return "3" end) error("no")]] end, "no")
    t.eq(ask("GET", "/"), "200 2")
  end)

  t.it("raises for what is no route, and for two of the same", function()
    local function raises(args, text) t.raises(function() script("http.route(" .. args .. ", function() end)") end, text) end
    raises([["GET /", "/"]], "'method' to 'route'")
    raises([["GET", "a"]], "a path that begins with /")
    raises([["GET", "/a?b=c"]], "a path that begins with /")
    raises([["GET", "/a{b}"]], "a parameter is a whole part")
    raises([["GET", "/{}"]], "a parameter is a whole part")
    raises([["GET", "/{a...}/b"]], "nothing can follow")
    raises([["GET", "/{a}/{a}"]], "two parameters are called")
    raises([["GET", "/../a"]], "can be no part of a path")
    raises([["GET", "/", { max_body = "1GB" }]], "'max_body' to 'route'")
    raises([["GET", "/", { timeout = "2h" }]], "'timeout' to 'route'")
    raises([["GET", "/", { timeuot = 1 }]], "did you mean 'timeout'")
    t.raises(function() script [[http.route("GET", "/{a}", print) http.route("get", "/{b}", print)]] end, "there is a route GET /{a} already")
  end)

  t.it("stands at the top level only", function()
    script [[bridge.on("load", function() store:set("code", (select(2, bridge.try(http.route, "GET", "/", print))).code) end)]]
    t.eq(t.store("out"):get("code"), "E_TOP_LEVEL")
  end)
end)

t.describe("hs:hook", function()
  t.it("raises for what is no request", function()
    local hs = t.load("blank.lua")
    t.raises(function() hs:hook("GET", "x") end, "a path that begins with /")
    t.raises(function() hs:hook("G T", "/") end, "a method such as GET expected")
    t.raises(function() hs:hook("GET", "/", { body = "x", json = 1 }) end, "only one of body, json and form")
  end)
end)
