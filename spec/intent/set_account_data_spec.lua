local t = require "bridge.test"

t.describe("intent:set_account_data", function()
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

  t.it("keeps a table under a type, for the account", function()
    bot:set_account_data("com.example.settings", { theme = "dark" })
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, "PUT /user/" .. bot.mxid .. "/account_data/com.example.settings")
    t.eq(made[1].content, { theme = "dark" })
    t.eq(made[1].user, bot.mxid)
    t.eq(bot:get_account_data("com.example.settings"), { theme = "dark" })
  end)

  t.it("keeps it for one room with room_id, and joins nothing", function()
    bot:set_account_data("com.example.settings", { theme = "dark" }, { room_id = room })
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, "PUT /user/" .. bot.mxid .. "/rooms/" .. room .. "/account_data/com.example.settings")
    t.eq(bot:get_account_data("com.example.settings", { room_id = room }), { theme = "dark" })
    t.raises(function() bot:get_account_data("com.example.settings") end)
  end)

  t.it("replaces what was there", function()
    bot:set_account_data("com.example.settings", { theme = "dark", size = 3 })
    bot:set_account_data("com.example.settings", { theme = "light" })
    t.eq(bot:get_account_data("com.example.settings"), { theme = "light" })
    bot:set_account_data("com.example.settings", {})
    t.eq(bot:get_account_data("com.example.settings"), {})
  end)

  t.it("encodes odd types", function()
    bot:set_account_data("com.example/a b?c", { x = 1 })
    t.matches(hs:requests()[1].raw_path, "/com%.example%%2Fa%%20b%%3Fc$")
    t.eq(bot:get_account_data("com.example/a b?c"), { x = 1 })
  end)

  t.it("is a double puppet's own", function()
    local as_alice = bot:user(alice.mxid, { token = alice.token })
    as_alice:set_account_data("com.example.settings", { theme = "dark" })
    t.eq(hs:asked(), { "PUT /user/" .. alice.mxid .. "/account_data/com.example.settings" })
    t.eq(as_alice:get_account_data("com.example.settings"), { theme = "dark" })
  end)

  t.it("raises M_BAD_JSON for what is set in another way", function()
    for _, typ in ipairs { "m.fully_read", "m.push_rules" } do
      t.eq(t.raises(function() bot:set_account_data(typ, { x = 1 }) end).errcode, "M_BAD_JSON")
      t.eq(t.raises(function() bot:set_account_data(typ, { x = 1 }, { room_id = room }) end).errcode, "M_BAD_JSON")
    end
  end)

  t.it("registers a user that the homeserver turns out not to know", function()
    ghost:set_account_data("com.example.settings", { theme = "dark" })
    t.eq(hs:asked(), { "PUT /user/" .. ghost.mxid .. "/account_data/com.example.settings", "POST /register?kind=user", "PUT /user/" .. ghost.mxid .. "/account_data/com.example.settings" })
  end)
end)
