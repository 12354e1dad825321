local t = require "bridge.test"

t.describe("bridge.config", function()
  -- The values that a script with this schema gets of this configuration, as it stores them.
  local function values(schema, config)
    local hs = t.load("blank.lua", { config = config })
    hs:reload(([[
      local bridge, json = require "bridge", require "bridge.json"
      local cfg = bridge.config { %s }
      bridge.on("load", function()
        local seen = {}
        for key, value in pairs(cfg) do seen[key] = value end
        bridge.store("out"):set("v", seen)
      end)
    ]]):format(schema))
    return t.store("out"):get("v"), hs
  end

  local function refused(schema, config, pattern)
    return t.raises(function() values(schema, config) end, pattern)
  end

  t.it("gives what is configured, and defaults for what is not", function()
    t.eq(values([[ server = { type = "string" }, port = { type = "integer", default = 6697 }, nick = { type = "string" } ]], { server = "irc.test" }),
      { server = "irc.test", port = 6697 })
  end)

  t.it("takes any of its types", function()
    t.eq(values([[
      s = { type = "string" }, i = { type = "integer" }, n = { type = "number" }, b = { type = "boolean" }, secret = { type = "secret" },
      l = { type = "list" }, li = { type = "list", of = "integer" }, m = { type = "map" }, mn = { type = "map", of = "number" },
      u = { type = "mxid" }, r = { type = "room" }, url = { type = "url" }, d = { type = "duration" }, dn = { type = "duration" },
    ]], { s = "x", i = -3, n = 1.5, b = false, secret = "pass", l = { "a", "b" }, li = { 1, 2 }, m = { k = "v" }, mn = { k = 0.5 },
          u = "@a:test", r = "!room:test", url = "https://x.test/y", d = "1h30m", dn = 20 }),
      { s = "x", i = -3, n = 1.5, b = false, secret = "pass", l = { "a", "b" }, li = { 1, 2 }, m = { k = "v" }, mn = { k = 0.5 },
        u = "@a:test", r = "!room:test", url = "https://x.test/y", d = 5400, dn = 20 })
  end)

  t.it("refuses values of other types, and says what is expected", function()
    for _, case in ipairs {
      { [[{ type = "string" }]], 7 }, { [[{ type = "integer" }]], "7" }, { [[{ type = "integer" }]], 1.5 }, { [[{ type = "number" }]], "x" },
      { [[{ type = "boolean" }]], 1 }, { [[{ type = "list" }]], "a" }, { [[{ type = "list", of = "integer" }]], { 1, "x" } },
      { [[{ type = "map" }]], "a" }, { [[{ type = "map", of = "boolean" }]], { k = 1 } }, { [[{ type = "mxid" }]], "alice" },
      { [[{ type = "room" }]], "lua" }, { [[{ type = "url" }]], "x.test" }, { [[{ type = "duration" }]], "soon" },
    } do
      local err = refused("k = " .. case[1], { k = case[2] }, "configuration of blank: 'k'.*expected, got")
      t.eq(err.code, "E_CONFIG")
    end
  end)

  t.it("does not show a secret that is wrong", function()
    local err = refused([[ k = { type = "secret" } ]], { k = { hidden = "hunter2" } }, "'k'")
    t.eq(err.message:find("hunter2"), nil)
  end)

  t.it("keeps a number between min and max, and a text in enum", function()
    local schema = [[ n = { type = "integer", min = 1, max = 9 }, w = { type = "string", enum = { "on", "off" } } ]]
    t.eq(values(schema, { n = 9, w = "on" }), { n = 9, w = "on" })
    refused(schema, { n = 0 }, "'n': integer from 1 to 9 expected, got 0")
    refused(schema, { n = 10 }, "integer from 1 to 9 expected, got 10")
    refused(schema, { w = "maybe" }, "'w': one of on, off expected, got \"maybe\"")
    refused([[ n = { type = "duration", min = 10 } ]], { n = "5s" }, "'n': duration of at least 10 %(seconds")
    refused([[ n = { type = "duration", max = "5m" } ]], { n = "1h" }, "'n': duration of at most 300 %(seconds")
    refused([[ n = { type = "integer", enum = { 1, 2 } } ]], { n = 3 }, "'n': one of 1, 2 expected, got 3")
    t.eq(values([[ n = { type = "duration", max = "5m" }, i = { type = "integer", enum = { 1, 2 } } ]], { n = "5m", i = 2 }), { n = 300, i = 2 })
  end)

  t.it("tells what is missing, with its help and a line to add", function()
    local err = refused([[
      server = { type = "string", required = true, help = "the IRC server", example = "irc.libera.chat" },
      rooms  = { type = "list", of = "room", required = true },
    ]], {}, "'server' is missing %(string: the IRC server%)")
    t.eq(err.code, "E_CONFIG")
    t.matches(err.hint, 'add to bridgehost.toml, under %[scripts.config.blank%]: rooms = %["#room:example.org"%]   server = "irc.libera.chat"')
  end)

  t.it("tells all mistakes at once", function()
    local err = refused([[ a = { type = "integer" }, b = { type = "string", required = true } ]], { a = "x", bb = 1 }, "configuration of blank")
    t.matches(err.message, "'a': integer expected, got \"x\"; 'b' is missing %(string%); unknown key 'bb'; did you mean 'b'")
  end)

  t.it("raises for a key that is not in the schema, and for writing one", function()
    local _, hs = values("")
    t.raises(function() hs:reload [[ local cfg = require "bridge".config { server = { type = "string" } } local x = cfg.sever ]] end,
      "the configuration has no key 'sever'; did you mean 'server'")
    t.raises(function() hs:reload [[ local cfg = require "bridge".config { server = { type = "string" } } cfg.server = "x" ]] end,
      "the configuration cannot be changed by the script")
    hs:reload [[ local cfg = require "bridge".config { server = { type = "string" } } assert(cfg.server == nil) ]]
  end)

  t.it("resolves the alias of a room", function()
    local hs    = t.load("blank.lua", { config = { room = "#lua:test", rooms = { "#lua:test" }, map = { lua = "#lua:test" } } })
    local alice = hs:user("alice")
    local room  = alice:room()
    hs.intent:user(alice.mxid, { token = alice.token }):add_room_alias(room, "lua")
    hs:reload [[
      local bridge = require "bridge"
      local cfg = bridge.config { room = { type = "room" }, rooms = { type = "list", of = "room" }, map = { type = "map", of = "room" } }
      bridge.on("load", function() bridge.store("out"):set("v", { cfg.room, cfg.rooms[1], cfg.map.lua }) end)
    ]]
    t.eq(t.store("out"):get("v"), { room, room, room })
  end)

  t.it("raises for an alias that leads nowhere", function()
    t.eq(refused([[ room = { type = "room" } ]], { room = "#nothing:test" }, "room: there is no room #nothing:test").code, "E_CONFIG")
  end)

  t.it("resolves an alias at the first look when the homeserver did not answer", function()
    local hs    = t.load("blank.lua", { config = { room = "#lua:test" } })
    local alice = hs:user("alice")
    local room  = alice:room()
    hs.intent:user(alice.mxid, { token = alice.token }):add_room_alias(room, "lua")
    t.fault { path = "/directory/room/", refused = true, times = 1 }
    hs:reload [[
      local bridge = require "bridge"
      local cfg = bridge.config { room = { type = "room" } }
      bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
      bridge.on("message", function(evt) local before = rawget(cfg, "room") evt:reply(tostring(before) .. " " .. cfg.room) end)
    ]]
    alice:say(alice:room(), "hello")
    hs:expect_message { body = "nil " .. room }
  end)

  -- A script that tells what its configuration is, with a handler of `config` when it listens.
  local teller = [[
    local bridge = require "bridge"
    local cfg = bridge.config { n = { type = "integer", default = 1, max = 9 }, names = { type = "list", default = {} }, room = { type = "room" } }
    local function tell(how, changed)
      local out = bridge.store("out")
      out:set("v", { how = how, changed = changed, generation = bridge.info.generation, n = cfg.n, names = cfg.names, room = cfg.room })
    end
    bridge.on("load", function() tell("load") end)
  ]]
  local listens = teller .. [[
    bridge.on("config", function(evt) tell("config", evt.changed) if cfg.n == 7 then error("seven") end end)
  ]]

  t.it("hands changed values to the handlers of config, in the table that it gave", function()
    local hs = t.load("blank.lua")
    hs:reload(listens)
    hs:configure { n = 2, names = { "a" } }
    t.eq(t.store("out"):get("v"), { how = "config", changed = { "n", "names" }, generation = 2, n = 2, names = { "a" } })
    hs:configure { names = { "a" } }
    t.eq(t.store("out"):get("v"), { how = "config", changed = { "n" }, generation = 2, n = 1, names = { "a" } })
  end)

  t.it("resolves the alias of a room that comes with a change", function()
    local hs    = t.load("blank.lua")
    local alice = hs:user("alice")
    local room  = alice:room()
    hs.intent:user(alice.mxid, { token = alice.token }):add_room_alias(room, "lua")
    hs:reload(listens)
    hs:configure { room = "#lua:test" }
    t.eq(t.store("out"):get("v").room, room)
  end)

  t.it("loads a script without such a handler again", function()
    local hs = t.load("blank.lua")
    hs:reload(teller)
    hs:configure { n = 2 }
    t.eq(t.store("out"):get("v"), { how = "load", generation = 3, n = 2, names = {} })
  end)

  t.it("leaves the script with its values when the new ones do not fit", function()
    local hs = t.load("blank.lua")
    hs:reload(listens)
    hs:configure { n = 2 }
    for _, source in ipairs { listens, teller } do
      hs:reload(source)
      t.raises(function() hs:configure { n = 99 } end, "configuration of blank: 'n': integer of at most 9 expected, got 99")
      t.eq(t.store("out"):get("v").n, 2)
      hs:configure { n = 2 }
    end
  end)

  t.it("loads the script with the new values when a handler of config raises", function()
    local hs = t.load("blank.lua")
    hs:reload(listens)
    hs:configure { n = 7 }
    hs:expect_error("seven")
    t.eq(t.store("out"):get("v"), { how = "load", generation = 3, n = 7, names = {} })
  end)

  t.it("raises for a schema that is wrong", function()
    refused([[ k = { type = "strin" } ]], {}, "'k' has the unknown type 'strin'; did you mean 'string'")
    refused([[ k = { type = "string", requird = true } ]], {}, "'k' has an unknown field 'requird'; did you mean 'required'")
    refused([[ k = { required = true } ]], {}, "'k' needs a type, one of string, integer")
    refused([[ k = "string", 7 ]], {}, "the keys of a configuration are names, got 1")
    refused([[ k = 7 ]], {}, "'k' must be a table like { type = \"string\" }, got number")
    refused([[ k = { type = "integer", default = "x" } ]], {}, "the default of 'k' is wrong: integer expected")
    refused([[ k = { type = "integer", min = "x" } ]], {}, "'min' of 'k' is wrong: number expected, got string")
  end)

  t.it("is for the top level only", function()
    local hs = t.load("blank.lua")
    local err = t.raises(function() hs:reload [[ local bridge = require "bridge" bridge.on("load", function() bridge.config {} end) ]] end, "bridge%.config must be called at the top level")
    t.eq(err.code, "E_TOP_LEVEL")
  end)
end)
