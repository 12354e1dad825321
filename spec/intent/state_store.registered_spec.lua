local t = require "bridge.test"

t.describe("state_store:registered", function()
  local hs, bot, ghost, store

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    store = bot.state_store
  end)

  t.it("makes the user known as registered, so that nobody registers it again", function()
    store:registered(ghost.mxid)
    t.eq(store:is_registered(ghost.mxid), true)
    ghost:ensure_registered()
    t.eq(hs:asked(), {})
  end)

  t.it("changes nothing when the user was registered, and tells of no other user", function()
    ghost:ensure_registered()
    store:registered(ghost.mxid)
    t.eq(store:is_registered(ghost.mxid), true)
    t.eq(store:is_registered(hs:ghost("carol").mxid), false)
  end)

  t.it("is remembered after a reload", function()
    store:registered(ghost.mxid)
    hs:reload()
    hs:asked()
    ghost:ensure_registered()
    t.eq(hs:asked(), {})
  end)
end)
