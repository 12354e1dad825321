local t = require "bridge.test"

t.describe("intent:set_presence", function()
  local hs, bot, ghost, store

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    store = bot.state_store
    hs:asked()
  end)

  local function path() return "PUT /presence/" .. ghost.mxid .. "/status" end

  t.it("registers the user first, and shows it as online", function()
    ghost:set_presence()
    local made = hs:requests()
    t.eq(#made, 2)
    t.eq(made[1].line, "POST /register?kind=user")
    t.eq(made[2].line, path())
    t.eq(made[2].content, { presence = "online" })
    t.eq(made[2].user, ghost.mxid)
    t.eq(ghost:get_presence(ghost.mxid).presence, "online")
  end)

  t.it("shows another presence, with a status", function()
    ghost:set_presence { presence = "unavailable", status = "out for lunch" }
    t.eq(hs:requests()[2].content, { presence = "unavailable", status_msg = "out for lunch" })
    local shown = ghost:get_presence(ghost.mxid)
    t.eq(shown.presence, "unavailable")
    t.eq(shown.status_msg, "out for lunch")
  end)

  t.it("asks nothing when the same presence and status are shown already", function()
    ghost:set_presence { status = "here" }
    hs:asked()
    ghost:set_presence { status = "here" }
    t.eq(hs:asked(), {})
  end)

  t.it("remembers what it shows, and asks nothing for what the store remembers", function()
    ghost:set_presence { status = "here" }
    t.eq(store:has_presence(ghost.mxid, "online", { status = "here" }), true)
    store:set_presence(ghost.mxid, "offline")
    hs:asked()
    ghost:set_presence { presence = "offline" }
    t.eq(hs:asked(), {})
  end)

  t.it("asks again for another presence, another status, and no status any more", function()
    ghost:set_presence { status = "here" }
    hs:requests()
    ghost:set_presence { presence = "unavailable", status = "here" }
    ghost:set_presence { presence = "unavailable", status = "not here" }
    ghost:set_presence { presence = "unavailable" }
    local made = hs:requests()
    t.eq(#made, 3)
    t.eq(made[1].content, { presence = "unavailable", status_msg = "here" })
    t.eq(made[2].content, { presence = "unavailable", status_msg = "not here" })
    t.eq(made[3].content, { presence = "unavailable" })
    t.eq(ghost:get_presence(ghost.mxid).status_msg, nil)
  end)

  t.it("asks again with ignore_cache", function()
    ghost:set_presence()
    hs:asked()
    ghost:set_presence { ignore_cache = true }
    t.eq(hs:asked(), { path() })
  end)

  t.it("remembers each user by itself", function()
    ghost:set_presence()
    hs:asked()
    bot:set_presence()
    t.eq(hs:asked(), { "POST /register?kind=user", "PUT /presence/" .. bot.mxid .. "/status" })
  end)

  t.it("takes only the presences that there are", function()
    t.raises(function() ghost:set_presence { presence = "asleep" } end, "presence")
    t.eq(hs:asked(), {})
  end)

  t.it("raises what the homeserver refuses, and remembers nothing then", function()
    t.fault { method = "PUT", path = "/presence/", status = 403, errcode = "M_FORBIDDEN", error = "no" }
    t.eq(t.raises(function() ghost:set_presence() end).errcode, "M_FORBIDDEN")
    t.eq(store:has_presence(ghost.mxid, "online"), false)
    hs:asked()
    ghost:set_presence()
    t.eq(hs:asked(), { path() })
  end)
end)
