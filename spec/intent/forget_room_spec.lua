local t = require "bridge.test"

t.describe("intent:forget_room", function()
  local hs, bot, ghost, alice, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    room  = alice:room()
    ghost:join_room(room)
    hs:asked()
  end)

  local function forget() return "POST /rooms/" .. room .. "/forget" end

  t.it("forgets a room that was left: its state is not shown any more", function()
    ghost:leave_room(room)
    local address = "/_matrix/client/v3/rooms/" .. room .. "/state"
    ghost.api:request("GET", address)
    hs:asked()
    t.eq(ghost:forget_room(room), nil)
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, forget())
    t.eq(made[1].content, {})
    t.eq(made[1].user, ghost.mxid)
    t.eq(t.raises(function() ghost.api:request("GET", address) end).errcode, "M_FORBIDDEN")
  end)

  t.it("registers the user first", function()
    local other = hs:ghost("carl")
    other:forget_room(room)
    t.eq(hs:asked(), { "POST /register?kind=user", forget() })
  end)

  t.it("raises M_UNKNOWN while the user is in the room", function()
    local failed = t.raises(function() ghost:forget_room(room) end, "forget_room as ")
    t.eq(failed.errcode, "M_UNKNOWN")
    t.eq(failed.status, 400)
  end)

  t.it("forgets a room that the user was banned from", function()
    alice:ban(room, ghost.mxid)
    ghost:forget_room(room)
    t.eq(hs:asked(), { forget() })
  end)

  t.it("keeps what the store knows", function()
    ghost:leave_room(room)
    ghost:forget_room(room)
    t.eq(bot.state_store:get_membership(room, ghost.mxid), "leave")
  end)

  t.it("refuses an empty room ID and asks nothing", function()
    t.raises(function() ghost:forget_room("") end)
    t.eq(hs:asked(), {})
  end)
end)
