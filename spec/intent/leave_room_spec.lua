local t = require "bridge.test"

t.describe("intent:leave_room", function()
  local hs, bot, ghost, alice, as_alice, store, room

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    store    = bot.state_store
    room     = alice:room()
    ghost:join_room(room)
    hs:asked()
  end)

  local function leave() return "POST /rooms/" .. room .. "/leave" end
  local function member(user) return "PUT /rooms/" .. room .. "/state/m.room.member/" .. user end

  t.it("leaves, and the store knows", function()
    t.eq(ghost:leave_room(room), nil)
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, leave())
    t.eq(made[1].content, {})
    t.eq(made[1].user, ghost.mxid)
    t.eq(hs:members(room)[ghost.mxid], "leave")
    t.eq(store:get_membership(room, ghost.mxid), "leave")
    t.eq(store:is_joined(room, ghost.mxid), false)
  end)

  t.it("gives a reason", function()
    ghost:leave_room(room, { reason = "good night" })
    t.eq(hs:requests()[1].content, { reason = "good night" })
    t.eq(hs:state(room, "m.room.member", ghost.mxid).reason, "good night")
  end)

  t.it("registers the user first, and does not join", function()
    local other = hs:ghost("carl")
    other:leave_room(room)
    t.eq(hs:asked(), { "POST /register?kind=user", leave() })
    t.eq(hs:members(room)[other.mxid], nil)
  end)

  t.it("takes it as success that the user is not in the room, and remembers it", function()
    local other = hs:ghost("carl")
    other:ensure_registered()
    store:joined(room, other.mxid)
    other:leave_room(room)
    t.eq(store:is_joined(room, other.mxid), false)
    t.eq(store:get_membership(room, other.mxid), "leave")
  end)

  t.it("takes it as success, too, with extra content", function()
    local other = hs:ghost("carl")
    other:ensure_registered()
    store:joined(room, other.mxid)
    other:leave_room(room, { extra_content = { ["org.example.why"] = "gone" } })
    t.eq(store:is_joined(room, other.mxid), false)
  end)

  t.it("takes newer servers' code for it as well", function()
    t.fault { path = "/leave", status = 403, errcode = "M_NOT_JOINED", error = "You are elsewhere" }
    ghost:leave_room(room)
    t.eq(store:get_membership(room, ghost.mxid), "leave")
  end)

  t.it("raises it with raise_not_in_room", function()
    local other = hs:ghost("carl")
    other:ensure_registered()
    local failed = t.raises(function() other:leave_room(room, { raise_not_in_room = true }) end, "not in room")
    t.eq(failed.errcode, "M_FORBIDDEN")
    t.eq(failed.status, 403)
  end)

  t.it("raises every other refusal, and the store keeps what it knew", function()
    t.fault { path = "/leave", status = 403, errcode = "M_FORBIDDEN", error = "you must stay" }
    local failed = t.raises(function() ghost:leave_room(room) end, "leave_room as .*you must stay")
    t.eq(failed.errcode, "M_FORBIDDEN")
    t.eq(store:is_joined(room, ghost.mxid), true)
  end)

  t.it("refuses an invitation", function()
    local private = alice:room { private = true }
    bot:leave_room(private)
    t.eq(hs:members(private)[bot.mxid], "leave")
    t.eq(store:get_membership(private, bot.mxid), "leave")
  end)

  t.it("does not take a banned user for one who has left", function()
    alice:ban(room, ghost.mxid)
    t.eq(store:get_membership(room, ghost.mxid), "ban")
    ghost:leave_room(room)
    t.eq(hs:members(room)[ghost.mxid], "ban")
    t.eq(store:get_membership(room, ghost.mxid), "ban")
  end)

  t.it("sends the membership event itself for extra content, with reason and known name", function()
    store:set_member(room, ghost.mxid, { membership = "join", displayname = "Bob", avatar_url = "mxc://test/bob" })
    ghost:leave_room(room, { reason = "good night", extra_content = { ["org.example.why"] = { "late" } } })
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, member(ghost.mxid))
    t.eq(made[1].content, { membership = "leave", reason = "good night", displayname = "Bob", avatar_url = "mxc://test/bob",
      ["org.example.why"] = { "late" } })
    t.eq(hs:state(room, "m.room.member", ghost.mxid)["org.example.why"], { "late" })
    t.eq(store:get_membership(room, ghost.mxid), "leave")
  end)

  t.it("asks for the name of a user of whom nothing is known", function()
    local private = alice:room { private = true }
    local other = hs:ghost("carl")
    other:ensure_registered()
    other:set_displayname("Carl")
    hs:asked()
    other:leave_room(private, { extra_content = { ["org.example.why"] = "gone" } })
    local made = hs:requests()
    t.eq(#made, 2)
    t.eq(made[1].line, "GET /profile/" .. other.mxid)
    t.eq(made[2].content, { membership = "leave", displayname = "Carl", ["org.example.why"] = "gone" })
  end)

  t.it("sends none for empty extra content", function()
    ghost:leave_room(room, { extra_content = {} })
    t.eq(hs:asked(), { leave() })
  end)

  t.it("marks the leave of a double puppet, reason included", function()
    hs:asked()
    as_alice:leave_room(room, { reason = "enough" })
    local made = hs:requests()
    t.eq(made[#made].line, member(alice.mxid))
    t.eq(made[#made].user, nil)
    local content = hs:state(room, "m.room.member", alice.mxid)
    t.eq(content.membership, "leave")
    t.eq(content.reason, "enough")
    t.eq(content["fi.mau.double_puppet_source"], "bridgehost")
  end)

  t.it("refuses an empty room ID and asks nothing", function()
    t.raises(function() ghost:leave_room("") end)
    t.eq(hs:asked(), {})
  end)
end)
