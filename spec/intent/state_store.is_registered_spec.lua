local t = require "bridge.test"

t.describe("state_store:is_registered", function()
  local hs, bot, ghost, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  t.it("says no of a user that nobody has registered, and asks nothing", function()
    t.eq(store:is_registered(ghost.mxid), false)
    t.eq(hs:asked(), {})
  end)

  t.it("says yes when the user was registered by any call", function()
    ghost:set_typing(room)
    t.eq(store:is_registered(ghost.mxid), true)
    t.eq(store:is_registered(hs:ghost("carol").mxid), false)
  end)

  t.it("says yes when the homeserver turns out to have the user", function()
    ghost.api:request("POST", "/_matrix/client/v3/register",
      { content = { type = "m.login.application_service", username = ghost.localpart, inhibit_login = true } })
    t.eq(store:is_registered(ghost.mxid), false)
    ghost:ensure_registered()
    t.eq(store:is_registered(ghost.mxid), true)
  end)

  t.it("says no when the registration failed", function()
    t.fault { path = "/register", status = 403, errcode = "M_FORBIDDEN", error = "no" }
    t.raises(function() ghost:ensure_registered() end)
    t.eq(store:is_registered(ghost.mxid), false)
  end)

  t.it("says the same after a reload", function()
    ghost:ensure_registered()
    hs:reload()
    t.eq(hs:ghost("bob").state_store:is_registered(ghost.mxid), true)
  end)
end)
