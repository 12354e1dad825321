local t = require "bridge.test"

t.describe("intent:set_fully_read_marker", function()
  local hs, bot, ghost, alice, as_alice, room, event

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    room     = alice:room()
    event    = alice:say(room, "hello")
    bot:join_room(room)
    hs:asked()
  end)

  local function path() return "POST /rooms/" .. room .. "/read_markers" end

  local function marked(intent) return intent:get_account_data("m.fully_read", { room_id = room }).event_id end

  t.it("sets the user's own mark alone", function()
    bot:set_fully_read_marker(room, event)
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, path())
    t.eq(made[1].content, { ["m.fully_read"] = event })
    t.eq(made[1].user, bot.mxid)
    t.eq(marked(bot), event)
  end)

  t.it("sets the one that others see, too, with read_receipt", function()
    local later = alice:say(room, "there?")
    bot:set_fully_read_marker(room, event, { read_receipt = later })
    t.eq(hs:requests()[1].content, { ["m.fully_read"] = event, ["m.read"] = later })
    t.eq(marked(bot), event)
  end)

  t.it("asks each time, and is nothing that mark_read knows of", function()
    bot:set_fully_read_marker(room, event, { read_receipt = event })
    bot:set_fully_read_marker(room, event, { read_receipt = event })
    bot:mark_read(room, event)
    t.eq(hs:asked(), { path(), path(), path() })
  end)

  t.it("moves the mark forward only", function()
    local later = alice:say(room, "there?")
    bot:set_fully_read_marker(room, later)
    bot:set_fully_read_marker(room, event)
    t.eq(marked(bot), later)
  end)

  t.it("sends extra_content beside the marks", function()
    bot:set_fully_read_marker(room, event, { extra_content = { ["com.example.why"] = "seen" } })
    t.eq(hs:requests()[1].content, { ["m.fully_read"] = event, ["com.example.why"] = "seen" })
  end)

  t.it("marks what a double puppet does, each mark that there is", function()
    as_alice:set_fully_read_marker(room, event)
    local content = hs:requests()[1].content
    t.matches(content["com.beeper.fully_read.extra"]["fi.mau.double_puppet_source"], ".")
    t.eq(content["com.beeper.read.extra"], nil)
    as_alice:set_fully_read_marker(room, event, { read_receipt = event })
    content = hs:requests()[1].content
    t.eq(content["com.beeper.read.extra"], content["com.beeper.fully_read.extra"])
  end)

  t.it("registers the user and joins nothing: M_FORBIDDEN for a receipt outside of the room", function()
    local err = t.raises(function() ghost:set_fully_read_marker(room, event, { read_receipt = event }) end)
    t.eq(err.errcode, "M_FORBIDDEN")
    t.eq(hs:asked(), { "POST /register?kind=user", path() })
  end)

  t.it("raises M_UNKNOWN, 404, for an event that is not in the room", function()
    local err = t.raises(function() bot:set_fully_read_marker(room, "$nothing") end)
    t.eq(err.errcode, "M_UNKNOWN")
    t.eq(err.status, 404)
  end)
end)
