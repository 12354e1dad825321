local t = require "bridge.test"

t.describe("intent:knock_room", function()
  local hs, bot, ghost, alice, as_alice, store

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    store    = bot.state_store
    ghost:ensure_registered()
  end)

  local function closed(rule)
    local room = alice:room()
    alice:send(room, "m.room.join_rules", { join_rule = rule or "knock" }, { state_key = "" })
    hs:asked()
    return room
  end

  t.it("asks to be let in, and returns the room's ID", function()
    local room = closed()
    t.eq(ghost:knock_room(room), room)
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, "POST /knock/" .. room)
    t.eq(made[1].content, {})
    t.eq(made[1].user, ghost.mxid)
    t.eq(hs:members(room)[ghost.mxid], "knock")
    t.eq(store:get_membership(room, ghost.mxid), "knock")
  end)

  t.it("gives a reason", function()
    local room = closed("knock_restricted")
    ghost:knock_room(room, { reason = "May I?" })
    t.eq(hs:requests()[1].content, { reason = "May I?" })
    t.eq(hs:state(room, "m.room.member", ghost.mxid).reason, "May I?")
  end)

  t.it("knocks by alias, and remembers the room that the homeserver names", function()
    local room, alias = closed(), "#hall-" .. ghost.localpart .. ":" .. hs.server_name
    as_alice.api:request("PUT", "/_matrix/client/v3/directory/room/" .. alias:gsub("#", "%%23"), { content = { room_id = room } })
    hs:asked()
    t.eq(ghost:knock_room(alias), room)
    t.eq(hs:asked(), { "POST /knock/" .. alias })
    t.eq(store:get_membership(room, ghost.mxid), "knock")
  end)

  t.it("names the servers that know the room, each of them", function()
    local room = closed()
    ghost:knock_room(room, { servers = { "one.example", "two.example" } })
    t.eq(hs:asked(), { "POST /knock/" .. room .. "?server_name=one.example&server_name=two.example" })
  end)

  t.it("is let in by an invitation", function()
    local room = closed()
    ghost:knock_room(room)
    alice:invite(room, ghost.mxid)
    t.eq(ghost:ensure_joined(room), true)
    t.eq(hs:members(room)[ghost.mxid], "join")
  end)

  t.it("can be taken back by leaving", function()
    local room = closed()
    ghost:knock_room(room)
    ghost:leave_room(room)
    t.eq(hs:members(room)[ghost.mxid], "leave")
  end)

  t.it("raises M_FORBIDDEN where nobody may knock, and the store learns nothing", function()
    local room = alice:room { private = true }
    local failed = t.raises(function() ghost:knock_room(room) end, "knock_room as ")
    t.eq(failed.errcode, "M_FORBIDDEN")
    t.eq(failed.status, 403)
    t.eq(store:get_membership(room, ghost.mxid), "leave")
  end)

  t.it("raises M_FORBIDDEN for one who is in the room, or invited to it", function()
    local room = closed()
    t.eq(t.raises(function() bot:knock_room(room) end).errcode, "M_FORBIDDEN")
    t.eq(t.raises(function() as_alice:knock_room(room) end).errcode, "M_FORBIDDEN")
  end)

  t.it("raises M_BAD_STATE for a banned user", function()
    local room = closed()
    alice:ban(room, ghost.mxid)
    t.eq(t.raises(function() ghost:knock_room(room) end).errcode, "M_BAD_STATE")
  end)

  t.it("raises M_NOT_FOUND for an alias that there is not", function()
    local failed = t.raises(function() ghost:knock_room("#nowhere:" .. hs.server_name) end)
    t.eq(failed.errcode, "M_NOT_FOUND")
    t.eq(failed.status, 404)
  end)

  t.it("registers a user that the homeserver turns out not to know", function()
    local room, other = closed(), hs:ghost("carl")
    hs:asked()
    other:knock_room(room)
    t.eq(hs:asked(), { "POST /knock/" .. room, "POST /register?kind=user", "POST /knock/" .. room })
    t.eq(store:is_registered(other.mxid), true)
  end)

  t.it("refuses an empty room ID and asks nothing", function()
    hs:asked()
    t.raises(function() ghost:knock_room("") end)
    t.eq(hs:asked(), {})
  end)
end)
