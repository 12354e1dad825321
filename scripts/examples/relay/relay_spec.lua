local t = require "bridge.test"

t.describe("relay.lua", function()
  local hs, alice, bob, kitchen, garden

  local function join(user, room, name)
    user:say(room, "!relay " .. name)
    hs:expect_notice { room = room, body = "Rooms joined as .*" }
  end

  t.before_each(function()
    hs = t.load("relay.lua")
    alice, bob = hs:user("alice"), hs:user("bob")
    kitchen, garden = alice:room("kitchen"), bob:room("garden")
    hs:expect_notice(kitchen)
    hs:expect_notice(garden)
  end)

  t.it("says in one room what was said in the other, through a ghost", function()
    join(alice, kitchen, "tea")
    join(bob, garden, "tea")
    alice:say(kitchen, "the kettle is on")
    local evt = hs:expect_message { room = garden, body = "the kettle is on" }
    t.eq(hs:state(garden, "m.room.member", evt.sender).displayname, "alice")
    bob:say(garden, "coming")
    hs:expect_message { room = kitchen, body = "coming" }
    hs:expect_silence()
  end)

  t.it("keeps rooms of other names apart", function()
    join(alice, kitchen, "tea")
    join(bob, garden, "coffee")
    alice:say(kitchen, "nobody hears this")
    hs:expect_silence()
  end)

  t.it("takes a room out again, and its ghosts with it", function()
    join(alice, kitchen, "tea")
    join(bob, garden, "tea")
    alice:say(kitchen, "hello")
    local ghost = hs:expect_message { room = garden }.sender
    bob:say(garden, "!relay off")
    hs:expect_notice { room = garden, body = "This room is joined to none now." }
    t.eq(hs:members(garden)[ghost], "leave")
    alice:say(kitchen, "nobody hears this")
    hs:expect_silence()
  end)

  t.it("asks for power before it joins rooms", function()
    local mallory = hs:user("mallory")
    mallory:say(kitchen, "!relay tea")
    t.matches(hs:expect_notice(kitchen).content.body, "power")
  end)
end)
