local t = require "bridge.test"

-- run evaluates some Lua in a script with the directories inbox and outbox; it prints what comes out.
local function run(body)
  local hs = t.load("blank.lua", { dirs = { "inbox", "outbox" } })
  hs:reload([[
    local bridge, fs, json = require "bridge", require "bridge.fs", require "bridge.json"
    local function code(value, err) return tostring(value) .. " " .. (err and err.code or "no error") end
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

t.describe("bridge.fs", function()
  t.it("write makes a file, with the folders on the way, and read gives its bytes", function()
    t.eq(run [[
      print(fs.write("outbox", "a/b/c.txt", "\0x\255"))
      print(fs.read("outbox", "a/b/c.txt") == "\0x\255")
      print(fs.write("outbox", "a/b/c.txt", "new"))
      print(fs.read("outbox", "a/./b/c.txt"))
      print(code(fs.read("inbox", "a/b/c.txt")))
    ]], "true|true|true|new|nil ENOENT")
  end)

  t.it("list names what is there, in order, with type and size", function()
    t.eq(run [[
      fs.write("inbox", "b.txt", "12345") fs.write("inbox", "a/x", "") fs.write("inbox", "c", "")
      for _, f in ipairs(fs.list("inbox")) do print(f.name .. " " .. f.type .. (f.type == "file" and " " .. f.size or "")) end
      print(#fs.list("inbox", { path = "a" })) print(#fs.list("outbox")) print(fs.list("inbox")[1].modified > 1e9)
    ]], "a directory|b.txt file 5|c file 0|1|0|true")
  end)

  t.it("stat is nil for what is not there", function()
    t.eq(run [[
      fs.write("inbox", "b.txt", "12345")
      print(fs.stat("inbox", "b.txt").size) print(fs.stat("inbox", ".").type) print(code(fs.stat("inbox", "none")))
    ]], "5|directory|nil no error")
  end)

  t.it("remove tells whether it was there", function()
    t.eq(run [[
      fs.write("inbox", "a/b", "")
      print(code(fs.remove("inbox", "a"))) print(fs.remove("inbox", "a/b")) print(fs.remove("inbox", "a/b")) print(fs.remove("inbox", "a"))
    ]], "nil ENOTEMPTY|true|false|true")
  end)

  t.it("takes a folder for no file, and a file for no folder", function()
    t.eq(run [[
      fs.write("inbox", "a/b", "")
      print(code(fs.read("inbox", "a"))) print(code(fs.write("inbox", "a", ""))) print(code(fs.list("inbox", "a/b"))) print(code(fs.list("inbox", "none")))
    ]], "nil EISDIR|nil EISDIR|nil ENOTDIR|nil ENOENT")
  end)

  t.it("reaches nothing outside of the directory", function()
    t.eq(run [[
      for _, path in ipairs { "../x", "/etc/passwd", "a/../../x", "" } do
        print(code(fs.read("inbox", path))) print(code(fs.write("inbox", path, ""))) print(code(fs.stat("inbox", path)))
        print(code(fs.remove("inbox", path))) print(code(fs.list("inbox", path)))
      end
    ]], ("nil E_PATH|"):rep(19) .. "nil E_PATH")
  end)

  t.it("knows the directories that the owner named, and no others", function()
    t.eq(run [[
      print(code(fs.read("etc", "passwd"))) print(code(fs.write("etc", "passwd", ""))) print(code(fs.stat("etc", "passwd")))
      print(code(fs.remove("etc", "passwd"))) print(code(fs.list("etc")))
      print(select(2, fs.list("inbx")).message) print(select(2, fs.list("etc")).hint)
    ]], ("nil E_CAPABILITY|"):rep(5) .. 'blank has no directory "inbx"; did you mean "inbox"?|' ..
      'add to bridgehost.toml, under [scripts.dirs_of.blank]: etc = "/path/of/it"')
  end)
end)
