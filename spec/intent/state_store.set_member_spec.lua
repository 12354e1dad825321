local t    = require "bridge.test"
local json = require "bridge.json"

t.describe("state_store:set_member", function()
  local hs, bot, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("replaces what is known of a member, its profile included", function()
    store:set_member(room, alice.mxid, { membership = "join", displayname = "Alice", avatar_url = "mxc://example.org/alice" })
    store:set_member(room, alice.mxid, { membership = "invite", displayname = "A." })
    t.eq(store:get_member(room, alice.mxid), { membership = "invite", displayname = "A." })
    t.eq(hs:asked(), {})
  end)

  t.it("is what get_room_member_info answers without asking", function()
    bot:join_room(room)
    store:set_member(room, alice.mxid, { membership = "join", displayname = "Somebody" })
    hs:asked()
    t.eq(bot:get_room_displayname(room, alice.mxid), "Somebody")
    t.eq(hs:asked(), {})
  end)

  t.it("takes a name or a picture that is no string for none", function()
    store:set_member(room, alice.mxid, { membership = "join", displayname = 5, avatar_url = json.null })
    t.eq(store:get_member(room, alice.mxid), { membership = "join" })
  end)

  t.it("refuses a member without a membership, or with a word that is none", function()
    t.raises(function() store:set_member(room, alice.mxid, { displayname = "Alice" }) end, "membership")
    t.raises(function() store:set_member(room, alice.mxid, { membership = "joined" }) end, "membership")
    t.eq(store:get_member(room, alice.mxid), nil)
  end)
end)
