local t = require "bridge.test"

t.describe("state_store:invited", function()
  local hs, bot, ghost, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("makes the user known as invited, and keeps its profile", function()
    store:set_member(room, alice.mxid, { membership = "leave", displayname = "Alice" })
    store:invited(room, alice.mxid)
    t.eq(store:get_member(room, alice.mxid), { membership = "invite", displayname = "Alice" })
    t.eq(hs:asked(), {})
  end)

  t.it("does not make the user known as joined", function()
    store:invited(room, ghost.mxid)
    t.eq(store:is_joined(room, ghost.mxid), false)
    t.eq(ghost:ensure_joined(room), true)
  end)

  t.it("keeps invite_user with check_cache from asking", function()
    bot:join_room(room)
    store:invited(room, ghost.mxid)
    hs:asked()
    bot:invite_user(room, ghost.mxid, { check_cache = true })
    t.eq(hs:asked(), {})
  end)
end)
