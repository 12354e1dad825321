local t = require "bridge.test"

t.describe("bridge.keep", function()
  local hs, srv, alice

  local prelude = [[
    local bridge, net = require "bridge", require "bridge.net"
    local function open() return assert(net.connect { host = "irc.test", port = 6667 }) end
    local function note(v) bridge.memory("m"):update("list", function(list) list = list or {} list[#list + 1] = v return list end) end
    bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
    bridge.command("noted", function(cmd) bridge.store("out"):set("v", bridge.memory("m"):get("list")) end)
  ]]

  -- A service that reads lines from a kept socket and sends them back.
  local reader = prelude .. [[
    bridge.service("s", function()
      local sock, fresh = bridge.keep("sock", open)
      note(fresh)
      for line in sock:lines() do sock:write(bridge.info.generation .. " " .. line .. "\n") end
      error("closed")
    end)
  ]]

  local room
  local function noted()
    alice:say(room, "!noted")
    return t.store("out"):get("v")
  end

  t.before_each(function()
    srv   = t.fake_tcp("irc.test:6667")
    hs    = t.load("blank.lua", { config = { any = 1 } })
    alice = hs:user("alice")
    hs:reload(prelude)
    room = alice:room()
  end)

  t.it("opens a handle the first time, and tells that it is fresh", function()
    hs:reload(reader)
    t.eq(srv.connections, 1)
    t.eq(noted(), { true })
  end)

  t.it("passes it to the next version of the script, with what was not read yet", function()
    hs:reload(reader)
    srv:send("one")
    srv:expect("3 one")
    hs:reload(reader)
    srv:send("two")
    srv:expect("4 two")
    t.eq(srv.connections, 1)
    t.eq(noted(), { true, false })
  end)

  t.it("passes it from one run of a service to the next", function()
    hs:reload(prelude .. [[
      bridge.service("s", function()
        local sock, fresh = bridge.keep("sock", open)
        note(fresh)
        error("line " .. sock:read_line())
      end)
    ]])
    srv:send("one")
    hs:expect_error("line one")
    srv:send("two")
    t.advance("2s")
    hs:expect_error("line two")
    t.eq(srv.connections, 1)
    t.advance("5s")
    t.eq(noted(), { true, false, false })
  end)

  t.it("opens a new one when the other side has hung up", function()
    hs:reload(reader)
    srv:hang_up()
    hs:expect_error("closed")
    t.advance("2s")
    t.eq(srv.connections, 2)
    t.eq(noted(), { true, true })
  end)

  t.it("opens a new one when it was closed", function()
    hs:reload(prelude .. [[
      bridge.on("message", function(evt)
        local sock, fresh = bridge.keep("sock", open)
        note(fresh)
        if evt.text == "close" then sock:close() end
      end)
    ]])
    for _, text in ipairs { "one", "close", "two" } do alice:say(room, text) end
    t.eq(noted(), { true, false, true })
    t.eq(srv.connections, 2)
  end)

  t.it("keeps handles of different names apart", function()
    hs:reload(prelude .. [[ bridge.on("message", function(evt) local _, fresh = bridge.keep(evt.text, open) note(fresh) end) ]])
    for _, text in ipairs { "a", "b", "a" } do alice:say(room, text) end
    t.eq(noted(), { true, true, false })
  end)

  t.it("lets several who ask at once wait for the one that opens it", function()
    hs:reload(prelude .. [[
      bridge.on("message", function()
        local _, fresh = bridge.keep("sock", function() bridge.sleep("5s") return open() end)
        note(fresh)
      end)
    ]])
    for _ = 1, 3 do alice:say(alice:room(), "go") end
    t.advance("5s")
    t.eq(noted(), { true, false, false })
    t.eq(srv.connections, 1)
  end)

  t.it("raises what open raises or returns as an error, and tries again the next time", function()
    hs:reload(prelude .. [[
      bridge.on("message", function(evt)
        local sock, err = bridge.try(bridge.keep, "sock", function()
          if evt.text == "raise" then error("no") end
          if evt.text == "return" then return net.connect { host = "nobody.test", port = 1 } end
          return open()
        end)
        note(sock and "opened" or err.code or err.message)
      end)
    ]])
    for _, text in ipairs { "raise", "return", "open" } do alice:say(room, text) end
    t.eq(noted(), { "no", "ECONNREFUSED", "opened" })
  end)

  t.it("raises for what is no handle", function()
    hs:reload(prelude .. [[
      bridge.on("message", function()
        for _, v in ipairs { "text", {}, bridge.store("s") } do note((select(2, bridge.try(bridge.keep, "x", function() return v end))).message) end
        note((select(2, bridge.try(bridge.keep, "x", function() end))).message)
      end)
    ]])
    alice:say(room, "go")
    for i, got in ipairs { "string", "table", "store", "nil" } do
      t.matches(noted()[i], "must return a handle, such as a socket %(got " .. got .. "%)")
    end
  end)

  t.it("closes what the new version does not take over", function()
    hs:reload(reader)
    hs:reload(prelude)
    t.advance("11s")
    t.matches(t.raises(function() srv:send("x") end).message, "was closed")
  end)

  t.it("is not for the top level", function()
    t.raises(function() hs:reload(prelude .. [[ bridge.keep("x", open) ]]) end, "while the script was loading")
  end)
end)
