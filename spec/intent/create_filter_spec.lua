local t = require "bridge.test"

t.describe("intent:create_filter", function()
  local hs, bot, ghost, alice

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    bot:ensure_registered()
    hs:asked()
  end)

  local function kept(intent, id)
    return intent.api:request("GET", "/_matrix/client/v3/user/" .. intent.mxid .. "/filter/" .. id)
  end

  local filter = { room = { timeline = { limit = 10, types = { "m.room.message" } } }, event_format = "client" }

  t.it("keeps a filter on the homeserver, and returns its ID", function()
    local id = bot:create_filter(filter)
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, "POST /user/" .. bot.mxid .. "/filter")
    t.eq(made[1].content, filter)
    t.eq(made[1].user, bot.mxid)
    t.eq(kept(bot, id), filter)
  end)

  t.it("keeps another one each time", function()
    local one   = bot:create_filter(filter)
    local other = bot:create_filter({ event_format = "federation" })
    t.eq(one == other, false)
    t.eq(kept(bot, other), { event_format = "federation" })
  end)

  t.it("is a double puppet's own", function()
    local as_alice = bot:user(alice.mxid, { token = alice.token })
    local id = as_alice:create_filter(filter)
    t.eq(hs:asked(), { "POST /user/" .. alice.mxid .. "/filter" })
    t.eq(kept(as_alice, id), filter)
  end)

  t.it("raises M_UNKNOWN, 400, for what is no filter", function()
    for _, wrong in ipairs { { event_format = "loud" }, { room = { rooms = "all" } }, { room = { timeline = { types = { 1 } } } } } do
      local err = t.raises(function() bot:create_filter(wrong) end)
      t.eq(err.errcode, "M_UNKNOWN")
      t.eq(err.status, 400)
    end
  end)

  t.it("registers a user that the homeserver turns out not to know", function()
    ghost:create_filter(filter)
    t.eq(hs:asked(), { "POST /user/" .. ghost.mxid .. "/filter", "POST /register?kind=user", "POST /user/" .. ghost.mxid .. "/filter" })
  end)

  t.it("raises when the answer has no ID", function()
    t.fault { path = "/filter", content = { ok = true } }
    t.raises(function() bot:create_filter(filter) end, "no filter_id")
  end)
end)
