local t = require "bridge.test"

t.describe("state_store:get_members_filtered", function()
  local hs, bot, ghost, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  local function fill()
    store:joined(room, "@b_1:example.org")
    store:joined(room, "@b_2:other.example")
    store:joined(room, "@carol:example.org")
    store:joined(room, "@bot:example.org")
    store:invited(room, "@dan:example.org")
    store:set_membership(room, "@erin:example.org", "ban")
    store:left(room, bot.mxid)
  end

  t.it("leaves out who has both prefix and suffix, and the one that is named", function()
    fill()
    t.eq(store:get_members_filtered(room, "@b_", ":example.org", "@bot:example.org"),
      { "@b_2:other.example", "@carol:example.org", "@dan:example.org" })
    t.eq(hs:asked(), {})
  end)

  t.it("looks at the named memberships only", function()
    fill()
    t.eq(store:get_members_filtered(room, "@b_", ":example.org", "@bot:example.org", { memberships = { "ban", "invite" } }),
      { "@dan:example.org", "@erin:example.org" })
  end)

  t.it("finds the people of a room among the bridge's own users", function()
    bot:join_room(room)
    ghost:ensure_joined(room)
    local carol = hs:user("carol")
    carol:join(room)
    local prefix = ghost.mxid:match("^@_bh_")
    t.eq(store:get_members_filtered(room, prefix, ":" .. bot.domain, bot.mxid), { carol.mxid })
  end)

  t.it("is an empty list when nobody is known", function()
    t.eq(store:get_members_filtered("!nowhere:example.org", "@b_", ":example.org", "@bot:example.org"), {})
  end)
end)
