local t = require "bridge.test"

t.describe("intent:get_account_data", function()
  local hs, bot, ghost, alice, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    room  = alice:room()
    bot:ensure_registered()
    hs:asked()
  end)

  local function path(user) return "GET /user/" .. (user or bot.mxid) .. "/account_data/com.example.settings" end

  t.it("returns what the account keeps under a type, asking each time", function()
    bot:set_account_data("com.example.settings", { theme = "dark", sizes = { 1, 2 } })
    hs:asked()
    t.eq(bot:get_account_data("com.example.settings"), { theme = "dark", sizes = { 1, 2 } })
    bot:get_account_data("com.example.settings")
    t.eq(hs:asked(), { path(), path() })
  end)

  t.it("returns what is kept for one room with room_id", function()
    bot:set_account_data("com.example.settings", { theme = "dark" })
    bot:set_account_data("com.example.settings", { theme = "light" }, { room_id = room })
    hs:asked()
    t.eq(bot:get_account_data("com.example.settings", { room_id = room }), { theme = "light" })
    t.eq(hs:asked(), { "GET /user/" .. bot.mxid .. "/rooms/" .. room .. "/account_data/com.example.settings" })
    t.eq(bot:get_account_data("com.example.settings"), { theme = "dark" })
  end)

  t.it("returns each user's own", function()
    local as_alice = bot:user(alice.mxid, { token = alice.token })
    bot:set_account_data("com.example.settings", { theme = "dark" })
    as_alice:set_account_data("com.example.settings", { theme = "light" })
    hs:asked()
    t.eq(as_alice:get_account_data("com.example.settings"), { theme = "light" })
    t.eq(hs:asked(), { path(alice.mxid) })
  end)

  t.it("raises M_NOT_FOUND when nothing is kept there", function()
    t.eq(t.raises(function() bot:get_account_data("com.example.settings") end).errcode, "M_NOT_FOUND")
    t.eq(t.raises(function() bot:get_account_data("com.example.settings", { room_id = room }) end).errcode, "M_NOT_FOUND")
  end)

  t.it("registers a user that the homeserver turns out not to know", function()
    t.eq(t.raises(function() ghost:get_account_data("com.example.settings") end).errcode, "M_NOT_FOUND")
    t.eq(hs:asked(), { path(ghost.mxid), "POST /register?kind=user", path(ghost.mxid) })
  end)
end)
