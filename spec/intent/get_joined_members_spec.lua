local t = require "bridge.test"

t.describe("intent:get_joined_members", function()
  local hs, bot, ghost, alice, as_alice, store

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    store    = bot.state_store
    hs:asked()
  end)

  t.it("registers and joins the user first, and returns who is in the room", function()
    as_alice:set_displayname("Alice")
    as_alice:set_avatar_url("mxc://example.org/alice")
    local room = alice:room()
    hs:asked()
    local members = ghost:get_joined_members(room)
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. room, "GET /rooms/" .. room .. "/joined_members" })
    t.eq(members[alice.mxid], { membership = "join", displayname = "Alice", avatar_url = "mxc://example.org/alice" })
    t.eq(members[ghost.mxid].membership, "join")
    t.eq(members[bot.mxid], nil) -- is invited
  end)

  t.it("returns no name and no picture of one that has none", function()
    as_alice:set_displayname("")
    local room = alice:room()
    t.eq(ghost:get_joined_members(room)[alice.mxid], { membership = "join" })
  end)

  t.it("replaces those whom the store knows to be in the room, and leaves the others", function()
    local room, carol, dave = alice:room(), hs:user("carol").mxid, hs:user("dave").mxid
    store:joined(room, carol)
    store:invited(room, dave)
    ghost:get_joined_members(room)
    t.eq(store:is_joined(room, carol), false)
    t.eq(store:get_membership(room, dave), "invite")
    t.eq(store:is_joined(room, alice.mxid), true)
    t.eq(store:has_full_member_list(room), true)
  end)

  t.it("asks each time", function()
    local room = alice:room()
    ghost:get_joined_members(room)
    hs:user("carol"):join(room)
    hs:asked()
    t.eq(ghost:get_joined_members(room)[hs:user("carol").mxid].membership, "join")
    t.eq(hs:asked(), { "GET /rooms/" .. room .. "/joined_members" })
  end)

  t.it("joins nothing with ensure_joined = false, which is enough where another of the script's users is", function()
    local room = alice:room()
    bot:join_room(room)
    ghost:ensure_registered()
    hs:asked()
    t.eq(ghost:get_joined_members(room, { ensure_joined = false })[bot.mxid].membership, "join")
    t.eq(hs:asked(), { "GET /rooms/" .. room .. "/joined_members" })
  end)

  t.it("tells M_FORBIDDEN where none of them is", function()
    local room = alice:room()
    ghost:ensure_registered()
    local err = t.raises(function() ghost:get_joined_members(room, { ensure_joined = false }) end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
  end)
end)
