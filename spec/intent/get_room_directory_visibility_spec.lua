local t = require "bridge.test"

t.describe("intent:get_room_directory_visibility", function()
  local hs, bot, ghost, alice, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    room  = alice:room()
    hs:asked()
  end)

  local function get() return "GET /directory/list/room/" .. room end

  t.it("registers the user, joins no room, and says private of a room that is not in the directory", function()
    t.eq(ghost:get_room_directory_visibility(room), "private")
    t.eq(hs:asked(), { "POST /register?kind=user", get() })
    t.eq(hs:members(room)[ghost.mxid], nil)
  end)

  t.it("says public of a room that is in it, each time anew", function()
    bot:ensure_registered()
    hs:asked()
    local as_alice = bot:user(alice.mxid, { token = alice.token })
    as_alice:set_room_directory_visibility(room, "public")
    hs:asked()
    t.eq(bot:get_room_directory_visibility(room), "public")
    t.eq(as_alice:get_room_directory_visibility(room), "public")
    as_alice:set_room_directory_visibility(room, "private")
    t.eq(bot:get_room_directory_visibility(room), "private")
    t.eq(hs:asked(), { get(), get(), "PUT /directory/list/room/" .. room, get() })
  end)

  t.it("raises M_NOT_FOUND when there is no such room", function()
    local err = t.raises(function() bot:get_room_directory_visibility("!nowhere:" .. hs.server_name) end, "get_room_directory_visibility")
    t.eq(err.errcode, "M_NOT_FOUND")
    t.eq(err.status, 404)
  end)

  t.it("raises when the answer says nothing", function()
    t.fault { path = "/directory/list/", content = {} }
    t.raises(function() bot:get_room_directory_visibility(room) end, "visibility")
  end)

  t.it("refuses an empty room ID, and asks nothing", function()
    t.raises(function() bot:get_room_directory_visibility("") end, "room_id")
    t.eq(hs:asked(), {})
  end)
end)
