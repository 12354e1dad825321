local t = require "bridge.test"

t.describe("intent:join_room", function()
  local hs, bot, ghost, alice, as_alice, store

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    store    = bot.state_store
  end)

  t.it("registers the user, joins by ID, and returns the room's ID", function()
    local room = alice:room()
    hs:asked()
    t.eq(ghost:join_room(room), room)
    local made = hs:requests()
    t.eq(#made, 2)
    t.eq(made[1].line, "POST /register?kind=user")
    t.eq(made[2].line, "POST /join/" .. room)
    t.eq(made[2].content, {})
    t.eq(made[2].user, ghost.mxid)
    t.eq(hs:members(room)[ghost.mxid], "join")
    t.eq(store:is_joined(room, ghost.mxid), true)
  end)

  t.it("joins by alias, returns the room's ID, and remembers that room", function()
    local room, alias = alice:room(), "#hall-" .. ghost.localpart .. ":" .. hs.server_name
    as_alice.api:request("PUT", "/_matrix/client/v3/directory/room/" .. alias:gsub("#", "%%23"), { content = { room_id = room } })
    ghost:ensure_registered()
    hs:asked()
    t.eq(ghost:join_room(alias), room)
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, "POST /join/" .. alias)
    t.matches(made[1].raw_path, "/join/%%23hall")
    t.eq(store:is_joined(room, ghost.mxid), true)
  end)

  t.it("asks even when the store knows that the user is in the room", function()
    local room = alice:room()
    ghost:join_room(room)
    hs:asked()
    t.eq(ghost:join_room(room), room)
    t.eq(hs:asked(), { "POST /join/" .. room })
  end)

  t.it("takes up an invitation", function()
    local room = alice:room { private = true }
    t.eq(bot:join_room(room), room)
    t.eq(hs:members(room)[bot.mxid], "join")
  end)

  t.it("is not helped by the bot: a private room is M_FORBIDDEN", function()
    local room = alice:room { private = true }
    bot:join_room(room)
    ghost:ensure_registered()
    hs:asked()
    local failed = t.raises(function() ghost:join_room(room) end, "join_room as ")
    t.eq(failed.errcode, "M_FORBIDDEN")
    t.eq(failed.status, 403)
    t.eq(hs:asked(), { "POST /join/" .. room })
    t.eq(store:is_joined(room, ghost.mxid), false)
  end)

  t.it("raises M_BAD_STATE for a banned user", function()
    local room = alice:room()
    ghost:join_room(room)
    alice:ban(room, ghost.mxid)
    hs:asked()
    t.eq(t.raises(function() ghost:join_room(room) end).errcode, "M_BAD_STATE")
    t.eq(hs:asked(), { "POST /join/" .. room })
  end)

  t.it("raises M_NOT_FOUND at once for an alias that there is not", function()
    local alias = "#nowhere:" .. hs.server_name
    bot:ensure_registered()
    hs:asked()
    local failed = t.raises(function() bot:join_room(alias) end, "#nowhere")
    t.eq(failed.errcode, "M_NOT_FOUND")
    t.eq(failed.status, 404)
    t.eq(hs:asked(), { "POST /join/" .. alias })
  end)

  t.it("raises at once for a room ID that no server is known for", function()
    local room = "!nowhere:" .. hs.server_name
    bot:ensure_registered()
    hs:asked()
    t.eq(t.raises(function() bot:join_room(room) end).status, 404)
    t.eq(hs:asked(), { "POST /join/" .. room })
  end)

  t.it("refuses an empty room ID and asks nothing", function()
    hs:asked()
    t.raises(function() bot:join_room("") end)
    t.eq(hs:asked(), {})
  end)

  t.it("names the servers that know the room, each of them", function()
    local room = alice:room()
    bot:ensure_registered()
    hs:asked()
    bot:join_room(room, { servers = { "one.example", "two.example" } })
    t.eq(hs:asked(), { "POST /join/" .. room .. "?server_name=one.example&server_name=two.example" })
  end)

  t.it("hands over the proof of an invitation by e-mail", function()
    local room = alice:room()
    local proof = { mxid = bot.mxid, sender = alice.mxid, token = "abc", signatures = { ["id.example"] = { ["ed25519:0"] = "sig" } } }
    bot:ensure_registered()
    hs:asked()
    t.fault { path = "/join/", content = { room_id = room } } -- no identity server has signed it
    t.eq(bot:join_room(room, { third_party_signed = proof }), room)
    t.eq(hs:requests()[1].content, { third_party_signed = proof })
    t.eq(store:is_joined(room, bot.mxid), true)
  end)

  t.it("tries again when the join failed for no lasting reason", function()
    local room = alice:room()
    bot:ensure_registered()
    hs:asked()
    t.fault { path = "/join/", status = 500, errcode = "M_UNKNOWN", error = "try later" }
    t.eq(bot:join_room(room), room)
    t.eq(hs:asked(), { "POST /join/" .. room, "POST /join/" .. room })
    t.eq(store:is_joined(room, bot.mxid), true)
  end)

  t.it("tries no more often than max_retries says", function()
    local room = alice:room()
    bot:ensure_registered()
    hs:asked()
    t.fault { path = "/join/", status = 500, errcode = "M_UNKNOWN", error = "try later", times = 3 }
    local failed = t.raises(function() bot:join_room(room, { max_retries = 0 }) end, "try later")
    t.eq(failed.status, 500)
    t.eq(hs:asked(), { "POST /join/" .. room })
    t.raises(function() bot:join_room(room, { max_retries = 1 }) end, "try later")
    t.eq(hs:asked(), { "POST /join/" .. room, "POST /join/" .. room })
    t.eq(store:is_joined(room, bot.mxid), false)
  end)
end)
