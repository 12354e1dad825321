local t = require "bridge.test"

t.describe("intent:get_room_displayname", function()
  local hs, bot, ghost, alice, as_alice, room, value

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    value    = "Alice A."
    as_alice:set_displayname(value)
    room = alice:room()
    hs:asked()
  end)

  local function path() return "GET /rooms/" .. room .. "/state/m.room.member/" .. alice.mxid end

  t.it("joins the room first, asks the homeserver for the member, and remembers it", function()
    t.eq(ghost:get_room_displayname(room, alice.mxid), value)
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. room, path() })
    t.eq(ghost:get_room_displayname(room, alice.mxid), value)
    t.eq(hs:asked(), {})
    t.eq(ghost.state_store:get_member(room, alice.mxid).displayname, value)
  end)

  t.it("asks nothing when the store knows the member", function()
    ghost.state_store:set_member(room, alice.mxid, { membership = "join", displayname = "Known" })
    t.eq(ghost:get_room_displayname(room, alice.mxid), "Known")
    t.eq(hs:asked(), {})
  end)

  t.it("asks even so with ignore_cache", function()
    bot:join_room(room)
    bot.state_store:set_member(room, alice.mxid, { membership = "join", displayname = "Known" })
    hs:asked()
    t.eq(bot:get_room_displayname(room, alice.mxid, { ignore_cache = true }), value)
    t.eq(hs:asked(), { path() })
  end)

  t.it("is nil for a member without one, and does not ask again", function()
    as_alice:set_displayname("")
    room = alice:room()
    bot:join_room(room)
    hs:asked()
    t.eq(bot:get_room_displayname(room, alice.mxid), nil)
    t.eq(hs:asked(), { path() })
    t.eq(bot:get_room_displayname(room, alice.mxid), nil)
    t.eq(hs:asked(), {})
  end)

  t.it("tells what the room shows, not the profile", function()
    bot:join_room(room)
    local other = "Known"
    alice:send(room, "m.room.member", { membership = "join", displayname = other }, { state_key = alice.mxid })
    t.eq(bot:get_room_displayname(room, alice.mxid), other)
    t.eq(bot:get_displayname(alice.mxid), value)
  end)

  t.it("raises M_NOT_FOUND for a user who was never there", function()
    local stranger = hs:user("stranger")
    bot:join_room(room)
    t.eq(t.raises(function() bot:get_room_displayname(room, stranger.mxid) end).errcode, "M_NOT_FOUND")
  end)

  t.it("raises M_FORBIDDEN when the user cannot join the room", function()
    local closed = alice:room { private = true }
    alice:send(closed, "m.room.power_levels", { invite = 50 }, { state_key = "" })
    t.eq(t.raises(function() ghost:get_room_displayname(closed, alice.mxid) end).errcode, "M_FORBIDDEN")
  end)
end)
