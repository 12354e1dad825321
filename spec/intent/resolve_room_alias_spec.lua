local t = require "bridge.test"

t.describe("intent:resolve_room_alias", function()
  local hs, bot, ghost, room, name

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    room  = hs:user("alice"):room()
    name  = bot.localpart .. "-hall"
  end)

  local function alias() return "#" .. name .. ":" .. hs.server_name end
  local function get(of) return "GET /directory/room/" .. (of or alias()) end

  t.it("registers the user, and returns the room and the servers that know it", function()
    bot:add_room_alias(room, name)
    hs:asked()
    t.eq(ghost:resolve_room_alias(alias()), { room_id = room, servers = { hs.server_name } })
    t.eq(hs:asked(), { "POST /register?kind=user", get() })
  end)

  t.it("asks the homeserver each time, and remembers nothing", function()
    bot:add_room_alias(room, name)
    bot:resolve_room_alias(alias())
    hs:asked()
    bot:resolve_room_alias(alias())
    t.eq(hs:asked(), { get() })
  end)

  t.it("asks for aliases of other servers, too", function()
    bot:ensure_registered()
    hs:asked()
    t.fault { path = "/directory/room/", content = { room_id = "!there", servers = { "example.org", "example.com" } } }
    t.eq(bot:resolve_room_alias("#hall:example.org"), { room_id = "!there", servers = { "example.org", "example.com" } })
    t.eq(hs:asked(), { get("#hall:example.org") })
  end)

  t.it("finds as a double puppet without registering", function()
    bot:add_room_alias(room, name)
    hs:asked()
    local carol = hs:user("carol")
    t.eq(bot:user(carol.mxid, { token = carol.token }):resolve_room_alias(alias()).room_id, room)
    t.eq(hs:asked(), { get() })
  end)

  t.it("raises M_NOT_FOUND when there is no such alias", function()
    local err = t.raises(function() bot:resolve_room_alias(alias()) end, "resolve_room_alias")
    t.eq(err.errcode, "M_NOT_FOUND")
    t.eq(err.status, 404)
  end)

  t.it("refuses what is no alias, and asks nothing", function()
    for _, wrong in ipairs { "", name, room } do
      t.raises(function() bot:resolve_room_alias(wrong) end, "room_alias")
    end
    t.eq(hs:asked(), {})
  end)

  t.it("raises when the answer names no room", function()
    t.fault { path = "/directory/room/", content = { servers = { "example.org" } } }
    t.raises(function() bot:resolve_room_alias(alias()) end, "room_id")
  end)
end)
