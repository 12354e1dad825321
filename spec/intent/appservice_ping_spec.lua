local t = require "bridge.test"

t.describe("intent:appservice_ping", function()
  local hs, bot, id, path

  t.before_each(function()
    hs   = t.load("blank.lua")
    bot  = hs.intent
    id   = "bridgehost" -- in registration files that the host makes
    path = "POST /_matrix/client/v1/appservice/" .. id .. "/ping"
    bot:ensure_registered()
    hs:asked()
  end)

  t.it("lets the homeserver ping the host, and returns how many milliseconds that took", function()
    local ms = bot:appservice_ping(id)
    t.eq(ms >= 0 and ms < 60000, true)
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, path)
    t.eq(made[1].content, {})
    t.eq(made[1].user, bot.mxid)
  end)

  t.it("sends txn_id, which comes back in the ping", function()
    bot:appservice_ping(id, { txn_id = "first" })
    t.eq(hs:requests()[1].content, { transaction_id = "first" })
  end)

  t.it("returns what the homeserver measured", function()
    t.fault { path = "/ping", content = { duration_ms = 123 } }
    t.eq(bot:appservice_ping(id), 123)
  end)

  t.it("raises M_FORBIDDEN for the id of another application service", function()
    t.eq(t.raises(function() bot:appservice_ping("another") end).errcode, "M_FORBIDDEN")
  end)

  t.it("raises M_FORBIDDEN as a double puppet, which is no application service", function()
    local alice = hs:user("alice")
    local as_alice = bot:user(alice.mxid, { token = alice.token })
    t.eq(t.raises(function() as_alice:appservice_ping(id) end).errcode, "M_FORBIDDEN")
  end)

  t.it("registers a user that the homeserver turns out not to know", function()
    hs:ghost("bob"):appservice_ping(id)
    t.eq(hs:asked(), { path, "POST /register?kind=user", path })
  end)

  t.it("raises what keeps the homeserver from reaching the host, without trying again", function()
    for errcode, status in pairs { M_URL_NOT_SET = 400, M_CONNECTION_FAILED = 502, M_BAD_STATUS = 502, M_CONNECTION_TIMEOUT = 504 } do
      t.fault { path = "/ping", status = status, errcode = errcode, error = "no" }
      local err = t.raises(function() bot:appservice_ping(id) end)
      t.eq(err.errcode, errcode)
      t.eq(err.status, status)
      t.eq(hs:asked(), { path })
    end
  end)
end)
