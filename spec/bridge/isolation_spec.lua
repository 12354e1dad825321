local t = require "bridge.test"

-- What Lua itself gives a bundle to get out with: nothing.
t.describe("isolation", function()
  local hs, alice, room

  t.before_each(function()
    hs    = t.load("prober.lua", { capabilities = { "matrix:read", "matrix:send", "matrix:create-room" } })
    alice = hs:user("alice")
    room  = alice:room()
  end)

  local function try(code)
    alice:say(room, "try " .. code)
    return hs:expect_notice(room).content.body
  end

  t.it("leaves out what reaches beyond Lua", function()
    for _, name in ipairs { "debug", "io", "package", "load", "loadfile", "dofile", "module", "newproxy", "getfenv", "setfenv", "collectgarbage", "arg" } do
      t.eq(try("return tostring(rawget(_G, '" .. name .. "'))"), "nil")
    end
    for _, name in ipairs { "os.execute", "os.getenv", "os.remove", "os.rename", "os.exit", "os.tmpname", "os.setlocale", "string.dump", "coroutine.isyieldable" } do
      t.eq(try("return tostring(" .. name .. ")"), "nil")
    end
  end)

  t.it("takes no bytecode", function()
    t.matches(try [[return select(2, loadstring("\27LuaQ\0\1\4"))]], "bytecode is not loaded")
  end)

  t.it("hides the metatables of strings and objects", function()
    t.eq(try [[return tostring(getmetatable(""))]], "false")
    t.eq(try [[return getmetatable(intent)]], "intent")
    t.eq(try [[return getmetatable(intent.state_store)]], "state_store")
    t.eq(try [[return getmetatable(evt)]], "event")
    t.eq(try [[return getmetatable(require("bridge").portal("a"))]], "portal")
    t.eq(try [[return getmetatable(_G)]], "strict")
    t.eq(try [[return getmetatable(select(2, pcall(function() intent:user(1) end)))]], "error")
    t.matches(try [[setmetatable("", { __index = {} })]], "table expected, got string")
    t.matches(try [[setmetatable(intent, {})]], "table expected, got userdata")
    t.matches(try [[setmetatable(evt, {})]], "cannot change a protected metatable")
    t.matches(try [[rawset(intent, "mxid", "@alice:test")]], "table expected, got userdata")
    t.matches(try [[intent.mxid = "@alice:test"]], "intent cannot be changed")
  end)

  t.it("takes objects for what they are", function()
    t.matches(try [[intent.send_text(intent.state_store, room, "x")]], "must be called with a colon, on an object of kind intent")
    t.matches(try [[intent.state_store.get_member({}, room, "@alice:test")]], "on an object of kind state_store")
    t.matches(try [[evt.reply(setmetatable({}, { __index = evt, __self = intent }), "x")]], "on an object of kind event")
    t.eq(try [[local e = setmetatable({}, { __index = evt }) local ok = pcall(evt.reply, e, "x") return tostring(ok)]], "false")
  end)

  t.it("goes by what an event was, not by what its table says", function()
    local other = alice:room { private = true }
    alice:kick(other, hs.bot)
    try("evt.room_id = '" .. other .. "' evt:reply('mine') evt.room_id = room return 'x'")
    hs:expect_message { room = room, body = "mine" }
  end)

  t.it("finds modules of the host and files of the bundle only", function()
    for _, name in ipairs { "../secret", "/etc/passwd", "..secret", "a/../../secret", "a\\0b", "bridge.test", "bridge/../../x", "C:\\secret", "@org.example.other", "" } do
      t.matches(try("require('" .. name:gsub("\\", "\\\\") .. "')"), "module")
    end
  end)

  t.it("keeps one script's changes from the others", function()
    local other = t.load("greeter.lua")
    try [[string.rep = function() return "changed" end table.concat = function() return "changed" end rawset(require("bridge.json"), "encode", 1) return 1]]
    local bob = other:user("bob")
    local hall = bob:room()
    bob:say(hall, "hi")
    other:expect_message { body = "hello" }
  end)

  t.it("keeps pcall, coroutines and loaded chunks within the permissions", function()
    local refused = "matrix:state m.room.topic was not granted"
    t.matches(try [[return select(2, pcall(intent.set_room_topic, intent, room, "x")).message]], refused)
    t.matches(try [[local co = coroutine.wrap(function() intent:set_room_topic(room, "x") end) co()]], refused)
    t.matches(try [[loadstring("intent:set_room_topic(..., 'x')")(room)]], refused)
    t.matches(try [[local s = setmetatable({}, { __index = function() intent:set_room_topic(room, "x") end }) return s.x]], refused)
    t.matches(try [[table.sort({ 1, 2 }, function() intent:set_room_topic(room, "x") end)]], refused)
    t.matches(try [[("x"):gsub(".", function() intent:set_room_topic(room, "x") end)]], refused)
    t.matches(try [[require("bridge").spawn(function() intent:set_room_topic(room, "x") end):wait()]], refused)
  end)
end)
