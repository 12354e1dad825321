local markdown = require("bridge").markdown
local t        = require "bridge.test"

t.describe("intent:error_and_leave", function()
  local hs, bot, ghost, alice, as_alice, store, room

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    store    = bot.state_store
    room     = alice:room()
  end)

  local function send() return "PUT /rooms/" .. room .. "/send/m.room.message/TXN" end
  local function leave() return "POST /rooms/" .. room .. "/leave" end

  -- the ghost is in the room, and its levels are known
  local function settled()
    ghost:send_text(room, "hello")
    hs:asked()
  end

  t.it("says why in a notice, and leaves", function()
    settled()
    t.eq(ghost:error_and_leave(room, { text = "This did not work" }), nil)
    local made = hs:requests()
    t.eq(#made, 2)
    t.eq(made[1].line, send())
    t.eq(made[1].content, { msgtype = "m.notice", body = "This did not work" })
    t.eq(made[2].line, leave())
    t.eq(made[2].content, {})
    t.eq(hs:members(room)[ghost.mxid], "leave")
    t.eq(store:is_joined(room, ghost.mxid), false)
  end)

  t.it("joins first, and looks at the power levels", function()
    hs:asked()
    ghost:error_and_leave(room, "Sorry")
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. room, "GET /rooms/" .. room .. "/state/m.room.power_levels",
      "GET /rooms/" .. room .. "/state/m.room.create?format=event", send(), leave() })
  end)

  t.it("takes both forms of the text", function()
    settled()
    ghost:error_and_leave(room, { text = "plain", html = "<b>rich</b>" })
    t.eq(hs:requests()[1].content, { msgtype = "m.notice", body = "plain", format = "org.matrix.custom.html", formatted_body = "<b>rich</b>" })
  end)

  t.it("makes the plain text from the HTML when there is none", function()
    settled()
    ghost:error_and_leave(room, { html = "<p>Something broke &amp; ended</p>" })
    local content = hs:requests()[1].content
    t.eq(content.formatted_body, "<p>Something broke &amp; ended</p>")
    t.matches(content.body, "^Something broke & ended")
  end)

  t.it("takes what bridge.markdown makes", function()
    settled()
    ghost:error_and_leave(room, markdown("It is **over**"))
    local content = hs:requests()[1].content
    t.matches(content.formatted_body, "<strong>over</strong>")
    t.eq(content.msgtype, "m.notice")
  end)

  t.it("refuses to say nothing, asks nothing, and the user stays", function()
    settled()
    t.raises(function() ghost:error_and_leave(room) end, "text or html")
    t.eq(hs:asked(), {})
    t.eq(store:is_joined(room, ghost.mxid), true)
  end)

  t.it("raises when the notice is refused, and the user stays", function()
    settled()
    t.fault { path = "/send/", status = 403, errcode = "M_FORBIDDEN", error = "be quiet" }
    local failed = t.raises(function() ghost:error_and_leave(room, "Sorry") end, "be quiet")
    t.eq(failed.errcode, "M_FORBIDDEN")
    t.eq(hs:asked(), { send() })
    t.eq(hs:members(room)[ghost.mxid], "join")
  end)

  t.it("asks nothing when the power level is not enough for the notice, and the user stays", function()
    settled()
    as_alice:set_power_levels(room, { events_default = 10 })
    hs:asked()
    t.raises(function() ghost:error_and_leave(room, "Sorry") end, "not enough for m.room.message")
    t.eq(hs:asked(), {})
    t.eq(hs:members(room)[ghost.mxid], "join")
  end)

  t.it("marks both of a double puppet", function()
    bot:join_room(room)
    hs:asked()
    as_alice:error_and_leave(room, "Goodbye")
    local made = hs:requests()
    t.eq(made[#made - 1].content, { msgtype = "m.notice", body = "Goodbye", ["fi.mau.double_puppet_source"] = "bridgehost" })
    t.eq(made[#made].line, "PUT /rooms/" .. room .. "/state/m.room.member/" .. alice.mxid)
    t.eq(hs:state(room, "m.room.member", alice.mxid)["fi.mau.double_puppet_source"], "bridgehost")
  end)
end)
