local t = require "bridge.test"

t.describe("state_store:get_members", function()
  local hs, bot, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("is an empty list when nobody is known, and asks nothing", function()
    t.eq(store:get_members(alice:room { private = true }, { memberships = { "join" } }), {})
    t.eq(hs:asked(), {})
  end)

  t.it("lists who is joined or invited, in order", function()
    store:joined(room, "@b:example.org")
    store:invited(room, "@a:example.org")
    store:left(room, "@c:example.org")
    store:set_membership(room, "@d:example.org", "ban")
    store:set_membership(room, "@e:example.org", "knock")
    store:left(room, bot.mxid)
    t.eq(store:get_members(room), { "@a:example.org", "@b:example.org" })
  end)

  t.it("lists those of the named memberships only", function()
    store:joined(room, "@b:example.org")
    store:left(room, "@c:example.org")
    store:set_membership(room, "@d:example.org", "ban")
    t.eq(store:get_members(room, { memberships = { "ban", "leave" } }), { "@c:example.org", "@d:example.org" })
    t.eq(store:get_members(room, { memberships = { "invite" } }), { bot.mxid })
  end)

  t.it("follows who comes and goes", function()
    bot:join_room(room)
    local carol = hs:user("carol")
    carol:join(room)
    local known = store:get_members(room)
    table.sort(known)
    local want = { bot.mxid, carol.mxid }
    table.sort(want)
    t.eq(known, want)
    carol:leave(room)
    t.eq(store:get_members(room), { bot.mxid })
  end)
end)
