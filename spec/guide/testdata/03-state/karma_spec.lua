local t = require "bridge.test"

t.it("counts, over saves", function()
  local hs = t.load("karma.lua")
  local alice = hs:user("alice")
  local room = alice:room()
  alice:say(room, "!karma")
  hs:expect_notice { body = "Nobody was thanked yet." }
  alice:say(room, "bob++")
  hs:expect_message { body = "bob has 1" }
  hs:reload()
  alice:say(room, "bob++")
  hs:expect_message { body = "bob has 2" }
  alice:say(room, "ann++")
  hs:expect_message { body = "ann has 1" }
  alice:say(room, "!karma")
  t.eq(hs:expect_notice(room).content.body, "ann: 1\nbob: 2")
end)

t.it("keeps memory over a save, and no local", function()
  local hs = t.load("karma.lua")
  local alice = hs:user("alice")
  local room = alice:room()
  local source = [[
    local bridge = require "bridge"
    local n = 0
    bridge.on("message", function(evt)
      n = n + 1
      local m = bridge.memory("m"):update("n", function(m) return (m or 0) + 1 end)
      evt:reply(n .. " and " .. m)
    end) ]]
  hs:reload(source)
  alice:say(room, "hello")
  hs:expect_message { body = "1 and 1" }
  hs:reload(source .. "-- another")
  alice:say(room, "hello")
  hs:expect_message { body = "1 and 2" }
end)
