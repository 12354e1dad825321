local t = require "bridge.test"

t.describe("intent:whoami", function()
  local hs, bot, ghost, alice

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    hs:asked()
  end)

  t.it("asks the homeserver whom it takes the user for", function()
    for _, own in ipairs { bot, ghost } do
      own:ensure_registered()
      hs:requests()
      t.eq(own:whoami(), { user_id = own.mxid, is_guest = false })
      local made = hs:requests()
      t.eq(#made, 1)
      t.eq(made[1].line, "GET /account/whoami")
      t.eq(made[1].user, own.mxid)
    end
  end)

  t.it("asks each time", function()
    bot:ensure_registered()
    hs:asked()
    bot:whoami()
    bot:whoami()
    t.eq(#hs:asked(), 2)
  end)

  t.it("asks with a double puppet's own token, and tells its device", function()
    local me = bot:user(alice.mxid, { token = alice.token }):whoami()
    t.eq(me.user_id, alice.mxid)
    t.matches(me.device_id, "%w")
    local made = hs:requests()[1]
    t.eq(made.user, nil)
    t.eq(made.headers.authorization, "Bearer " .. alice.token)
  end)

  t.it("raises M_UNKNOWN_TOKEN for a double puppet whose token is not good any more", function()
    local puppet = bot:user(alice.mxid, { token = "gone" })
    t.eq(t.raises(function() puppet:whoami() end).errcode, "M_UNKNOWN_TOKEN")
  end)

  t.it("registers a user that the homeserver turns out not to know", function()
    t.eq(ghost:whoami().user_id, ghost.mxid)
    t.eq(hs:asked(), { "GET /account/whoami", "POST /register?kind=user", "GET /account/whoami" })
  end)

  t.it("raises when the answer names nobody", function()
    t.fault { path = "/whoami", content = { is_guest = false } }
    t.raises(function() bot:whoami() end, "no user_id")
  end)
end)
