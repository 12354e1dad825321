local t = require "bridge.test"

t.describe("intent:get_presence", function()
  local hs, bot, ghost, alice, as_alice

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    hs:asked()
  end)

  local function path(user) return "GET /presence/" .. user .. "/status" end

  t.it("registers the user that asks, and asks each time", function()
    t.eq(ghost:get_presence(ghost.mxid).presence, "offline")
    ghost:get_presence(ghost.mxid)
    t.eq(hs:asked(), { "POST /register?kind=user", path(ghost.mxid), path(ghost.mxid) })
  end)

  t.it("tells what a user in the same room shows", function()
    bot:join_room(alice:room())
    as_alice:set_presence { presence = "unavailable", status = "out for lunch" }
    hs:asked()
    local shown = bot:get_presence(alice.mxid)
    t.eq(hs:asked(), { path(alice.mxid) })
    t.eq(shown.presence, "unavailable")
    t.eq(shown.status_msg, "out for lunch")
    t.eq(shown.currently_active, nil)
  end)

  t.it("tells how long ago a user was active, in milliseconds", function()
    ghost:set_presence()
    t.advance("2s")
    local shown = ghost:get_presence(ghost.mxid)
    t.eq(shown.presence, "online")
    t.eq(shown.currently_active, true)
    t.eq(shown.last_active_ago >= 2000 and shown.last_active_ago < 60000, true)
  end)

  t.it("raises M_FORBIDDEN when the two are in no room together", function()
    as_alice:set_presence()
    t.eq(t.raises(function() bot:get_presence(alice.mxid) end).errcode, "M_FORBIDDEN")
  end)

  t.it("raises M_FORBIDDEN for a user who does not exist", function()
    t.eq(t.raises(function() bot:get_presence("@nobody.at.all:" .. hs.server_name) end).errcode, "M_FORBIDDEN")
  end)
end)
