local t = require "bridge.test"

t.describe("intent:mark_read", function()
  local hs, bot, ghost, alice, as_alice, room, event, store

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    store    = bot.state_store
    room     = alice:room()
    event    = alice:say(room, "hello")
    bot:join_room(room)
    hs:asked()
  end)

  local function path() return "POST /rooms/" .. room .. "/read_markers" end

  local function marked(intent) return intent:get_account_data("m.fully_read", { room_id = room }).event_id end

  t.it("sets the user's own mark and the one that others see, and remembers the event", function()
    bot:mark_read(room, event)
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, path())
    t.eq(made[1].content, { ["m.fully_read"] = event, ["m.read"] = event })
    t.eq(made[1].user, bot.mxid)
    t.eq(marked(bot), event)
    t.eq(store:get_read(room, bot.mxid), event)
  end)

  t.it("asks nothing for the same event again", function()
    bot:mark_read(room, event)
    hs:asked()
    bot:mark_read(room, event)
    t.eq(hs:asked(), {})
  end)

  t.it("asks nothing for an event that the store says was read", function()
    store:set_read(room, bot.mxid, event)
    bot:mark_read(room, event)
    t.eq(hs:asked(), {})
  end)

  t.it("asks again for another event, another user, and another room", function()
    bot:mark_read(room, event)
    local later = alice:say(room, "there?")
    bot:mark_read(room, later)
    t.eq(marked(bot), later)
    ghost:ensure_joined(room)
    hs:asked()
    ghost:mark_read(room, later)
    t.eq(hs:asked(), { path() })
    t.eq(marked(ghost), later)
  end)

  t.it("sends extra_content beside the marks", function()
    bot:mark_read(room, event, { extra_content = { ["com.example.why"] = { seen = true } } })
    t.eq(hs:requests()[1].content, { ["m.fully_read"] = event, ["m.read"] = event, ["com.example.why"] = { seen = true } })
  end)

  t.it("marks what a double puppet does", function()
    as_alice:mark_read(room, event)
    local content = hs:requests()[1].content
    local extra = content["com.beeper.read.extra"]
    t.matches(extra["fi.mau.double_puppet_source"], ".")
    t.eq(content["com.beeper.fully_read.extra"], extra)
    t.eq(content["m.read"], event)
    t.eq(marked(as_alice), event)
  end)

  t.it("registers the user and joins nothing: M_FORBIDDEN outside of the room", function()
    local err = t.raises(function() ghost:mark_read(room, event) end)
    t.eq(err.errcode, "M_FORBIDDEN")
    t.eq(hs:asked(), { "POST /register?kind=user", path() })
    t.eq(store:get_read(room, ghost.mxid), nil)
  end)

  t.it("raises for an event that is not in the room, and remembers nothing", function()
    local err = t.raises(function() bot:mark_read(room, "$nothing") end)
    t.eq(err.status, 404)
    t.eq(store:get_read(room, bot.mxid), nil)
  end)
end)
