local t = require "bridge.test"

t.describe("state_store:set_members", function()
  local hs, bot, alice, store, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    alice = hs:user("alice")
    store = bot.state_store
    room  = alice:room()
  end)

  local function memberships()
    local all = {}
    for user, member in pairs(store:get_member_profiles(room, { memberships = { "join", "invite", "leave", "ban", "knock" } })) do
      all[user] = member.membership
    end
    return all
  end

  t.before_each(function()
    store:set_member(room, "@a:example.org", { membership = "join", displayname = "A" })
    store:set_member(room, "@b:example.org", { membership = "join", displayname = "B" })
    store:set_member(room, "@c:example.org", { membership = "ban" })
  end)

  t.it("replaces all that are known", function()
    store:set_members(room, { ["@b:example.org"] = { membership = "knock" } })
    t.eq(memberships(), { ["@b:example.org"] = "knock" })
    t.eq(store:get_member(room, "@b:example.org"), { membership = "knock" })
    t.eq(store:has_full_member_list(room), true)
    t.eq(hs:asked(), {})
  end)

  t.it("replaces those of one membership, and leaves the others", function()
    store:set_members(room, { ["@d:example.org"] = { membership = "join" } }, { only_membership = "join" })
    t.eq(memberships(), { ["@d:example.org"] = "join", ["@c:example.org"] = "ban", [bot.mxid] = "invite" })
    t.eq(store:has_full_member_list(room), true)
  end)

  t.it("makes no full list of the banned", function()
    store:set_members(room, {}, { only_membership = "ban" })
    t.eq(store:get_membership(room, "@c:example.org"), "leave")
    t.eq(store:is_joined(room, "@a:example.org"), true)
    t.eq(store:has_full_member_list(room), false)
  end)

  t.it("changes nothing in another room", function()
    local other = alice:room()
    store:set_members(room, {})
    t.eq(store:get_members(other), { bot.mxid })
  end)

  t.it("refuses a member without a membership, and changes nothing", function()
    t.raises(function() store:set_members(room, { ["@d:example.org"] = { displayname = "D" } }) end, "membership")
    t.eq(store:is_joined(room, "@a:example.org"), true)
  end)

  t.it("is remembered after a reload", function()
    store:set_members(room, { ["@d:example.org"] = { membership = "join", displayname = "D" } })
    hs:reload()
    t.eq(hs.intent.state_store:get_member_profiles(room), { ["@d:example.org"] = { membership = "join", displayname = "D" } })
  end)
end)
