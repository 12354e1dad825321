local t = require "bridge.test"

t.describe("intent:create_room", function()
  local hs, bot, ghost, store, carol

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    store = bot.state_store
    carol = hs:user("carol")
  end)

  local function content() return hs:requests()[1].content end

  t.it("registers the user, makes a private room, and returns its ID", function()
    local room = ghost:create_room()
    local made = hs:requests()
    t.eq(#made, 2)
    t.eq(made[1].line, "POST /register?kind=user")
    t.eq(made[2].line, "POST /createRoom")
    t.eq(made[2].user, ghost.mxid)
    t.eq(made[2].content, { visibility = "private", preset = "private_chat", is_direct = false })
    t.eq(hs:members(room), { [ghost.mxid] = "join" })
    t.eq(hs:state(room, "m.room.join_rules").join_rule, "invite")
  end)

  t.it("remembers that the user is in the room", function()
    local room = bot:create_room()
    t.eq(store:is_joined(room, bot.mxid), true)
    hs:asked()
    t.eq(bot:ensure_joined(room), false)
    t.eq(hs:asked(), {})
  end)

  t.it("gives the room a name and a topic", function()
    local room = bot:create_room { name = "Hall", topic = "Everything" }
    t.eq(hs:state(room, "m.room.name").name, "Hall")
    t.eq(hs:state(room, "m.room.topic").topic, "Everything")
  end)

  t.it("follows the preset", function()
    local room = bot:create_room { preset = "public_chat" }
    t.eq(hs:state(room, "m.room.join_rules").join_rule, "public")
    carol:join(room)
    t.eq(hs:members(room)[carol.mxid], "join")
  end)

  t.it("gives those whom it invites all power with the preset trusted_private_chat", function()
    local room = bot:create_room { preset = "trusted_private_chat", invitees = { carol.mxid } }
    t.eq(hs:state(room, "m.room.create").additional_creators, { carol.mxid })
    room = bot:create_room { preset = "trusted_private_chat", invitees = { carol.mxid }, room_version = "11" }
    t.eq(hs:state(room, "m.room.power_levels").users[carol.mxid], 100)
  end)

  t.it("puts a public room into the directory, and no other", function()
    local room = bot:create_room { visibility = "public" }
    t.eq(bot:get_room_directory_visibility(room), "public")
    t.eq(bot:get_room_directory_visibility(bot:create_room()), "private")
  end)

  t.it("refuses another visibility, and asks nothing", function()
    t.raises(function() bot:create_room { visibility = "secret" } end, "visibility")
    t.eq(hs:asked(), {})
  end)

  t.it("gives the room an alias on the user's own server", function()
    local room  = bot:create_room { alias_localpart = bot.localpart .. "-hall" }
    local alias = "#" .. bot.localpart .. "-hall:" .. hs.server_name
    t.eq(bot:resolve_room_alias(alias).room_id, room)
    t.eq(hs:state(room, "m.room.canonical_alias").alias, alias)
  end)

  t.it("raises M_ROOM_IN_USE when the alias is taken", function()
    local name = bot.localpart .. "-hall"
    bot:create_room { alias_localpart = name }
    local err = t.raises(function() bot:create_room { alias_localpart = name } end)
    t.eq(err.errcode, "M_ROOM_IN_USE")
    t.eq(err.status, 400)
  end)

  t.it("raises M_EXCLUSIVE for an alias outside of the bridge's namespace", function()
    t.eq(t.raises(function() bot:create_room { alias_localpart = "hall" .. bot.localpart } end).errcode, "M_EXCLUSIVE")
  end)

  t.it("invites, as to a direct chat when asked to, and remembers that", function()
    local room = bot:create_room { invitees = { carol.mxid, ghost.mxid }, is_direct = true }
    t.eq(hs:members(room), { [bot.mxid] = "join", [carol.mxid] = "invite", [ghost.mxid] = "invite" })
    t.eq(hs:state(room, "m.room.member", carol.mxid).is_direct, true)
    t.eq(store:get_membership(room, carol.mxid), "invite")
    t.eq(store:get_membership(room, ghost.mxid), "invite")
  end)

  t.it("sets the initial state, and remembers it", function()
    local room = bot:create_room { initial_state = {
      { type = "m.room.encryption", content = { algorithm = "m.megolm.v1.aes-sha2" } },
      { type = "com.example.box", state_key = "k", content = { a = { 1, 2 } } },
    } }
    t.eq(hs:state(room, "m.room.encryption").algorithm, "m.megolm.v1.aes-sha2")
    t.eq(hs:state(room, "com.example.box", "k"), { a = { 1, 2 } })
    t.eq(store:is_encrypted(room), true)
  end)

  t.it("remembers power levels of the initial state", function()
    local room = bot:create_room { initial_state = {
      { type = "m.room.power_levels", content = { users = { [carol.mxid] = 70 }, events = { ["m.room.name"] = 60 } } } } }
    t.eq(store:has_power_level(room, carol.mxid, "m.room.name"), true)
    t.eq(store:has_power_level(room, ghost.mxid, "m.room.name"), false)
    t.eq(hs:state(room, "m.room.power_levels").users, { [carol.mxid] = 70 })
  end)

  t.it("takes another room version", function()
    local room = bot:create_room { room_version = "11" }
    t.eq(hs:state(room, "m.room.create").room_version, "11")
  end)

  t.it("raises M_UNSUPPORTED_ROOM_VERSION for one that the homeserver does not know", function()
    local err = t.raises(function() bot:create_room { room_version = "com.example.none" } end)
    t.eq(err.errcode, "M_UNSUPPORTED_ROOM_VERSION")
  end)

  t.it("adds to m.room.create, but no room version", function()
    local room = bot:create_room { creation_content = { type = "m.space", room_version = "9" }, room_version = "11" }
    local sent = hs:requests()
    t.eq(sent[#sent].content.creation_content, { type = "m.space" })
    local create = hs:state(room, "m.room.create")
    t.eq(create.type, "m.space")
    t.eq(create.room_version, "11")
  end)

  t.it("overrides power levels of the preset, field by field", function()
    local room   = bot:create_room { power_level_override = { invite = 70, users = { [carol.mxid] = 80 } } }
    local levels = hs:state(room, "m.room.power_levels")
    t.eq(levels.invite, 70)
    t.eq(levels.users, { [carol.mxid] = 80 })
    t.eq(levels.ban, 50)
  end)

  t.it("refuses levels that take the creator's power away, by the homeserver's rules", function()
    t.eq(t.raises(function() bot:create_room { room_version = "11", power_level_override = { users = { [carol.mxid] = 80 } } } end).status, 400)
    t.eq(t.raises(function() bot:create_room { power_level_override = { users = { [bot.mxid] = 100 } } } end).status, 400)
  end)

  t.it("adds fields of one's own to the request, which do not win over the options", function()
    bot:ensure_registered()
    hs:asked()
    bot:create_room { name = "Named", custom_request_fields = { ["com.example"] = { k = "v" }, name = "Other", preset = "public_chat", topic = "Mine" } }
    t.eq(content(), { visibility = "private", preset = "private_chat", is_direct = false, name = "Named", topic = "Mine", ["com.example"] = { k = "v" } })
  end)

  t.it("says and remembers with beeper_auto_join_invites that those whom it invites are in the room", function()
    bot:ensure_registered()
    hs:asked()
    t.fault { path = "/createRoom", content = { room_id = "!made" } }
    t.eq(bot:create_room { invitees = { carol.mxid }, beeper_auto_join_invites = true }, "!made")
    t.eq(content()["com.beeper.auto_join_invites"], true)
    t.eq(store:get_membership("!made", carol.mxid), "join")
  end)

  t.it("acts as a double puppet without registering or marking anything", function()
    local as_carol = bot:user(carol.mxid, { token = carol.token })
    local room = as_carol:create_room { name = "Carol's" }
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].user, nil)
    t.eq(made[1].content, { visibility = "private", preset = "private_chat", is_direct = false, name = "Carol's" })
    t.eq(hs:members(room), { [carol.mxid] = "join" })
  end)

  t.it("asks once only when the homeserver may have made the room, and remembers nothing", function()
    bot:ensure_registered()
    hs:asked()
    t.fault { path = "/createRoom", status = 502, body = "bad gateway", done = true }
    local err = t.raises(function() bot:create_room() end)
    t.eq(err.status, 502)
    t.eq(hs:asked(), { "POST /createRoom" })
  end)

  t.it("asks again when the connection failed before anything was sent", function()
    bot:ensure_registered()
    hs:asked()
    t.fault { path = "/createRoom", refused = true }
    local room = bot:create_room()
    t.eq(hs:asked(), { "POST /createRoom", "POST /createRoom" })
    t.eq(hs:members(room), { [bot.mxid] = "join" })
  end)

  t.it("raises when the answer has no room ID", function()
    t.fault { path = "/createRoom", content = {} }
    t.raises(function() bot:create_room() end, "room_id")
  end)
end)
