local t = require "bridge.test"

t.describe("tearoom.lua", function()
  local hs, alice, bob, room

  t.before_each(function()
    hs = t.load("tearoom.lua")
    alice, bob = hs:user("alice"), hs:user("bob")
    room = alice:room()
  end)

  t.it("welcomes, and says what people feel", function()
    bob:join(room)
    hs:expect_notice { room = room, body = "Welcome, bob!" }
    local said = alice:say(room, "good morning")
    bob:react(room, said, "👍")
    hs:expect_notice { body = "bob says 👍" }
    hs:expect_silence()
  end)

  t.it("reacts to tea, not to notices and not to edits", function()
    local said = alice:say(room, "Tea?")
    local bot = hs.intent
    local relations = bot:get_relations(room, said)
    t.eq(#relations.chunk, 1)
    t.eq(relations.chunk[1].content["m.relates_to"].key, "🫖")
    said = alice:say(room, { msgtype = "m.notice", body = "tea" })
    t.eq(#bot:get_relations(room, said).chunk, 0)
  end)
end)
