local json = require "bridge.json"
local t    = require "bridge.test"

t.describe("intent:ensure_joined", function()
  local hs, bot, ghost, alice, as_alice, store

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    store    = bot.state_store
  end)

  -- a room that the bot is in, with the power to invite, kick and ban
  local function helped(options)
    local room = alice:room(options)
    bot:join_room(room)
    as_alice:set_power_levels(room, { users = { [bot.mxid] = 50 }, invite = 50 })
    hs:asked()
    return room
  end

  -- makes the next such request take its time
  local function slowly(path)
    t.fault { path = path, status = 429, errcode = "M_LIMIT_EXCEEDED", headers = { ["Retry-After"] = "0.3" } }
  end

  local function join(room) return "POST /join/" .. room end
  local function invite(room) return "POST /rooms/" .. room .. "/invite" end

  t.it("registers the user, joins, and tells that it joined just now", function()
    local room = alice:room()
    hs:asked()
    t.eq(ghost:ensure_joined(room), true)
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. room })
    t.eq(hs:members(room)[ghost.mxid], "join")
    t.eq(ghost.state_store:is_joined(room, ghost.mxid), true)
  end)

  t.it("asks nothing when the store knows that the user is in the room", function()
    local room = alice:room()
    ghost:ensure_joined(room)
    hs:asked()
    t.eq(ghost:ensure_joined(room), false)
    t.eq(hs:asked(), {})
  end)

  t.it("asks even so with ignore_cache", function()
    local room = alice:room()
    ghost:ensure_joined(room)
    hs:asked()
    t.eq(ghost:ensure_joined(room, { ignore_cache = true }), true)
    t.eq(hs:asked(), { "POST /join/" .. room })
  end)

  t.it("asks even when the store knows of an invitation, a knock or a ban", function()
    ghost:ensure_registered()
    for _, membership in ipairs { "invite", "knock", "ban" } do
      local room = alice:room()
      store:set_membership(room, ghost.mxid, membership)
      hs:asked()
      t.eq(ghost:ensure_joined(room), true)
      t.eq(hs:asked(), { join(room) })
      t.eq(store:is_joined(room, ghost.mxid), true)
    end
  end)

  t.it("takes an alias as well, and remembers the room that the homeserver names", function()
    local room, alias = alice:room(), "#hall-" .. ghost.localpart .. ":" .. hs.server_name
    as_alice.api:request("PUT", "/_matrix/client/v3/directory/room/" .. alias:gsub("#", "%%23"), { content = { room_id = room } })
    ghost:ensure_registered()
    hs:asked()
    t.eq(ghost:ensure_joined(alias), true)
    t.eq(hs:asked(), { join(alias) })
    t.eq(store:is_joined(room, ghost.mxid), true)
    t.eq(ghost:ensure_joined(room), false)
  end)

  t.it("raises at once when there is no such room", function()
    bot:ensure_registered()
    hs:asked()
    local alias = "#nowhere:" .. hs.server_name
    local failed = t.raises(function() ghost:ensure_joined(alias) end, alias)
    t.eq(failed.errcode, "M_NOT_FOUND")
    t.eq(hs:asked(), { "POST /register?kind=user", join(alias) })
  end)

  t.it("refuses an empty room ID and asks nothing", function()
    hs:asked()
    t.raises(function() ghost:ensure_joined("") end)
    t.eq(hs:asked(), {})
  end)

  t.it("raises when the user cannot be registered, and does not join", function()
    local room = alice:room()
    hs:asked()
    local stranger = bot:user("@stranger:" .. hs.server_name)
    t.eq(t.raises(function() stranger:ensure_joined(room) end).errcode, "M_EXCLUSIVE")
    t.eq(hs:asked(), { "POST /register?kind=user" })
  end)

  t.it("lets the bot invite the user into a private room", function()
    local room = helped { private = true }
    t.eq(ghost:ensure_joined(room), true)
    local made = hs:requests()
    t.eq(#made, 4)
    t.eq(made[1].line, "POST /register?kind=user")
    t.eq(made[2].line, join(room))
    t.eq(made[3].line, invite(room))
    t.eq(made[3].user, bot.mxid)
    t.eq(made[3].content, { user_id = ghost.mxid })
    t.eq(made[4].line, join(room))
    t.eq(made[4].user, ghost.mxid)
    t.eq(hs:members(room)[ghost.mxid], "join")
    t.eq(store:is_joined(room, ghost.mxid), true)
  end)

  t.it("joins the bot first when it is only invited itself", function()
    local room = alice:room { private = true }
    as_alice:set_power_levels(room, { users = { [bot.mxid] = 50 }, invite = 50 })
    ghost:ensure_registered()
    bot:ensure_registered()
    hs:asked()
    t.eq(ghost:ensure_joined(room), true)
    t.eq(hs:asked(), { join(room), join(room), invite(room), join(room) })
    t.eq(hs:members(room)[bot.mxid], "join")
  end)

  t.it("lets the bot invite the user into a room for members of another room, and into one to knock on", function()
    ghost:ensure_registered()
    local rules = {
      { join_rule = "restricted", allow = { { type = "m.room_membership", room_id = alice:room() } } },
      { join_rule = "knock" },
    }
    for _, rule in ipairs(rules) do
      local room = helped()
      alice:send(room, "m.room.join_rules", rule, { state_key = "" })
      t.eq(ghost:ensure_joined(room), true)
      t.eq(hs:asked(), { join(room), invite(room), join(room) })
      t.eq(hs:members(room)[ghost.mxid], "join")
    end
  end)

  t.it("lets the bot invite when the homeserver cannot tell whether the user may join", function()
    ghost:ensure_registered()
    for _, code in ipairs { "M_UNABLE_TO_AUTHORISE_JOIN", "M_UNABLE_TO_GRANT_JOIN" } do
      local room = helped()
      t.fault { path = "/join/", status = 400, errcode = code }
      t.eq(ghost:ensure_joined(room), true)
      t.eq(hs:asked(), { join(room), invite(room), join(room) })
    end
  end)

  t.it("joins again when the bot learns that the user is in the room already", function()
    local room = helped { private = true }
    ghost:ensure_joined(room)
    hs:asked()
    t.fault { path = "/join/", status = 403, errcode = "M_FORBIDDEN" }
    t.eq(ghost:ensure_joined(room, { ignore_cache = true }), true)
    t.eq(hs:asked(), { join(room), invite(room), join(room) })
  end)

  t.it("raises, naming room, user and cause, when the bot may not invite", function()
    local room = alice:room { private = true }
    bot:join_room(room)
    as_alice:set_power_levels(room, { invite = 50 })
    ghost:ensure_registered()
    hs:asked()
    local failed = t.raises(function() ghost:ensure_joined(room) end)
    t.eq(failed.errcode, "M_FORBIDDEN")
    t.eq(failed.status, 403)
    for _, part in ipairs { ghost.mxid, room, bot.mxid .. " could not invite it", "permission" } do
      t.eq(failed.message:find(part, 1, true) ~= nil, true)
    end
    t.eq(hs:asked(), { join(room), invite(room) })
    t.eq(store:is_joined(room, ghost.mxid), false)
  end)

  t.it("raises when the join is refused in spite of the invitation", function()
    local room = helped { private = true }
    t.fault { path = "/join/", status = 403, errcode = "M_FORBIDDEN", error = "go away", times = 2 }
    local failed = t.raises(function() ghost:ensure_joined(room) end, "although .* invited it: go away")
    t.eq(failed.errcode, "M_FORBIDDEN")
    t.eq(store:get_membership(room, ghost.mxid), "invite")
  end)

  t.it("raises when the bot is not let into the room itself", function()
    local room = alice:room { private = true }
    alice:kick(room, bot.mxid)
    ghost:ensure_registered()
    bot:ensure_registered()
    hs:asked()
    local failed = t.raises(function() ghost:ensure_joined(room) end, "could not invite it")
    t.eq(failed.errcode, "M_FORBIDDEN")
    t.eq(hs:asked(), { join(room), join(room) })
  end)

  t.it("lets the bot unban a banned user, and invite it", function()
    local room = helped()
    ghost:ensure_joined(room)
    alice:ban(room, ghost.mxid)
    hs:asked()
    t.eq(ghost:ensure_joined(room), true)
    t.eq(hs:asked(), { join(room), "POST /rooms/" .. room .. "/unban", invite(room), join(room) })
    t.eq(hs:members(room)[ghost.mxid], "join")
    t.eq(store:is_joined(room, ghost.mxid), true)
  end)

  t.it("raises when the bot may not unban", function()
    local room = alice:room()
    bot:join_room(room)
    ghost:ensure_joined(room)
    alice:ban(room, ghost.mxid)
    hs:asked()
    local failed = t.raises(function() ghost:ensure_joined(room) end, "could not unban it")
    t.eq(failed.errcode, "M_FORBIDDEN")
    t.eq(hs:asked(), { join(room), "POST /rooms/" .. room .. "/unban" })
    t.eq(store:is_joined(room, ghost.mxid), false)
  end)

  t.it("raises the first refusal when nobody is to invite", function()
    local room = helped { private = true }
    ghost:ensure_registered()
    hs:asked()
    t.eq(t.raises(function() ghost:ensure_joined(room, { bot = json.null }) end).errcode, "M_FORBIDDEN")
    t.eq(hs:asked(), { join(room) })
  end)

  t.it("raises M_BAD_STATE for a banned user whom nobody is to unban", function()
    local room = helped()
    ghost:ensure_joined(room)
    alice:ban(room, ghost.mxid)
    hs:asked()
    t.eq(t.raises(function() ghost:ensure_joined(room, { bot = json.null }) end).errcode, "M_BAD_STATE")
    t.eq(hs:asked(), { join(room) })
  end)

  t.it("raises the first refusal of the bot itself", function()
    local room = alice:room { private = true }
    alice:kick(room, bot.mxid)
    bot:ensure_registered()
    hs:asked()
    t.eq(t.raises(function() bot:ensure_joined(room) end).errcode, "M_FORBIDDEN")
    t.eq(t.raises(function() bot:ensure_joined(room, { bot = bot }) end).errcode, "M_FORBIDDEN")
    t.eq(hs:asked(), { join(room), join(room) })
  end)

  t.it("lets another ghost invite in the place of a bot that was kicked", function()
    local room, other = helped { private = true }, hs:ghost("carl")
    other:ensure_joined(room)
    alice:send(room, "m.room.power_levels", { invite = 0 }, { state_key = "" })
    alice:kick(room, bot.mxid)
    ghost:ensure_registered()
    hs:asked()
    t.eq(ghost:ensure_joined(room, { bot = other }), true)
    local made = hs:requests()
    t.eq(#made, 3)
    t.eq(made[1].line, join(room))
    t.eq(made[2].line, invite(room))
    t.eq(made[2].user, other.mxid)
    t.eq(made[3].line, join(room))
    t.eq(hs:members(room)[bot.mxid], "leave")
  end)

  t.it("lets a double puppet invite in the bot's place, which marks the invitation", function()
    local room = alice:room { private = true }
    as_alice:join_room(room)
    ghost:ensure_registered()
    hs:asked()
    t.eq(ghost:ensure_joined(room, { bot = as_alice }), true)
    local made = hs:requests()
    t.eq(#made, 4)
    t.eq(made[1].line, join(room))
    t.eq(made[2].line, "GET /profile/" .. ghost.mxid)
    t.eq(made[3].line, "PUT /rooms/" .. room .. "/state/m.room.member/" .. ghost.mxid)
    t.eq(made[3].headers.authorization, "Bearer " .. alice.token)
    t.eq(made[3].content.membership, "invite")
    t.eq(made[3].content["fi.mau.double_puppet_source"], "bridgehost")
    t.eq(made[4].line, join(room))
    t.eq(hs:members(room)[bot.mxid], "invite")
    t.eq(hs:members(room)[ghost.mxid], "join")
  end)

  t.it("gives up at once on a deactivated user, without an invitation", function()
    local room = helped { private = true }
    ghost:ensure_registered()
    hs:asked()
    t.fault { path = "/join/", status = 403, errcode = "M_USER_DEACTIVATED", error = "This account has been deactivated" }
    t.eq(t.raises(function() ghost:ensure_joined(room) end).errcode, "M_USER_DEACTIVATED")
    t.eq(hs:asked(), { join(room) })
  end)

  t.it("makes one chain of requests for calls at the same time, whose result they share", function()
    local room, told = helped { private = true }, {}
    local function call(n) return function() told[n] = ghost:ensure_joined(room) end end
    slowly("/register")
    t.together { call(1), call(2), call(3) }
    t.eq(told, { true, true, true })
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /register?kind=user", join(room), invite(room), join(room) })
  end)

  t.it("shares a refusal, too, and tries again afterwards", function()
    local room, codes = alice:room { private = true }, {}
    bot:join_room(room)
    as_alice:set_power_levels(room, { invite = 50 })
    ghost:ensure_registered()
    hs:asked()
    local function call(n) return function() codes[n] = t.raises(function() ghost:ensure_joined(room) end).errcode end end
    slowly("/join/")
    t.together { call(1), call(2) }
    t.eq(codes, { "M_FORBIDDEN", "M_FORBIDDEN" })
    t.eq(hs:asked(), { join(room), join(room), invite(room) })
    alice:invite(room, ghost.mxid)
    t.eq(ghost:ensure_joined(room), true)
  end)

  t.it("joins a double puppet with its own token, and registers nobody", function()
    local carol = hs:user("carol")
    local as_carol, room = bot:user(carol.mxid, { token = carol.token }), alice:room()
    hs:asked()
    t.eq(as_carol:ensure_joined(room), true)
    t.eq(hs:asked(), { join(room) })
    t.eq(hs:members(room)[carol.mxid], "join")
  end)
end)
