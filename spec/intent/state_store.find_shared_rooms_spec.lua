local t = require "bridge.test"

t.describe("state_store:find_shared_rooms", function()
  local hs, bot, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("is an empty list for a user of whom nothing is known, and asks nothing", function()
    t.eq(store:find_shared_rooms(alice.mxid), {})
    t.eq(hs:asked(), {})
  end)

  t.it("lists the rooms that the user is known to be in, in order, whatever room version", function()
    local carol, rooms = hs:user("carol"), { "!old:example.org" }
    store:joined("!old:example.org", carol.mxid)
    for i = 1, 2 do
      rooms[i + 1] = alice:room()
      t.eq(rooms[i + 1]:find(":"), nil)
      bot:join_room(rooms[i + 1])
      carol:join(rooms[i + 1])
    end
    table.sort(rooms)
    t.eq(store:find_shared_rooms(carol.mxid), rooms)
  end)

  t.it("lists no room that the user is invited to, has left, or is banned from", function()
    store:invited("!a:example.org", alice.mxid)
    store:joined("!b:example.org", alice.mxid)
    store:left("!b:example.org", alice.mxid)
    store:set_membership("!c:example.org", alice.mxid, "ban")
    t.eq(store:find_shared_rooms(alice.mxid), {})
  end)

  t.it("lists no room that the last of ours was kicked from", function()
    local carol = hs:user("carol")
    bot:join_room(room)
    carol:join(room)
    alice:kick(room, bot.mxid)
    t.eq(store:find_shared_rooms(carol.mxid), {})
  end)
end)
