local t = require "bridge.test"

t.describe("state_store:get_membership", function()
  local hs, bot, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("says leave when nothing is known, and asks nothing", function()
    t.eq(store:get_membership(room, alice.mxid), "leave")
    t.eq(hs:asked(), {})
  end)

  t.it("follows what the homeserver tells of others", function()
    bot:join_room(room)
    local carol = hs:user("carol")
    alice:invite(room, carol.mxid)
    t.eq(store:get_membership(room, carol.mxid), "invite")
    carol:join(room)
    t.eq(store:get_membership(room, carol.mxid), "join")
    alice:ban(room, carol.mxid)
    t.eq(store:get_membership(room, carol.mxid), "ban")
    alice:unban(room, carol.mxid)
    t.eq(store:get_membership(room, carol.mxid), "leave")
  end)

  t.it("follows what calls do", function()
    t.eq(store:get_membership(room, bot.mxid), "invite")
    bot:join_room(room)
    t.eq(store:get_membership(room, bot.mxid), "join")
    bot:leave_room(room)
    t.eq(store:get_membership(room, bot.mxid), "leave")
  end)

  t.it("tells a handler what the event that it handles has changed", function()
    hs:reload { source = [[
      local bridge = require "bridge"
      bridge.on("m.room.member", function(evt)
        local membership = intent.state_store:get_membership(evt.room_id, evt.state_key)
        if evt.state_key ~= intent.mxid then intent:send_text(evt.room_id, membership) end
      end)
    ]] }
    bot:join_room(room)
    local carol = hs:user("carol")
    carol:join(room)
    hs:expect_message { room = room, body = "join" }
    carol:leave(room)
    hs:expect_message { room = room, body = "leave" }
  end)
end)
