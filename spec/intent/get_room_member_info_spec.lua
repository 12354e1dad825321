local t = require "bridge.test"

t.describe("intent:get_room_member_info", function()
  local hs, bot, ghost, alice, as_alice, room

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    as_alice:set_displayname("Alice A.")
    as_alice:set_avatar_url("mxc://" .. hs.server_name .. "/face")
    room = alice:room()
    hs:asked()
  end)

  local function path(user) return "GET /rooms/" .. room .. "/state/m.room.member/" .. user end

  local function face() return "mxc://" .. hs.server_name .. "/face" end

  t.it("joins the room first, asks the homeserver, and remembers the answer", function()
    local info = ghost:get_room_member_info(room, alice.mxid)
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. room, path(alice.mxid) })
    t.eq(info, { membership = "join", displayname = "Alice A.", avatar_url = face() })
    t.eq(ghost.state_store:get_member(room, alice.mxid), info)
    t.eq(ghost:get_room_member_info(room, alice.mxid), info)
    t.eq(hs:asked(), {})
  end)

  t.it("asks nothing and joins nothing when the store knows the member", function()
    ghost.state_store:set_member(room, alice.mxid, { membership = "join", displayname = "Known" })
    t.eq(ghost:get_room_member_info(room, alice.mxid), { membership = "join", displayname = "Known" })
    t.eq(hs:asked(), {})
  end)

  t.it("asks even so with ignore_cache, and corrects the store", function()
    bot:join_room(room)
    bot.state_store:set_member(room, alice.mxid, { membership = "join", displayname = "Known" })
    hs:asked()
    t.eq(bot:get_room_member_info(room, alice.mxid, { ignore_cache = true }).displayname, "Alice A.")
    t.eq(hs:asked(), { path(alice.mxid) })
    t.eq(bot.state_store:get_member(room, alice.mxid).displayname, "Alice A.")
  end)

  t.it("tells of those who are invited, and of those who have left", function()
    local carol = hs:user("carol")
    bot:join_room(room)
    alice:invite(room, carol.mxid)
    t.eq(bot:get_room_member_info(room, carol.mxid).membership, "invite")
    carol:join(room)
    carol:leave(room)
    hs:asked()
    t.eq(bot:get_room_member_info(room, carol.mxid), { membership = "leave" })
    t.eq(hs:asked(), {})
  end)

  t.it("asks for users with odd names", function()
    local odd = hs:user("odd/user")
    odd:join(room)
    bot:join_room(room)
    hs:requests()
    t.eq(bot:get_room_member_info(room, odd.mxid, { ignore_cache = true }).membership, "join")
    t.matches(hs:requests()[1].raw_path, "odd%%2F")
  end)

  t.it("raises M_NOT_FOUND for a user who was never there", function()
    local stranger = hs:user("stranger")
    bot:join_room(room)
    local err = t.raises(function() bot:get_room_member_info(room, stranger.mxid) end)
    t.eq(err.errcode, "M_NOT_FOUND")
    t.eq(bot.state_store:get_member(room, stranger.mxid), nil)
  end)

  t.it("raises M_FORBIDDEN when the user cannot join the room", function()
    local closed = alice:room { private = true }
    alice:send(closed, "m.room.power_levels", { invite = 50 }, { state_key = "" })
    local err = t.raises(function() ghost:get_room_member_info(closed, alice.mxid) end)
    t.eq(err.errcode, "M_FORBIDDEN")
  end)
end)
