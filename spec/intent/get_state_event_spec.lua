local t = require "bridge.test"

t.describe("intent:get_state_event", function()
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

  local function path(rest) return "GET /rooms/" .. room .. "/state/" .. rest end

  t.it("registers and joins the user first, and returns the content", function()
    t.eq(ghost:get_state_event(room, "m.room.name"), { name = "Hall" })
    local made = hs:requests()
    t.eq({ made[1].line, made[2].line, made[3].line }, { "POST /register?kind=user", "POST /join/" .. room, path("m.room.name") })
    t.matches(made[3].raw_path, "/state/m%.room%.name$")
  end)

  t.it("asks each time", function()
    ghost:ensure_joined(room)
    hs:asked()
    ghost:get_state_event(room, "m.room.name")
    alice:send(room, "m.room.name", { name = "Cellar" }, { state_key = "" })
    t.eq(ghost:get_state_event(room, "m.room.name"), { name = "Cellar" })
    t.eq(hs:asked(), { path("m.room.name"), path("m.room.name") })
  end)

  t.it("returns the one with that state key", function()
    for _, key in ipairs { "one", "a/b?c#d%", "Grüße", "." } do
      alice:send(room, "com.example.state", { key = key }, { state_key = key })
      t.eq(ghost:get_state_event(room, "com.example.state", { state_key = key }), { key = key })
    end
  end)

  t.it("lets the store know a member", function()
    local content = ghost:get_state_event(room, "m.room.member", { state_key = alice.mxid })
    t.eq(content.membership, "join")
    t.eq(store:is_joined(room, alice.mxid), true)
    t.eq(store:get_member(room, alice.mxid).displayname, content.displayname)
  end)

  t.it("lets the store know power levels and encryption", function()
    alice:send(room, "m.room.encryption", { algorithm = "m.megolm.v1.aes-sha2" }, { state_key = "" })
    ghost:get_state_event(room, "m.room.encryption")
    t.eq(store:get_encryption_info(room), { algorithm = "m.megolm.v1.aes-sha2" })
    local levels = ghost:get_state_event(room, "m.room.power_levels")
    t.eq(store:get_power_levels(room), levels)
  end)

  t.it("returns the whole event with format = \"event\"", function()
    local evt = ghost:get_state_event(room, "m.room.name", { format = "event" })
    t.eq(hs:asked()[3], path("m.room.name?format=event"))
    t.eq({ evt.type, evt.state_key, evt.sender, evt.content.name }, { "m.room.name", "", alice.mxid, "Hall" })
    t.eq(ghost:get_state_event(room, "m.room.name", { format = "content" }), { name = "Hall" })
  end)

  t.it("lets the store know how the room was made, but not from the content alone", function()
    ghost:get_state_event(room, "m.room.create")
    t.eq(store:has_create_cached(room), false)
    ghost:get_state_event(room, "m.room.create", { format = "event" })
    t.eq(store:get_create(room).sender, alice.mxid)
  end)

  t.it("tells M_NOT_FOUND when there is no such state", function()
    local err = t.raises(function() ghost:get_state_event(room, "com.example.nothing") end)
    t.eq({ err.errcode, err.status }, { "M_NOT_FOUND", 404 })
  end)

  t.it("joins nothing with ensure_joined = false; one who has left sees the state as it was then", function()
    ghost:ensure_joined(room)
    ghost:leave_room(room)
    alice:send(room, "m.room.name", { name = "Cellar" }, { state_key = "" })
    hs:asked()
    t.eq(ghost:get_state_event(room, "m.room.name", { ensure_joined = false }), { name = "Hall" })
    t.eq(hs:asked(), { path("m.room.name") })
  end)

  t.it("does not let the store take the state of the past for the present one", function()
    ghost:ensure_joined(room)
    ghost:leave_room(room)
    alice:say(room, "all of this is known")
    store:set_power_levels(room, { users_default = 7 })
    ghost:get_state_event(room, "m.room.power_levels", { ensure_joined = false })
    t.eq(store:get_power_levels(room), { users_default = 7 })
  end)

  t.it("tells M_FORBIDDEN to one who was never there", function()
    ghost:ensure_registered()
    local err = t.raises(function() ghost:get_state_event(room, "m.room.name", { ensure_joined = false }) end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
  end)

  t.it("takes no empty type", function()
    t.raises(function() ghost:get_state_event(room, "") end, "type")
    t.eq(hs:asked(), {})
  end)
end)
