local t = require "bridge.test"

t.describe("intent:invite_user", function()
  local hs, bot, ghost, store, alice, as_alice, carol, room

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    store    = bot.state_store
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    carol    = hs:user("carol")
    room     = alice:room()
    alice:send(room, "m.room.power_levels", { users = { [bot.mxid] = 50 }, invite = 0 }, { state_key = "" })
    bot:join_room(room)
    hs:asked()
  end)

  local function invite() return "POST /rooms/" .. room .. "/invite" end
  local function profile(user) return "GET /profile/" .. user end
  local function member(user) return "PUT /rooms/" .. room .. "/state/m.room.member/" .. user end
  local function name(user) return user:match("^@(.-):") end

  t.it("invites the user, remembers it, and returns nothing", function()
    t.eq(bot:invite_user(room, carol.mxid), nil)
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, invite())
    t.eq(made[1].content, { user_id = carol.mxid })
    t.eq(made[1].user, bot.mxid)
    t.eq(store:get_membership(room, carol.mxid), "invite")
    t.eq(hs:members(room)[carol.mxid], "invite")
  end)

  t.it("registers the inviter, and joins it, first", function()
    ghost:invite_user(room, carol.mxid)
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. room, invite() })
    t.eq(store:is_joined(room, ghost.mxid), true)
    t.eq(hs:members(room)[carol.mxid], "invite")
  end)

  t.it("does neither with ensure_joined = false", function()
    ghost:ensure_registered()
    hs:asked()
    local err = t.raises(function() ghost:invite_user(room, carol.mxid, { ensure_joined = false }) end)
    t.eq(err.errcode, "M_FORBIDDEN")
    t.eq(hs:asked(), { invite() })
    t.eq(store:is_joined(room, ghost.mxid), false)
  end)

  t.it("says the reason", function()
    bot:invite_user(room, carol.mxid, { reason = "come and see" })
    t.eq(hs:requests()[1].content, { user_id = carol.mxid, reason = "come and see" })
    t.eq(hs:state(room, "m.room.member", carol.mxid).reason, "come and see")
  end)

  t.it("takes an empty reason for none", function()
    bot:invite_user(room, carol.mxid, { reason = "" })
    t.eq(hs:requests()[1].content, { user_id = carol.mxid })
  end)

  t.it("asks nothing with check_cache when the store says invited or joined", function()
    bot:invite_user(room, carol.mxid)
    hs:asked()
    bot:invite_user(room, carol.mxid, { check_cache = true })
    carol:join(room)
    bot:invite_user(room, carol.mxid, { check_cache = true })
    t.eq(hs:asked(), {})
    t.eq(store:get_membership(room, carol.mxid), "join")
  end)

  t.it("invites even so with check_cache who has left", function()
    carol:join(room)
    carol:leave(room)
    bot:invite_user(room, carol.mxid, { check_cache = true })
    t.eq(hs:asked(), { invite() })
    t.eq(hs:members(room)[carol.mxid], "invite")
  end)

  t.it("joins the inviter with check_cache, too", function()
    bot:invite_user(room, carol.mxid)
    ghost:ensure_registered()
    hs:asked()
    ghost:invite_user(room, carol.mxid, { check_cache = true })
    t.eq(hs:asked(), { "POST /join/" .. room })
  end)

  t.it("asks again without check_cache", function()
    bot:invite_user(room, carol.mxid)
    bot:invite_user(room, carol.mxid)
    t.eq(hs:asked(), { invite(), invite() })
  end)

  t.it("succeeds when the user is in the room already, and remembers that", function()
    carol:join(room)
    store:left(room, carol.mxid)
    bot:invite_user(room, carol.mxid)
    t.eq(hs:requests()[1].status, 403)
    t.eq(store:get_membership(room, carol.mxid), "join")
  end)

  t.it("succeeds when other homeservers say that in other words", function()
    for _, answer in ipairs {
      { errcode = "M_FORBIDDEN", error = "user is already joined to room" },
      { errcode = "M_ALREADY_JOINED", error = "User is there" },
    } do
      store:left(room, carol.mxid)
      t.fault { path = "/invite", status = 403, errcode = answer.errcode, error = answer.error }
      bot:invite_user(room, carol.mxid)
      t.eq(store:get_membership(room, carol.mxid), "join")
    end
  end)

  t.it("sends a state event for extra_content, with the user's name and picture", function()
    local picture = "mxc://" .. hs.server_name .. "/picture"
    bot:user(carol.mxid, { token = carol.token }):set_avatar_url(picture)
    hs:asked()
    bot:invite_user(room, carol.mxid, { extra_content = { ["com.example.why"] = "because" } })
    local made = hs:requests()
    t.eq(#made, 2)
    t.eq(made[1].line, profile(carol.mxid))
    t.eq(made[2].line, member(carol.mxid))
    local content = { membership = "invite", displayname = name(carol.mxid), avatar_url = picture, ["com.example.why"] = "because" }
    t.eq(made[2].content, content)
    t.eq(hs:state(room, "m.room.member", carol.mxid), content)
    t.eq(store:get_member(room, carol.mxid), { membership = "invite", displayname = name(carol.mxid), avatar_url = picture })
  end)

  t.it("takes name and picture from the store when it knows the user in this room", function()
    store:set_member(room, carol.mxid, { membership = "leave", displayname = "Caz", avatar_url = "mxc://example.org/caz" })
    bot:invite_user(room, carol.mxid, { extra_content = { is_direct = true } })
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, member(carol.mxid))
    t.eq(made[1].content, { membership = "invite", displayname = "Caz", avatar_url = "mxc://example.org/caz", is_direct = true })
    t.eq(store:get_member(room, carol.mxid).displayname, "Caz")
  end)

  t.it("looks nothing up when the store knows that the user has no name", function()
    store:set_member(room, carol.mxid, { membership = "leave" })
    bot:invite_user(room, carol.mxid, { extra_content = { k = "v" } })
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].content, { membership = "invite", k = "v" })
  end)

  t.it("looks nothing up when extra_content has a name", function()
    bot:invite_user(room, carol.mxid, { extra_content = { displayname = "Mine", list = { 1, 2 } } })
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].content, { membership = "invite", displayname = "Mine", list = { 1, 2 } })
    t.eq(hs:state(room, "m.room.member", carol.mxid).displayname, "Mine")
  end)

  t.it("sends the state event without name and picture when the profile cannot be read", function()
    local nobody = "@nobody:" .. hs.server_name
    bot:invite_user(room, nobody, { extra_content = { k = "v" } })
    local made = hs:requests()
    t.eq(made[1].line, profile(nobody))
    t.eq(made[1].status, 404)
    t.eq(made[2].content, { membership = "invite", k = "v" })
    t.eq(hs:members(room)[nobody], "invite")
  end)

  t.it("sends reason and extra_content together", function()
    bot:invite_user(room, carol.mxid, { reason = "come", extra_content = { displayname = "C", k = "v" } })
    t.eq(hs:requests()[1].content, { membership = "invite", displayname = "C", reason = "come", k = "v" })
  end)

  t.it("lets extra_content win over what is known", function()
    store:set_member(room, carol.mxid, { membership = "leave", displayname = "Caz", avatar_url = "mxc://example.org/caz" })
    bot:invite_user(room, carol.mxid, { reason = "come", extra_content = { avatar_url = "mxc://example.org/mine", reason = "really" } })
    t.eq(hs:requests()[1].content, { membership = "invite", displayname = "Caz", avatar_url = "mxc://example.org/mine", reason = "really" })
  end)

  t.it("takes an empty extra_content for none", function()
    bot:invite_user(room, carol.mxid, { extra_content = {} })
    t.eq(hs:asked(), { invite() })
  end)

  t.it("does not look at the power levels before a state event", function()
    ghost:ensure_joined(room)
    hs:asked()
    ghost:invite_user(room, carol.mxid, { extra_content = { displayname = "C" } })
    t.eq(hs:asked(), { member(carol.mxid) })
  end)

  t.it("marks what a double puppet does, by a state event, and nobody else's", function()
    as_alice:ensure_joined(room)
    hs:asked()
    as_alice:invite_user(room, carol.mxid)
    local made = hs:requests()
    t.eq(#made, 2)
    t.eq(made[1].line, profile(carol.mxid))
    t.eq(made[2].line, member(carol.mxid))
    t.eq(made[2].user, nil)
    t.eq(type(made[2].content["fi.mau.double_puppet_source"]), "string")
    bot:invite_user(room, hs:user("dave").mxid, { extra_content = { displayname = "Dave" } })
    t.eq(hs:requests()[1].content["fi.mau.double_puppet_source"], nil)
  end)

  t.it("raises M_FORBIDDEN when the inviter may not, and remembers nothing", function()
    alice:send(room, "m.room.power_levels", { users = { [bot.mxid] = 50 }, invite = 60 }, { state_key = "" })
    local err = t.raises(function() bot:invite_user(room, carol.mxid) end, "invite_user as " .. bot.mxid:gsub("%p", "%%%0"))
    t.eq(err.errcode, "M_FORBIDDEN")
    t.eq(err.status, 403)
    t.eq(store:get_membership(room, carol.mxid), "leave")
  end)

  t.it("raises M_FORBIDDEN for a refusal without a text, too", function()
    t.fault { path = "/invite", status = 403, content = { errcode = "M_FORBIDDEN" } }
    local err = t.raises(function() bot:invite_user(room, carol.mxid) end)
    t.eq(err.errcode, "M_FORBIDDEN")
    t.eq(err.status, 403)
  end)

  t.it("raises M_BAD_STATE when the user is banned", function()
    alice:ban(room, carol.mxid)
    local err = t.raises(function() bot:invite_user(room, carol.mxid) end)
    t.eq(err.errcode, "M_BAD_STATE")
    t.eq(store:get_membership(room, carol.mxid), "ban")
  end)

  t.it("refuses an empty room ID and what is no user ID, and asks nothing", function()
    t.raises(function() bot:invite_user("", carol.mxid) end, "room_id")
    t.raises(function() bot:invite_user(room, "") end, "user_id")
    t.raises(function() bot:invite_user(room, "carol") end, "user_id")
    t.eq(hs:asked(), {})
  end)
end)
