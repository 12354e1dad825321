local t = require "bridge.test"

t.describe("state_store:joined", function()
  local hs, bot, ghost, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("makes the user known as joined, and keeps its profile", function()
    store:set_member(room, alice.mxid, { membership = "invite", displayname = "Alice", avatar_url = "mxc://example.org/alice" })
    store:joined(room, alice.mxid)
    t.eq(store:get_member(room, alice.mxid), { membership = "join", displayname = "Alice", avatar_url = "mxc://example.org/alice" })
    t.eq(hs:asked(), {})
  end)

  t.it("keeps ensure_joined from asking", function()
    store:joined(room, ghost.mxid)
    t.eq(ghost:ensure_joined(room), false)
    t.eq(hs:asked(), {})
  end)

  t.it("is corrected when the homeserver says that the user is not in the room", function()
    bot:join_room(room)
    bot:send_text(room, "the levels are known now")
    ghost:ensure_registered()
    store:joined(room, ghost.mxid)
    hs:asked()
    ghost:send_text(room, "hello")
    t.eq(hs:asked(), { "PUT /rooms/" .. room .. "/send/m.room.message/TXN", "POST /join/" .. room,
                       "PUT /rooms/" .. room .. "/send/m.room.message/TXN" })
    t.eq(hs:members(room)[ghost.mxid], "join")
  end)

  t.it("is corrected as well when the levels have to be asked for first", function()
    ghost:ensure_registered()
    store:joined(room, ghost.mxid)
    hs:asked()
    ghost:send_text(room, "hello")
    t.eq(hs:asked(), { "GET /rooms/" .. room .. "/state/m.room.power_levels", "POST /join/" .. room,
                       "GET /rooms/" .. room .. "/state/m.room.power_levels", "GET /rooms/" .. room .. "/state/m.room.create?format=event",
                       "PUT /rooms/" .. room .. "/send/m.room.message/TXN" })
  end)

  t.it("is corrected once only: then the error is raised, and the user is not known as joined", function()
    local private = alice:room { private = true }
    bot:join_room(private)
    bot:send_text(private, "the levels are known now")
    local as_alice = bot:user(alice.mxid, { token = alice.token })
    as_alice:set_power_levels(private, { invite = 100 })
    ghost:ensure_registered()
    store:joined(private, ghost.mxid)
    hs:asked()
    t.eq(t.raises(function() ghost:send_text(private, "hello") end).errcode, "M_FORBIDDEN")
    t.eq(hs:asked(), { "PUT /rooms/" .. private .. "/send/m.room.message/TXN", "POST /join/" .. private,
                       "POST /rooms/" .. private .. "/invite" })
    t.eq(store:is_joined(private, ghost.mxid), false)
  end)
end)
