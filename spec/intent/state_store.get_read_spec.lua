local t = require "bridge.test"

t.describe("state_store:get_read", function()
  local hs, bot, ghost, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("returns nil when nothing was marked, and asks nothing", function()
    t.eq(store:get_read(room, ghost.mxid), nil)
    t.eq(hs:asked(), {})
  end)

  t.it("returns what the user has last marked as read, in that room", function()
    local first, second = alice:say(room, "one"), alice:say(room, "two")
    ghost:ensure_joined(room)
    ghost:mark_read(room, first)
    t.eq(store:get_read(room, ghost.mxid), first)
    ghost:mark_read(room, second)
    t.eq(store:get_read(room, ghost.mxid), second)
    t.eq(store:get_read(room, bot.mxid), nil)
    t.eq(store:get_read(alice:room(), ghost.mxid), nil)
  end)

  t.it("returns nil when marking failed", function()
    local event = alice:say(room, "one")
    ghost:ensure_joined(room)
    t.fault { path = "/read_markers", status = 403, errcode = "M_FORBIDDEN", error = "no" }
    t.raises(function() ghost:mark_read(room, event) end)
    t.eq(store:get_read(room, ghost.mxid), nil)
  end)
end)
