local t = require "bridge.test"

t.describe("intent:add_room_alias", function()
  local hs, bot, ghost, alice, as_alice, room, name

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    room     = alice:room()
    name     = bot.localpart .. "-hall"
    hs:asked()
  end)

  local function alias() return "#" .. name .. ":" .. hs.server_name end
  local function put() return "PUT /directory/room/" .. alias() end
  local function delete() return "DELETE /directory/room/" .. alias() end
  local function leads_to(where) t.eq(bot:resolve_room_alias(alias()).room_id, where) end

  t.it("registers the user, joins no room, and sets the alias on the user's own server", function()
    t.eq(ghost:add_room_alias(room, name), nil)
    local made = hs:requests()
    t.eq(#made, 2)
    t.eq(made[1].line, "POST /register?kind=user")
    t.eq(made[2].line, put())
    t.eq(made[2].content, { room_id = room })
    t.eq(made[2].user, ghost.mxid)
    leads_to(room)
  end)

  t.it("raises M_ROOM_IN_USE when the alias is taken, and leaves it as it is", function()
    bot:add_room_alias(room, name)
    local err = t.raises(function() bot:add_room_alias(alice:room(), name) end)
    t.eq(err.errcode, "M_ROOM_IN_USE")
    t.eq(err.status, 409)
    leads_to(room)
  end)

  t.it("removes a taken alias with override, and sets it again", function()
    bot:add_room_alias(alice:room(), name)
    hs:asked()
    bot:add_room_alias(room, name, { override = true })
    t.eq(hs:asked(), { put(), delete(), put() })
    leads_to(room)
  end)

  t.it("just sets a free alias with override", function()
    bot:ensure_registered()
    hs:asked()
    bot:add_room_alias(room, name, { override = true })
    t.eq(hs:asked(), { put() })
  end)

  t.it("raises M_ROOM_IN_USE when somebody was faster after the removal", function()
    bot:ensure_registered()
    hs:asked()
    t.fault { method = "PUT", path = "/directory/room/", status = 409, errcode = "M_UNKNOWN", error = "already exists", times = 2 }
    local err = t.raises(function() bot:add_room_alias(room, name, { override = true }) end)
    t.eq(err.errcode, "M_ROOM_IN_USE")
    t.eq(hs:asked(), { put(), delete(), put() })
  end)

  t.it("raises M_EXCLUSIVE for an alias outside of the bridge's namespace", function()
    local err = t.raises(function() bot:add_room_alias(room, "hall-of-" .. bot.localpart) end, "add_room_alias")
    t.eq(err.errcode, "M_EXCLUSIVE")
  end)

  t.it("raises M_EXCLUSIVE when a double puppet wants an alias of the bridge's namespace", function()
    t.eq(t.raises(function() as_alice:add_room_alias(room, name) end).errcode, "M_EXCLUSIVE")
  end)

  t.it("sets an alias as a double puppet that is in the room, and raises M_FORBIDDEN when it is not", function()
    name = alice.mxid:match("^@(.-):") .. "-hall"
    as_alice:add_room_alias(room, name)
    t.eq(hs:asked(), { put() })
    leads_to(room)
    local carol = hs:user("carol")
    local err = t.raises(function() bot:user(carol.mxid, { token = carol.token }):add_room_alias(room, carol.mxid:match("^@(.-):") .. "-hall") end)
    t.eq(err.errcode, "M_FORBIDDEN")
  end)

  t.it("takes every letter but white space and colons", function()
    bot:ensure_registered()
    for _, odd in ipairs { "#lua", "a/b", "50%25", "wie?", "é+", ".." } do
      name = bot.localpart .. odd
      hs:asked()
      bot:add_room_alias(room, name)
      t.eq(hs:asked(), { put() })
      leads_to(room)
    end
  end)

  t.it("raises what the homeserver says of a colon: a whole alias is no localpart", function()
    local err = t.raises(function() bot:add_room_alias(room, name .. ":" .. hs.server_name) end)
    t.eq(err.errcode, "M_INVALID_PARAM")
  end)

  t.it("raises what the homeserver says of a room that it does not know", function()
    t.eq(t.raises(function() bot:add_room_alias("!nowhere:" .. hs.server_name, name) end).status, 400)
    t.eq(t.raises(function() bot:resolve_room_alias(alias()) end).errcode, "M_NOT_FOUND")
  end)

  t.it("refuses an empty room ID, and asks nothing", function()
    t.raises(function() bot:add_room_alias("", name) end, "room_id")
    t.eq(hs:asked(), {})
  end)
end)
