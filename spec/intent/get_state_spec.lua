local t = require "bridge.test"

t.describe("intent:get_state", function()
  local hs, bot, ghost, alice, room, store

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room { name = "Hall" }
    hs:asked()
  end)

  -- The events of a list by type, or by type and state key.
  local function by_type(list)
    local all = {}
    for _, evt in ipairs(list) do
      all[evt.type .. (evt.state_key ~= "" and " " .. evt.state_key or "")] = evt
    end
    return all
  end

  t.it("registers and joins the user first, and returns all state events", function()
    local state = ghost:get_state(room)
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. room, "GET /rooms/" .. room .. "/state" })
    local found = by_type(state)
    t.eq(found["m.room.name"].content, { name = "Hall" })
    t.eq(found["m.room.create"].sender, alice.mxid)
    t.eq(found["m.room.member " .. alice.mxid].content.membership, "join")
    t.eq(found["m.room.member " .. ghost.mxid].content.membership, "join")
    t.eq(found["m.room.member " .. bot.mxid].content.membership, "invite")
  end)

  t.it("asks each time", function()
    ghost:get_state(room)
    ghost:get_state(room)
    t.eq(#hs:asked(), 4)
  end)

  t.it("lets the store know levels, creation, encryption and members, and nobody else", function()
    alice:send(room, "m.room.encryption", { algorithm = "m.megolm.v1.aes-sha2" }, { state_key = "" })
    local carol = hs:user("carol")
    store:joined(room, carol.mxid)
    ghost:get_state(room)
    t.eq(store:has_power_levels_cached(room), true)
    t.eq(store:get_create(room).sender, alice.mxid)
    t.eq(store:is_encrypted(room), true)
    t.eq(store:is_joined(room, alice.mxid), true)
    t.eq(store:get_membership(room, bot.mxid), "invite")
    t.eq(store:is_joined(room, carol.mxid), false)
    t.eq(store:has_full_member_list(room), true)
  end)

  t.it("returns to one who has left the state as it was then, and joins nothing with ensure_joined = false", function()
    ghost:ensure_joined(room)
    ghost:leave_room(room)
    alice:send(room, "m.room.name", { name = "Cellar" }, { state_key = "" })
    hs:asked()
    local found = by_type(ghost:get_state(room, { ensure_joined = false }))
    t.eq(hs:asked(), { "GET /rooms/" .. room .. "/state" })
    t.eq(found["m.room.name"].content, { name = "Hall" })
    t.eq(found["m.room.member " .. ghost.mxid].content.membership, "leave")
  end)

  t.it("does not let the store take the state of the past for the present one", function()
    ghost:ensure_joined(room)
    ghost:leave_room(room)
    alice:say(room, "all of this is known")
    hs:user("carol"):join(room)
    store:joined(room, hs:user("carol").mxid)
    store:set_power_levels(room, { users_default = 7 })
    ghost:get_state(room, { ensure_joined = false })
    t.eq(store:is_joined(room, hs:user("carol").mxid), true)
    t.eq(store:get_power_levels(room), { users_default = 7 })
  end)

  t.it("tells M_FORBIDDEN to one who was never there", function()
    ghost:ensure_registered()
    local err = t.raises(function() ghost:get_state(room, { ensure_joined = false }) end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
  end)
end)
