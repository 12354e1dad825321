local t = require "bridge.test"

t.describe("intent:ensure_registered", function()
  local hs, bot, ghost, store

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    store = bot.state_store
    hs:asked()
  end)

  t.it("registers the user by its localpart, as an application service does", function()
    t.eq(ghost:ensure_registered(), nil)
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, "POST /register?kind=user")
    t.eq(made[1].user, ghost.mxid)
    t.eq(made[1].content, { type = "m.login.application_service", username = ghost.localpart, inhibit_login = true })
    t.eq(store:is_registered(ghost.mxid), true)
  end)

  t.it("registers the bot, too", function()
    bot:ensure_registered()
    t.eq(hs:asked(), { "POST /register?kind=user" })
    t.eq(store:is_registered(bot.mxid), true)
  end)

  t.it("asks nothing when the store knows that the user is registered", function()
    store:registered(ghost.mxid)
    ghost:ensure_registered()
    t.eq(hs:asked(), {})
  end)

  t.it("takes it as success that the user is registered already", function()
    bot.api:request("POST", "/_matrix/client/v3/register",
      { content = { type = "m.login.application_service", username = ghost.localpart, inhibit_login = true } })
    t.eq(store:is_registered(ghost.mxid), false)
    hs:asked()
    ghost:ensure_registered()
    t.eq(hs:asked(), { "POST /register?kind=user" })
    t.eq(store:is_registered(ghost.mxid), true)
  end)

  t.it("raises M_EXCLUSIVE for a user outside of our namespace, and says that", function()
    local stranger = bot:user("@stranger:" .. hs.server_name)
    local failed = t.raises(function() stranger:ensure_registered() end, stranger.mxid)
    t.eq(failed.errcode, "M_EXCLUSIVE")
    t.eq(failed.status, 400)
    t.matches(failed.hint, "outside of the namespaces")
    t.eq(store:is_registered(stranger.mxid), false)
  end)

  t.it("says that the homeserver has another registration file when it refuses a user of our namespace", function()
    t.fault { path = "/register", status = 400, errcode = "M_EXCLUSIVE", error = "not yours" }
    local failed = t.raises(function() ghost:ensure_registered() end)
    t.eq(failed.errcode, "M_EXCLUSIVE")
    t.matches(failed.hint, "the homeserver has not")
  end)

  t.it("raises every other refusal and remembers nothing", function()
    t.fault { path = "/register", status = 403, errcode = "M_FORBIDDEN", error = "no more users" }
    local failed = t.raises(function() ghost:ensure_registered() end, "no more users")
    t.eq(failed.errcode, "M_FORBIDDEN")
    t.eq(store:is_registered(ghost.mxid), false)
    hs:asked()
    ghost:ensure_registered()
    t.eq(hs:asked(), { "POST /register?kind=user" })
  end)

  t.it("registers once when two calls want it at the same time", function()
    t.fault { path = "/register", status = 429, errcode = "M_LIMIT_EXCEEDED", headers = { ["Retry-After"] = "0.3" } } -- takes its time
    t.together { function() ghost:ensure_registered() end, function() ghost:ensure_registered() end }
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /register?kind=user" }) -- the refused one and the next
  end)

  t.it("never registers a double puppet", function()
    local alice = hs:user("alice")
    bot:user(alice.mxid, { token = alice.token }):ensure_registered()
    t.eq(hs:asked(), {})
    t.eq(store:is_registered(alice.mxid), false)
  end)
end)
