local t = require "bridge.test"

t.describe("intent:ensure_joined", function()
  local hs, bot, ghost, alice, as_alice

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
  end)

  t.it("registers the user, joins, and tells that it joined just now", function()
    local room = alice:room()
    hs:asked()
    t.eq(ghost:ensure_joined(room), true)
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. room })
    t.eq(hs:members(room)[ghost.mxid], "join")
    t.eq(ghost.state_store:is_joined(room, ghost.mxid), true)
  end)

  t.it("asks nothing when the store knows that the user is in the room", function()
    local room = alice:room()
    ghost:ensure_joined(room)
    hs:asked()
    t.eq(ghost:ensure_joined(room), false)
    t.eq(hs:asked(), {})
  end)

  t.it("asks even so with ignore_cache", function()
    local room = alice:room()
    ghost:ensure_joined(room)
    hs:asked()
    t.eq(ghost:ensure_joined(room, { ignore_cache = true }), true)
    t.eq(hs:asked(), { "POST /join/" .. room })
  end)

  t.it("lets the bot invite the user into a private room", function()
    local room = alice:room { private = true }
    bot:join_room(room)
    as_alice:set_power_levels(room, { users = { [bot.mxid] = 50 }, invite = 50 })
    hs:asked()
    t.eq(ghost:ensure_joined(room), true)
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. room, "POST /rooms/" .. room .. "/invite", "POST /join/" .. room })
  end)

  t.it("lets the bot unban a banned user, and invite it", function()
    local room = alice:room()
    bot:join_room(room)
    as_alice:set_power_levels(room, { users = { [bot.mxid] = 50 } })
    ghost:ensure_joined(room)
    alice:ban(room, ghost.mxid)
    hs:asked()
    t.eq(ghost:ensure_joined(room), true)
    t.eq(hs:members(room)[ghost.mxid], "join")
  end)
end)
