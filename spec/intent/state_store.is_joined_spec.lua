local t = require "bridge.test"

t.describe("state_store:is_joined", function()
  local hs, bot, ghost, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("says no of a user of whom nothing is known, and asks nothing", function()
    t.eq(store:is_joined(room, ghost.mxid), false)
    t.eq(hs:asked(), {})
  end)

  t.it("says yes to every intent and to the script when one intent has joined", function()
    bot:join_room(room)
    ghost:ensure_joined(room)
    t.eq(store:is_joined(room, ghost.mxid), true)
    t.eq(hs:ghost("carol").state_store:is_joined(room, ghost.mxid), true)
    hs:reload { source = [[
      local bridge = require "bridge"
      bridge.on("message", function(evt) evt:reply(tostring(intent.state_store:is_joined(evt.room_id, evt.text))) end)
    ]] }
    alice:say(room, ghost.mxid)
    hs:expect_message { body = "true" }
  end)

  t.it("says yes when one of ours has joined in another way", function()
    ghost:ensure_registered()
    ghost.api:request("POST", "/_matrix/client/v3/join/" .. room)
    hs:expect_silence()
    t.eq(store:is_joined(room, ghost.mxid), true)
    hs:asked()
    t.eq(ghost:ensure_joined(room), false)
    t.eq(hs:asked(), {})
  end)

  t.it("says no of who is invited, was kicked, or is banned", function()
    t.eq(store:is_joined(room, bot.mxid), false)
    bot:join_room(room)
    ghost:ensure_joined(room)
    alice:kick(room, ghost.mxid)
    t.eq(store:is_joined(room, ghost.mxid), false)
    alice:ban(room, ghost.mxid)
    t.eq(store:is_joined(room, ghost.mxid), false)
  end)

  t.it("says no of others when the last of ours was kicked: nobody would hear of changes", function()
    local carol = hs:user("carol")
    bot:join_room(room)
    carol:join(room)
    t.eq(store:is_joined(room, carol.mxid), true)
    alice:kick(room, bot.mxid)
    t.eq(store:is_joined(room, bot.mxid), false)
    t.eq(store:is_joined(room, carol.mxid), false)
  end)
end)
