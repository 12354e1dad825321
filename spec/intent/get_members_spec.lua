local t = require "bridge.test"

t.describe("intent:get_members", function()
  local hs, bot, ghost, alice, carol, dave, room, store

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    carol = hs:user("carol")
    dave  = hs:user("dave")
    store = bot.state_store
    room  = alice:room()
    carol:join(room)
    carol:leave(room)
    alice:ban(room, dave.mxid, "spam")
    bot:join_room(room)
    hs:asked()
  end)

  -- user → membership
  local function memberships(list)
    local all = {}
    for _, evt in ipairs(list) do
      t.eq(evt.type, "m.room.member")
      all[evt.state_key] = evt.content.membership
    end
    return all
  end

  local function path(query) return "GET /rooms/" .. room .. "/members" .. (query or "") end

  t.it("returns the event of everybody who is or was concerned", function()
    local list = bot:get_members(room)
    t.eq(hs:asked(), { path() })
    t.eq(memberships(list), { [alice.mxid] = "join", [bot.mxid] = "join", [carol.mxid] = "leave", [dave.mxid] = "ban" })
    for _, evt in ipairs(list) do
      if evt.state_key == dave.mxid then
        t.eq({ evt.sender, evt.content.reason }, { alice.mxid, "spam" })
      end
    end
  end)

  t.it("lets the store know them all, and nobody else", function()
    local erin = hs:user("erin").mxid
    store:joined(room, erin)
    bot:get_members(room)
    t.eq(store:get_membership(room, dave.mxid), "ban")
    t.eq(store:is_joined(room, alice.mxid), true)
    t.eq(store:is_joined(room, erin), false)
    t.eq(store:has_full_member_list(room), true)
  end)

  t.it("returns those of one membership, which the store learns", function()
    local erin = hs:user("erin").mxid
    store:joined(room, erin)
    store:invited(room, carol.mxid)
    t.eq(memberships(bot:get_members(room, { membership = "join" })), { [alice.mxid] = "join", [bot.mxid] = "join" })
    t.eq(hs:asked(), { path("?membership=join") })
    t.eq(store:is_joined(room, erin), false)
    t.eq(store:get_membership(room, carol.mxid), "invite")
    t.eq(store:has_full_member_list(room), true)
  end)

  t.it("returns all but those of one membership; without those who are in the room, the store learns nothing", function()
    alice:say(room, "all of this is known")
    store:joined(room, alice.mxid)
    store:left(room, dave.mxid)
    t.eq(memberships(bot:get_members(room, { not_membership = "join" })), { [carol.mxid] = "leave", [dave.mxid] = "ban" })
    t.eq(hs:asked(), { path("?not_membership=join") })
    t.eq(store:get_membership(room, dave.mxid), "leave")
    t.eq(store:is_joined(room, alice.mxid), true)
  end)

  t.it("returns the members of a past time", function()
    local then_ = bot:get_messages(room, "b", { limit = 1 }).start
    alice:unban(room, dave.mxid)
    dave:join(room)
    hs:asked()
    t.eq(memberships(bot:get_members(room, { at = then_ }))[dave.mxid], "ban")
    t.eq(hs:requests()[1].query.at, then_)
    t.eq(memberships(bot:get_members(room))[dave.mxid], "join")
  end)

  t.it("joins nothing; to one who has left it returns the members of then, which the store does not learn", function()
    ghost:ensure_joined(room)
    ghost:leave_room(room)
    carol:join(room)
    store:joined(room, carol.mxid)
    hs:asked()
    local then_ = memberships(ghost:get_members(room))
    t.eq(hs:asked(), { path() })
    t.eq({ then_[carol.mxid], then_[ghost.mxid] }, { "leave", "leave" })
    ghost:get_members(room, { membership = "join" })
    t.eq(store:is_joined(room, carol.mxid), true)
  end)

  t.it("tells M_FORBIDDEN to one who was never there", function()
    ghost:ensure_registered()
    hs:asked()
    local err = t.raises(function() ghost:get_members(room) end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
    t.eq(hs:asked(), { path() })
  end)
end)
