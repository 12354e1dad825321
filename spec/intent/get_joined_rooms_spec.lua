local t = require "bridge.test"

t.describe("intent:get_joined_rooms", function()
  local hs, bot, ghost, alice

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
  end)

  local function set(list)
    local found = {}
    for _, room in ipairs(list) do found[room] = true end
    return found
  end

  t.it("lists the rooms in which the user is, and not those that it left or is invited to", function()
    local one, two, left, other = alice:room(), alice:room(), alice:room(), alice:room()
    ghost:join_room(one)
    ghost:join_room(two)
    ghost:join_room(left)
    ghost:leave_room(left)
    alice:invite(other, ghost.mxid)
    hs:asked()
    t.eq(set(ghost:get_joined_rooms()), { [one] = true, [two] = true })
    t.eq(hs:asked(), { "GET /joined_rooms" })
  end)

  t.it("registers the user first, and lists nothing for a new one", function()
    t.eq(ghost:get_joined_rooms(), {})
    t.eq(hs:asked(), { "POST /register?kind=user", "GET /joined_rooms" })
  end)

  t.it("asks every time, and the store learns nothing", function()
    local room = alice:room()
    ghost:join_room(room)
    alice:say(room, "hello") -- until then all has been pushed
    bot.state_store:left(room, ghost.mxid)
    hs:asked()
    t.eq(ghost:get_joined_rooms(), { room })
    t.eq(ghost:get_joined_rooms(), { room })
    t.eq(hs:asked(), { "GET /joined_rooms", "GET /joined_rooms" })
    t.eq(bot.state_store:is_joined(room, ghost.mxid), false)
  end)

  t.it("lists those of a double puppet", function()
    local room = alice:room()
    hs:asked()
    t.eq(bot:user(alice.mxid, { token = alice.token }):get_joined_rooms(), { room })
    t.eq(hs:asked(), { "GET /joined_rooms" })
  end)

  t.it("raises when the answer is none", function()
    ghost:ensure_registered()
    t.fault { path = "/joined_rooms", content = { rooms = {} } }
    t.raises(function() ghost:get_joined_rooms() end, "no joined_rooms")
  end)
end)
