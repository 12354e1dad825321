local t = require "bridge.test"

t.describe("intent:send_receipt", function()
  local hs, bot, ghost, alice, room, event

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    room  = alice:room()
    event = alice:say(room, "hello")
    bot:join_room(room)
    hs:asked()
  end)

  local function path(kind) return "POST /rooms/" .. room .. "/receipt/" .. kind .. "/" .. event end

  t.it("tells the others that the event was read", function()
    bot:send_receipt(room, event)
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, path("m.read"))
    t.eq(made[1].content, {})
    t.eq(made[1].user, bot.mxid)
  end)

  t.it("tells it to nobody else with m.read.private", function()
    bot:send_receipt(room, event, { receipt_type = "m.read.private" })
    t.eq(hs:asked(), { path("m.read.private") })
  end)

  t.it("sets the user's own mark with m.fully_read", function()
    bot:send_receipt(room, event, { receipt_type = "m.fully_read" })
    t.eq(hs:asked(), { path("m.fully_read") })
    t.eq(bot:get_account_data("m.fully_read", { room_id = room }).event_id, event)
  end)

  t.it("asks each time", function()
    bot:send_receipt(room, event)
    bot:send_receipt(room, event)
    t.eq(hs:asked(), { path("m.read"), path("m.read") })
  end)

  t.it("works for a double puppet", function()
    bot:user(alice.mxid, { token = alice.token }):send_receipt(room, event)
    t.eq(hs:asked(), { path("m.read") })
  end)

  t.it("registers the user and joins nothing: M_FORBIDDEN outside of the room", function()
    local err = t.raises(function() ghost:send_receipt(room, event) end)
    t.eq(err.errcode, "M_FORBIDDEN")
    t.eq(hs:asked(), { "POST /register?kind=user", path("m.read") })
  end)

  t.it("raises for a type that there is not", function()
    local err = t.raises(function() bot:send_receipt(room, event, { receipt_type = "m.glanced" }) end)
    t.eq(err.errcode, "M_UNKNOWN")
    t.eq(err.status, 400)
  end)
end)
