local t = require "bridge.test"

t.describe("intent:remove_room_tag", function()
  local hs, bot, ghost, alice, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    room  = alice:room()
    hs:asked()
  end)

  local function path(user, tag) return "DELETE /user/" .. user .. "/rooms/" .. room .. "/tags/" .. tag end

  t.it("takes a tag off the room, and leaves the others", function()
    bot:join_room(room)
    bot:set_room_tag(room, "m.favourite")
    bot:set_room_tag(room, "u.work")
    hs:requests()
    bot:remove_room_tag(room, "m.favourite")
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, path(bot.mxid, "m.favourite"))
    t.eq(made[1].user, bot.mxid)
    t.eq(bot:get_room_tags(room), { tags = { ["u.work"] = {} } })
  end)

  t.it("registers the user first, and takes it as done when the tag was not there", function()
    ghost:remove_room_tag(room, "m.favourite")
    t.eq(hs:asked(), { "POST /register?kind=user", path(ghost.mxid, "m.favourite") })
  end)

  t.it("leaves the tags of others", function()
    local as_alice = bot:user(alice.mxid, { token = alice.token })
    as_alice:set_room_tag(room, "m.favourite")
    bot:remove_room_tag(room, "m.favourite")
    t.eq(as_alice:get_room_tags(room), { tags = { ["m.favourite"] = {} } })
    hs:asked()
    as_alice:remove_room_tag(room, "m.favourite")
    t.eq(hs:asked(), { path(alice.mxid, "m.favourite") })
    t.eq(as_alice:get_room_tags(room), { tags = {} })
  end)
end)
