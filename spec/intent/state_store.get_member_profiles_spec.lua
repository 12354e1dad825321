local t = require "bridge.test"

t.describe("state_store:get_member_profiles", function()
  local hs, bot, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("is empty when nobody is known, and asks nothing", function()
    t.eq(store:get_member_profiles("!nowhere:example.org"), {})
    t.eq(hs:asked(), {})
  end)

  t.it("tells membership and profile of who is joined or invited", function()
    store:set_members(room, {
      ["@a:example.org"] = { membership = "join", displayname = "A", avatar_url = "mxc://example.org/a" },
      ["@b:example.org"] = { membership = "invite" },
      ["@c:example.org"] = { membership = "leave", displayname = "C" },
    })
    t.eq(store:get_member_profiles(room), {
      ["@a:example.org"] = { membership = "join", displayname = "A", avatar_url = "mxc://example.org/a" },
      ["@b:example.org"] = { membership = "invite" },
    })
  end)

  t.it("tells of the named memberships only", function()
    local gone = { membership = "leave", displayname = "C" }
    store:set_members(room, { ["@b:example.org"] = { membership = "invite" }, ["@c:example.org"] = gone })
    t.eq(store:get_member_profiles(room, { memberships = { "leave" } }), { ["@c:example.org"] = gone })
  end)

  t.it("is what get_joined_members was answered", function()
    bot:join_room(room)
    local members = bot:get_joined_members(room)
    t.eq(members[alice.mxid].membership, "join")
    t.eq(store:get_member_profiles(room), members)
  end)
end)
