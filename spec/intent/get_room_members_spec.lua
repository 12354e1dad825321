local t = require "bridge.test"

t.describe("intent:get_room_members", function()
  local hs, bot, ghost, alice, carol, room, store

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    carol = hs:user("carol")
    store = bot.state_store
    room  = alice:room() -- the bot is invited
    alice:ban(room, carol.mxid)
    hs:asked()
  end)

  local function sorted(...)
    local list = { ... }
    table.sort(list)
    return list
  end

  local function of(...)
    return sorted(unpack(ghost:get_room_members(room, { allowed_memberships = { ... } })))
  end

  t.it("registers and joins the user first, and returns who is in the room", function()
    local users = ghost:get_room_members(room)
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. room, "GET /rooms/" .. room .. "/joined_members" })
    t.eq(users, sorted(alice.mxid, ghost.mxid))
  end)

  t.it("does the same for allowed_memberships = { \"join\" }", function()
    t.eq(of("join"), sorted(alice.mxid, ghost.mxid))
    t.eq(hs:asked()[3], "GET /rooms/" .. room .. "/joined_members")
  end)

  t.it("returns those of other memberships", function()
    ghost:ensure_joined(room)
    hs:asked()
    t.eq(of("invite"), { bot.mxid })
    t.eq(of("ban"), { carol.mxid })
    t.eq(of("join", "invite"), sorted(alice.mxid, ghost.mxid, bot.mxid))
    t.eq(of("knock"), {})
    t.eq(hs:asked()[1], "GET /rooms/" .. room .. "/members")
  end)

  t.it("joins nothing when others are wanted", function()
    ghost:ensure_registered()
    hs:asked()
    local err = t.raises(function() of("join", "invite") end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
    t.eq(hs:asked(), { "GET /rooms/" .. room .. "/members" })
  end)

  t.it("lets the store know who is in the room", function()
    store:joined(room, carol.mxid)
    ghost:get_room_members(room)
    t.eq(store:is_joined(room, alice.mxid), true)
    t.eq(store:is_joined(room, carol.mxid), false)
    t.eq(store:has_full_member_list(room), true)
  end)

  t.it("lets the store know all members when others are wanted", function()
    ghost:ensure_joined(room)
    store:joined(room, carol.mxid)
    of("invite")
    t.eq(store:get_membership(room, carol.mxid), "ban")
    t.eq(store:get_membership(room, bot.mxid), "invite")
    t.eq(store:has_full_member_list(room), true)
  end)

  t.it("tells M_FORBIDDEN where the user cannot come in", function()
    local shut = alice:room { private = true }
    alice:send(shut, "m.room.power_levels", { invite = 50 }, { state_key = "" })
    local err = t.raises(function() ghost:get_room_members(shut) end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
  end)
end)
