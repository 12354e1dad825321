local t = require "bridge.test"

t.describe("intent:get_profile", function()
  local hs, bot, alice, as_alice

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    bot:ensure_registered()
    hs:asked()
  end)

  t.it("asks the homeserver each time for name and picture", function()
    local picture = "mxc://" .. hs.server_name .. "/face"
    as_alice:set_displayname("Alice A.")
    as_alice:set_avatar_url(picture)
    hs:asked()
    t.eq(bot:get_profile(alice.mxid), { displayname = "Alice A.", avatar_url = picture })
    as_alice:set_displayname("Alice B.", { check_current = false })
    hs:asked()
    t.eq(bot:get_profile(alice.mxid).displayname, "Alice B.")
    t.eq(hs:asked(), { "GET /profile/" .. alice.mxid })
  end)

  t.it("leaves out what there is not", function()
    as_alice:set_displayname("Alice A.")
    t.eq(bot:get_profile(alice.mxid), { displayname = "Alice A." })
  end)

  t.it("is nil for a user who does not exist", function()
    t.eq(bot:get_profile("@nobody.at.all:" .. hs.server_name), nil)
  end)

  t.it("is nil for a user without name and picture", function()
    as_alice:set_displayname("")
    t.eq(bot:get_profile(alice.mxid), nil)
  end)

  t.it("registers a user that the homeserver turns out not to know", function()
    hs:ghost("bob"):get_profile(alice.mxid)
    t.eq(hs:asked(), { "GET /profile/" .. alice.mxid, "POST /register?kind=user", "GET /profile/" .. alice.mxid })
  end)

  t.it("works for a double puppet", function()
    as_alice:set_displayname("Alice A.")
    t.eq(as_alice:get_profile(alice.mxid).displayname, "Alice A.")
  end)
end)
