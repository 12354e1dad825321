local t = require "bridge.test"

t.describe("intent:get_room_tags", function()
  local hs, bot, ghost, alice, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    room  = alice:room()
    hs:asked()
  end)

  local function path(user) return "GET /user/" .. user .. "/rooms/" .. room .. "/tags" end

  t.it("registers the user first, and is empty for a room without tags", function()
    t.eq(ghost:get_room_tags(room), { tags = {} })
    t.eq(hs:asked(), { "POST /register?kind=user", path(ghost.mxid) })
  end)

  t.it("returns each tag with what stands with it, asking each time", function()
    bot:join_room(room)
    bot:set_room_tag(room, "m.favourite", { order = 0.25 })
    bot:set_room_tag(room, "u.work", { info = { ["com.example.colour"] = "red" } })
    hs:asked()
    t.eq(bot:get_room_tags(room), { tags = { ["m.favourite"] = { order = 0.25 }, ["u.work"] = { ["com.example.colour"] = "red" } } })
    bot:get_room_tags(room)
    t.eq(hs:asked(), { path(bot.mxid), path(bot.mxid) })
  end)

  t.it("returns the user's own tags only", function()
    local as_alice = bot:user(alice.mxid, { token = alice.token })
    as_alice:set_room_tag(room, "m.favourite")
    bot:join_room(room)
    t.eq(bot:get_room_tags(room), { tags = {} })
    hs:asked()
    t.eq(as_alice:get_room_tags(room), { tags = { ["m.favourite"] = {} } })
    t.eq(hs:asked(), { path(alice.mxid) })
  end)
end)
