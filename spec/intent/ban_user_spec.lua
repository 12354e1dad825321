local t = require "bridge.test"

t.describe("intent:ban_user", function()
  local hs, bot, ghost, store, alice, carol, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    store = bot.state_store
    alice = hs:user("alice")
    carol = hs:user("carol")
    room  = alice:room()
    alice:send(room, "m.room.power_levels", { users = { [bot.mxid] = 50, [ghost.mxid] = 50 } }, { state_key = "" })
    bot:join_room(room)
    carol:join(room)
    hs:asked()
  end)

  local function ban() return "POST /rooms/" .. room .. "/ban" end
  local function member() return "PUT /rooms/" .. room .. "/state/m.room.member/" .. carol.mxid end
  local function name(user) return user:match("^@(.-):") end

  t.it("bans the user, remembers it, and returns nothing", function()
    t.eq(bot:ban_user(room, carol.mxid), nil)
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, ban())
    t.eq(made[1].content, { user_id = carol.mxid })
    t.eq(made[1].user, bot.mxid)
    t.eq(store:get_membership(room, carol.mxid), "ban")
    t.eq(hs:members(room)[carol.mxid], "ban")
  end)

  t.it("registers who acts, and joins it, first", function()
    ghost:ban_user(room, carol.mxid)
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. room, ban() })
    t.eq(store:is_joined(room, ghost.mxid), true)
    t.eq(hs:members(room)[carol.mxid], "ban")
  end)

  t.it("keeps the name that the store knows", function()
    t.fault { path = "/ban" }
    bot:ban_user(room, carol.mxid)
    t.eq(store:get_member(room, carol.mxid), { membership = "ban", displayname = name(carol.mxid) })
  end)

  t.it("says the reason", function()
    bot:ban_user(room, carol.mxid, { reason = "enough" })
    t.eq(hs:requests()[1].content, { user_id = carol.mxid, reason = "enough" })
    t.eq(hs:state(room, "m.room.member", carol.mxid).reason, "enough")
  end)

  t.it("sends a state event for extra_content, with the name that the store knows", function()
    bot:ban_user(room, carol.mxid, { reason = "enough", extra_content = { ["com.example.by"] = "a vote" } })
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, member())
    t.eq(made[1].content, { membership = "ban", displayname = name(carol.mxid), reason = "enough", ["com.example.by"] = "a vote" })
    t.eq(hs:members(room)[carol.mxid], "ban")
    t.eq(hs:state(room, "m.room.member", carol.mxid)["com.example.by"], "a vote")
    t.eq(store:get_member(room, carol.mxid), { membership = "ban", displayname = name(carol.mxid) })
  end)

  t.it("asks for the name when the store does not know the user", function()
    local dave = hs:user("dave")
    bot:ban_user(room, dave.mxid, { extra_content = { k = "v" } })
    local made = hs:requests()
    t.eq(made[1].line, "GET /profile/" .. dave.mxid)
    t.eq(made[2].content, { membership = "ban", displayname = name(dave.mxid), k = "v" })
    t.eq(hs:members(room)[dave.mxid], "ban")
  end)

  t.it("takes an empty extra_content for none", function()
    bot:ban_user(room, carol.mxid, { extra_content = {} })
    t.eq(hs:asked(), { ban() })
  end)

  t.it("marks what a double puppet does, by a state event", function()
    local as_alice = bot:user(alice.mxid, { token = alice.token })
    as_alice:ensure_joined(room)
    hs:asked()
    as_alice:ban_user(room, carol.mxid)
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, member())
    t.eq(made[1].user, nil)
    t.eq(type(made[1].content["fi.mau.double_puppet_source"]), "string")
    t.eq(hs:members(room)[carol.mxid], "ban")
  end)

  t.it("raises M_FORBIDDEN when the power level is not enough, and remembers nothing", function()
    alice:send(room, "m.room.power_levels", { users = { [bot.mxid] = 40 } }, { state_key = "" })
    local err = t.raises(function() bot:ban_user(room, carol.mxid) end, "ban_user as " .. bot.mxid:gsub("%p", "%%%0"))
    t.eq(err.errcode, "M_FORBIDDEN")
    t.eq(err.status, 403)
    t.eq(store:get_membership(room, carol.mxid), "join")
    t.eq(hs:members(room)[carol.mxid], "join")
  end)

  t.it("raises M_FORBIDDEN when the user has as much power", function()
    alice:send(room, "m.room.power_levels", { users = { [bot.mxid] = 50, [carol.mxid] = 50 } }, { state_key = "" })
    t.eq(t.raises(function() bot:ban_user(room, carol.mxid) end).errcode, "M_FORBIDDEN")
    t.eq(hs:members(room)[carol.mxid], "join")
  end)

  t.it("bans who is not in the room", function()
    local dave = hs:user("dave")
    bot:ban_user(room, dave.mxid)
    t.eq(hs:members(room)[dave.mxid], "ban")
    t.eq(store:get_membership(room, dave.mxid), "ban")
  end)

  t.it("refuses an empty room ID and what is no user ID, and asks nothing", function()
    t.raises(function() bot:ban_user(room, "carol") end, "user_id")
    t.raises(function() bot:ban_user("", carol.mxid) end, "room_id")
    t.eq(hs:asked(), {})
  end)
end)
