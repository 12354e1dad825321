local t = require "bridge.test"

t.describe("intent:set_room_directory_visibility", function()
  local hs, bot, ghost, alice, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    room  = alice:room()
    alice:send(room, "m.room.power_levels", { users = { [bot.mxid] = 50 } }, { state_key = "" })
    bot:join_room(room)
    hs:asked()
  end)

  local function put() return "PUT /directory/list/room/" .. room end
  local function visibility() return bot:get_room_directory_visibility(room) end

  t.it("puts the room into the directory, and takes it out", function()
    t.eq(bot:set_room_directory_visibility(room, "public"), nil)
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, put())
    t.eq(made[1].content, { visibility = "public" })
    t.eq(visibility(), "public")
    hs:asked()
    bot:set_room_directory_visibility(room, "private")
    t.eq(hs:requests()[1].content, { visibility = "private" })
    t.eq(visibility(), "private")
  end)

  t.it("registers the user first, joins no room, and raises M_FORBIDDEN when the user is not in it", function()
    local err = t.raises(function() ghost:set_room_directory_visibility(room, "public") end, "set_room_directory_visibility")
    t.eq(err.errcode, "M_FORBIDDEN")
    t.eq(err.status, 403)
    t.eq(hs:asked(), { "POST /register?kind=user", put() })
    t.eq(visibility(), "private")
  end)

  t.it("raises M_FORBIDDEN when the user could not change the canonical alias", function()
    ghost:join_room(room)
    t.eq(t.raises(function() ghost:set_room_directory_visibility(room, "public") end).errcode, "M_FORBIDDEN")
    alice:send(room, "m.room.power_levels", { users = { [bot.mxid] = 50 }, events = { ["m.room.canonical_alias"] = 60 } }, { state_key = "" })
    t.eq(t.raises(function() bot:set_room_directory_visibility(room, "public") end).errcode, "M_FORBIDDEN")
    t.eq(visibility(), "private")
  end)

  t.it("acts as a double puppet without registering", function()
    bot:user(alice.mxid, { token = alice.token }):set_room_directory_visibility(room, "public")
    t.eq(hs:asked(), { put() })
    t.eq(visibility(), "public")
  end)

  t.it("raises when there is no such room", function()
    t.eq(t.raises(function() bot:set_room_directory_visibility("!nowhere:" .. hs.server_name, "public") end).status, 400)
  end)

  t.it("refuses another visibility and an empty room ID, and asks nothing", function()
    t.raises(function() bot:set_room_directory_visibility(room, "secret") end, "visibility")
    t.raises(function() bot:set_room_directory_visibility("", "public") end, "room_id")
    t.eq(hs:asked(), {})
  end)
end)
