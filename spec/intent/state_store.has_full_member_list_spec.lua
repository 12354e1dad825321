local t = require "bridge.test"

t.describe("state_store:has_full_member_list", function()
  local hs, bot, ghost, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("says no when only some members are known, and asks nothing", function()
    t.eq(store:has_full_member_list(room), false)
    store:joined(room, alice.mxid)
    t.eq(store:has_full_member_list(room), false)
    t.eq(hs:asked(), {})
  end)

  t.it("says yes when everybody who is in the room was asked for", function()
    bot:join_room(room)
    bot:get_joined_members(room)
    t.eq(store:has_full_member_list(room), true)
    hs:reload()
    t.eq(store:has_full_member_list(room), true)
  end)

  t.it("still says yes when somebody comes or goes", function()
    bot:join_room(room)
    bot:get_joined_members(room)
    local carol = hs:user("carol")
    carol:join(room)
    carol:leave(room)
    t.eq(store:has_full_member_list(room), true)
  end)

  t.it("says no when the room was upgraded", function()
    bot:join_room(room)
    bot:get_joined_members(room)
    alice:send(room, "m.room.tombstone", { body = "it moved", replacement_room = alice:room() }, { state_key = "" })
    t.eq(store:has_full_member_list(room), false)
  end)

  t.it("says no when the last of ours was kicked, or has left", function()
    bot:join_room(room)
    ghost:ensure_joined(room)
    bot:get_joined_members(room)
    alice:kick(room, bot.mxid)
    t.eq(store:has_full_member_list(room), true)
    ghost:leave_room(room)
    t.eq(store:has_full_member_list(room), false)
  end)
end)
