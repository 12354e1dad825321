local t = require "bridge.test"

t.describe("intent:get_power_levels", function()
  local hs, bot, ghost, alice, as_alice, room, store

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    store    = bot.state_store
    room     = alice:room()
    hs:asked()
  end)

  local function path() return "GET /rooms/" .. room .. "/state/m.room.power_levels" end

  t.it("registers and joins the user first, asks, and remembers the answer", function()
    local levels = ghost:get_power_levels(room)
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. room, path() })
    t.eq({ levels.state_default, levels.events["m.room.power_levels"], levels.users[alice.mxid] }, { 50, 100, nil })
    t.eq(store:has_power_levels_cached(room), true)
    t.eq(ghost:get_power_levels(room), levels)
    t.eq(hs:asked(), {})
  end)

  t.it("asks nothing when the store knows the levels", function()
    bot:join_room(room)
    store:set_power_levels(room, { users_default = 7 })
    hs:asked()
    t.eq(bot:get_power_levels(room).users_default, 7)
    t.eq(hs:asked(), {})
  end)

  t.it("asks even so with ignore_cache, and remembers the answer", function()
    bot:join_room(room)
    store:set_power_levels(room, { users_default = 7 })
    hs:asked()
    t.eq(bot:get_power_levels(room, { ignore_cache = true }).users_default, 0)
    t.eq(hs:asked(), { path() })
    t.eq(store:get_power_levels(room).users_default, 0)
  end)

  t.it("knows of a change as soon as it has come", function()
    bot:join_room(room)
    bot:get_power_levels(room)
    alice:send(room, "m.room.power_levels", { users = { [bot.mxid] = 30 } }, { state_key = "" })
    hs:asked()
    t.eq(bot:get_power_levels(room).users, { [bot.mxid] = 30 })
    t.eq(hs:asked(), {})
  end)

  t.it("returns what is left out at its default, and other fields as they are", function()
    alice:send(room, "m.room.power_levels", { users = { [bot.mxid] = 1 }, ban = 77, ["com.example.other"] = "yes" }, { state_key = "" })
    t.eq(bot:get_power_levels(room), {
      users = { [bot.mxid] = 1 }, users_default = 0, events = {}, events_default = 0, state_default = 50,
      invite = 0, kick = 50, ban = 77, redact = 50, notifications = { room = 50 }, ["com.example.other"] = "yes",
    })
  end)

  t.it("returns the defaults where there are no levels, and remembers that", function()
    bot:join_room(room)
    hs:asked()
    t.fault { method = "GET", path = "/state/m.room.power_levels", status = 404, errcode = "M_NOT_FOUND", error = "Event not found." }
    local levels = bot:get_power_levels(room)
    t.eq(levels, { users = {}, users_default = 0, events = {}, events_default = 0, state_default = 50,
      invite = 0, kick = 50, ban = 50, redact = 50, notifications = { room = 50 } })
    t.eq(bot:get_power_levels(room), levels)
    t.eq(hs:asked(), { path() })
  end)

  t.it("joins nothing with ensure_joined = false; then a refusal is M_FORBIDDEN, and is not remembered", function()
    ghost:ensure_registered()
    hs:asked()
    local err = t.raises(function() ghost:get_power_levels(room, { ensure_joined = false }) end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
    t.eq(hs:asked(), { path() })
    t.eq(store:has_power_levels_cached(room), false)
  end)

  t.it("does not remember the levels of the past, which one who has left is shown", function()
    ghost:ensure_joined(room)
    ghost:leave_room(room)
    alice:send(room, "m.room.power_levels", { users_default = 1 }, { state_key = "" })
    alice:say(room, "all of this is known")
    store:set_power_levels(room, { users_default = 7 })
    t.eq(ghost:get_power_levels(room, { ensure_joined = false, ignore_cache = true }).users_default, 0)
    t.eq(store:get_power_levels(room), { users_default = 7 })
  end)

  t.it("tells M_FORBIDDEN where the user cannot come in", function()
    local shut = alice:room { private = true }
    alice:send(shut, "m.room.power_levels", { invite = 50 }, { state_key = "" })
    local err = t.raises(function() ghost:get_power_levels(shut) end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
  end)
end)
