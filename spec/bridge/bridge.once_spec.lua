local t = require "bridge.test"

t.describe("bridge.once", function()
  local hs, alice, room, other

  local prelude = [[
    local bridge = require "bridge"
    bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
  ]]

  t.before_each(function()
    hs    = t.load("blank.lua")
    alice = hs:user("alice")
  end)

  -- What bridge.once answers for these arguments in a handler that then finishes.
  local function once(args)
    hs:reload(([[
      local bridge = require "bridge"
      bridge.on("load", function() bridge.store("out"):set("v", bridge.once(%s)) end)
    ]]):format(args))
    return t.store("out"):get("v")
  end

  t.it("is true the first time only, over reloads too", function()
    t.eq(once [["seen", "a"]], true)
    t.eq(once [["seen", "a"]], false)
    t.eq(once [["seen", "b"]], true)
  end)

  t.it("is true once within one handler", function()
    hs:reload(prelude .. [[
      bridge.on("load", function() bridge.store("out"):set("v", { bridge.once("s", "k"), bridge.once("s", "k") }) end)
    ]])
    t.eq(t.store("out"):get("v"), { true, false })
  end)

  t.it("keeps the keys of different spaces apart, and apart from stores", function()
    t.eq(once [["one", "a"]], true)
    t.eq(once [["two", "a"]], true)
    t.eq(t.store("one"):keys(), {})
    t.raises(function() hs:reload [[ require "bridge".store("\0once/one") ]] end, "begins with a NUL byte")
  end)

  t.it("is true again when ttl has passed", function()
    t.eq(once [["seen", "a", { ttl = "10s" }]], true)
    t.advance("9s")
    t.eq(once [["seen", "a", "10s"]], false)
    t.advance("1s")
    t.eq(once [["seen", "a", "10s"]], true)
  end)

  t.it("undoes the mark when the handler fails", function()
    hs:reload(prelude .. [[
      bridge.on("message", function(evt)
        evt:reply(tostring(bridge.once("seen", "a")))
        if evt.text == "fail" then error("refused") end
      end)
    ]])
    room = alice:room()
    alice:say(room, "fail")
    hs:expect_message { body = "true" }
    hs:expect_error("refused")
    alice:say(room, "go on")
    hs:expect_message { body = "true" }
    alice:say(room, "go on")
    hs:expect_message { body = "false" }
  end)

  t.it("waits for the handler that has marked the key, and takes the key when that one fails", function()
    hs:reload(prelude .. [[
      bridge.on("message", function(evt)
        local first = bridge.once("seen", "a")
        intent:send_text(evt.room_id, evt.text .. " " .. tostring(first))
        if evt.text == "slow" then bridge.sleep("5s") error("refused") end
      end)
    ]])
    room, other = alice:room(), alice:room()
    alice:say(room, "slow")
    hs:expect_message { body = "slow true" }
    alice:say(other, "waiting")
    hs:expect_silence()
    t.advance("5s")
    hs:expect_error("refused")
    hs:expect_message { body = "waiting true" }
  end)

  t.it("raises a retryable error when handlers wait for each other in a circle, and both are done in the end", function()
    hs:reload(prelude .. [[
      bridge.on("message", function(evt)
        local one, two = evt.text:match("(%S) (%S)")
        bridge.once("seen", one)
        bridge.sleep("1s")
        local ok, err = bridge.try(bridge.once, "seen", two)
        if err then
          bridge.memory("errors"):set("code", { err.code, err.retryable })
          error(err)
        end
        intent:send_text(evt.room_id, one .. " is done")
      end)
    ]])
    room, other = alice:room(), alice:room()
    alice:say(room, "a b")
    alice:say(other, "b a")
    t.advance("1m")
    hs:expect_message { body = "a is done" }
    hs:expect_message { body = "b is done" }
    hs:expect_silence()
    hs:reload [[
      local bridge = require "bridge"
      bridge.on("load", function() bridge.store("out"):set("v", bridge.memory("errors"):get("code")) end)
    ]]
    t.eq(t.store("out"):get("v"), { "E_CIRCLE", true })
  end)

  t.it("makes what a route sends for a key come once, also when the route failed after it had sent", function()
    hs:reload(prelude .. [[
      local http = require "bridge.http"
      http.route("POST", "/", function(req)
        if not bridge.once("seen", req.query.id, "1h") then return "seen" end
        intent:send_notice(req.query.room, "news")
        if req.query.fail then error("refused") end
        return "done"
      end)
    ]])
    room = alice:room()
    local function post(id, more) return hs:hook("POST", "/?room=" .. room .. "&id=" .. id .. (more or "")).body end
    t.matches(post("a", "&fail=1"), "could not answer")
    hs:expect_error("refused")
    hs:expect_notice { body = "news" }
    t.eq(post("a"), "done")
    t.eq(post("a"), "seen")
    hs:expect_silence()
    t.eq(post("b"), "done")                       -- another key is another message
    hs:expect_notice { body = "news" }
    t.advance("1h")
    t.eq(post("a"), "done")                       -- and so is the same key when the mark has expired
    hs:expect_notice { body = "news" }
  end)

  t.it("raises while the script is loading", function()
    t.raises(function() hs:reload [[require "bridge".once("s", "k")]] end, "while the script was loading")
  end)
end)
