local t = require "bridge.test"

-- run evaluates some Lua in a handler of a script; it prints what comes out.
local function run(body, path)
  local hs = t.load(path or "assets")
  hs:reload([[
    local bridge = require "bridge"
    local function code(path) local _, err = bridge.try(bridge.asset, path) return err and err.code or "no error" end
    bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
    bridge.on("message", function(evt)
      local out = {}
      local function print(v) out[#out + 1] = tostring(v) end
      ]] .. body .. [[

      evt:reply(table.concat(out, "|"))
    end)]])
  local alice = hs:user("alice")
  alice:say(alice:room(), "go")
  return hs:expect_message().content.body
end

t.describe("bridge.asset", function()
  t.it("gives the bytes of a file of the script's folder", function()
    t.eq(run [[print(bridge.asset("text/hello.txt")) print(bridge.asset("bytes.bin") == "\0\137PNG\255")]], "hello\n|true")
  end)

  t.it("can be called at the top level", function()
    local hs = t.load("assets")
    hs:reload [[
      local bridge = require "bridge"
      local hello = bridge.asset("text/hello.txt")
      bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
      bridge.on("message", function(evt) evt:reply(hello) end)]]
    local alice = hs:user("alice")
    alice:say(alice:room(), "go")
    t.eq(hs:expect_message().content.body, "hello\n")
  end)

  t.it("raises for what is not there and for what is no file", function()
    t.eq(run [[print(code("none.txt")) print(code("text"))]], "ENOENT|EISDIR")
  end)

  t.it("takes paths within the folder only", function()
    t.eq(run [[
      for _, path in ipairs{ "../blank.lua", "/etc/passwd", "", ".", "..", "./text/hello.txt", "text/../text/hello.txt", "text//hello.txt", "text/", ".git/config", "text/.x", "text\\hello.txt", "a\0b" } do
        print(code(path))
      end
    ]], "E_PATH" .. ("|E_PATH"):rep(12))
  end)

  t.it("raises when the file is longer than a string may be", function()
    t.eq(run [[print(code("long.txt"))]], "E_TOO_LONG")
  end)

  t.it("knows no file beside a script that is one itself", function()
    t.eq(run([[print(code("greeter.lua"))]], "blank.lua"), "E_PATH")
  end)
end)
