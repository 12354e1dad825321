local t = require "bridge.test"

t.describe("intent:set_room_tag", function()
  local hs, bot, ghost, alice, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    room  = alice:room()
    bot:join_room(room)
    hs:asked()
  end)

  local function path(user, tag) return "PUT /user/" .. user .. "/rooms/" .. room .. "/tags/" .. tag end

  t.it("tags a room for the user alone", function()
    bot:set_room_tag(room, "m.favourite")
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, path(bot.mxid, "m.favourite"))
    t.eq(made[1].content, {})
    t.eq(made[1].user, bot.mxid)
    t.eq(bot:get_room_tags(room), { tags = { ["m.favourite"] = {} } })
  end)

  t.it("sends order, 0 as well, beside what info has", function()
    bot:set_room_tag(room, "u.work", { order = 0, info = { ["com.example.colour"] = "red" } })
    t.eq(hs:requests()[1].content, { order = 0, ["com.example.colour"] = "red" })
    bot:set_room_tag(room, "u.work", { order = 0.5, info = { order = 0.1 } })
    t.eq(hs:requests()[1].content, { order = 0.5 })
  end)

  t.it("replaces what stood with the tag, and leaves the other tags", function()
    bot:set_room_tag(room, "u.work", { order = 0.5 })
    bot:set_room_tag(room, "u.fun", { order = 0.1 })
    bot:set_room_tag(room, "u.work", { info = { x = 1 } })
    t.eq(bot:get_room_tags(room).tags, { ["u.work"] = { x = 1 }, ["u.fun"] = { order = 0.1 } })
  end)

  t.it("encodes odd tags", function()
    bot:set_room_tag(room, "u.a/b ä")
    t.matches(hs:requests()[1].raw_path, "/tags/u%.a%%2Fb%%20%%C3%%A4$")
    t.eq(bot:get_room_tags(room).tags, { ["u.a/b ä"] = {} })
  end)

  t.it("is a double puppet's own", function()
    bot:user(alice.mxid, { token = alice.token }):set_room_tag(room, "m.lowpriority")
    t.eq(hs:asked(), { path(alice.mxid, "m.lowpriority") })
    t.eq(bot:get_room_tags(room), { tags = {} })
  end)

  t.it("registers the user and joins nothing: M_FORBIDDEN for who never was in the room", function()
    t.eq(t.raises(function() ghost:set_room_tag(room, "m.favourite") end).errcode, "M_FORBIDDEN")
    t.eq(hs:asked(), { "POST /register?kind=user", path(ghost.mxid, "m.favourite") })
  end)
end)
