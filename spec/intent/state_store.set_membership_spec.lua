local t = require "bridge.test"

t.describe("state_store:set_membership", function()
  local hs, bot, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("changes the membership and keeps the profile", function()
    store:set_member(room, alice.mxid, { membership = "join", displayname = "Alice", avatar_url = "mxc://example.org/alice" })
    for _, membership in ipairs { "ban", "leave", "knock", "invite", "join" } do
      store:set_membership(room, alice.mxid, membership)
      t.eq(store:get_member(room, alice.mxid), { membership = membership, displayname = "Alice", avatar_url = "mxc://example.org/alice" })
    end
    t.eq(hs:asked(), {})
  end)

  t.it("makes a member known that was not", function()
    store:set_membership(room, alice.mxid, "ban")
    t.eq(store:get_member(room, alice.mxid), { membership = "ban" })
  end)

  t.it("refuses a word that is no membership", function()
    t.raises(function() store:set_membership(room, alice.mxid, "joined") end, "membership")
    t.eq(store:get_member(room, alice.mxid), nil)
  end)

  t.it("is remembered after a reload", function()
    store:set_membership(room, alice.mxid, "knock")
    hs:reload()
    t.eq(hs.intent.state_store:get_membership(room, alice.mxid), "knock")
  end)
end)
