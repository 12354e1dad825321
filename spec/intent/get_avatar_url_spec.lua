local t    = require "bridge.test"
local json = require "bridge.json"

t.describe("intent:get_avatar_url", function()
  local hs, bot, alice, as_alice, value

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    value    = "mxc://" .. hs.server_name .. "/face"
    as_alice:set_avatar_url(value)
    bot:ensure_registered()
    hs:asked()
  end)

  local function path(user) return "GET /profile/" .. user .. "/avatar_url" end

  t.it("asks the homeserver each time", function()
    t.eq(bot:get_avatar_url(alice.mxid), value)
    t.eq(bot:get_avatar_url(alice.mxid), value)
    t.eq(hs:asked(), { path(alice.mxid), path(alice.mxid) })
  end)

  t.it("is nil when the user has none", function()
    as_alice:set_avatar_url(json.null)
    t.eq(bot:get_avatar_url(alice.mxid), nil)
  end)

  t.it("is nil for a user who does not exist", function()
    t.eq(bot:get_avatar_url("@nobody.at.all:" .. hs.server_name), nil)
  end)

  t.it("registers a user that the homeserver turns out not to know", function()
    hs:ghost("bob"):get_avatar_url(alice.mxid)
    t.eq(hs:asked(), { path(alice.mxid), "POST /register?kind=user", path(alice.mxid) })
  end)
end)
