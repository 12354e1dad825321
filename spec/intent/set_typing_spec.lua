local t = require "bridge.test"

t.describe("intent:set_typing", function()
  local hs, bot, ghost, alice, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    room  = alice:room()
    hs:asked()
  end)

  local function path() return "PUT /rooms/" .. room .. "/typing/" .. ghost.mxid end

  t.it("registers and joins the user first, and shows it as typing for five seconds", function()
    ghost:set_typing(room)
    local made = hs:requests()
    t.eq(#made, 3)
    t.eq(made[1].line, "POST /register?kind=user")
    t.eq(made[2].line, "POST /join/" .. room)
    t.eq(made[3].line, path())
    t.eq(made[3].content, { typing = true, timeout = 5000 })
    t.eq(made[3].user, ghost.mxid)
  end)

  t.it("asks nothing again while the same state holds", function()
    ghost:set_typing(room, { is_typing = true, timeout = 5000 })
    hs:asked()
    ghost:set_typing(room, { is_typing = true, timeout = 5000 })
    t.eq(hs:asked(), {})
  end)

  t.it("asks again with ignore_cache", function()
    ghost:set_typing(room)
    hs:asked()
    ghost:set_typing(room, { ignore_cache = true })
    t.eq(hs:asked(), { path() })
  end)

  t.it("asks again when the time is over", function()
    ghost:set_typing(room, { timeout = 1000 })
    hs:asked()
    t.advance("1.1s")
    ghost:set_typing(room, { timeout = 1000 })
    t.eq(hs:asked(), { path() })
  end)

  t.it("ends typing with is_typing = false, and with no time", function()
    ghost:set_typing(room)
    hs:requests()
    ghost:set_typing(room, { is_typing = false })
    t.eq(hs:requests()[1].content, { typing = false })
    ghost:set_typing(room)
    hs:requests()
    ghost:set_typing(room, { timeout = 0 })
    t.eq(hs:requests()[1].content, { typing = false })
  end)
end)
