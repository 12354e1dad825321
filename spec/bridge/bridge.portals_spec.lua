local t = require "bridge.test"

local hs, alice, bob

-- What a body returns that runs in the load handler of the script; names of people may stand in it as $alice, $bob.
local function run(body)
  hs:reload(([[
    local bridge, json = require "bridge", require "bridge.json"
    bridge.on("load", function() bridge.store("out"):set("v", json.array { (function() %s end)() }) end)
  ]]):format((body:gsub("%$(%a+)", { alice = alice.mxid, bob = bob.mxid }))))
  return unpack(t.store("out"):get("v"))
end

local function before()
  hs    = t.load("blank.lua")
  alice = hs:user("alice")
  bob   = hs:user("bob")
end

t.describe("bridge.portal", function()
  t.before_each(before)

  t.it("makes the room once, also over reloads", function()
    local one   = run [[ return bridge.portal("#lua").room_id ]]
    local again = run [[ return bridge.portal("#lua").room_id ]]
    t.eq(again, one)
    t.eq(hs:members(one), { [hs.bot] = "join" })
    t.eq(run [[ return bridge.portal("#go").room_id ~= bridge.portal("#lua").room_id ]], true)
  end)

  t.it("knows its room and its remote id, and shows them", function()
    local room, remote, text = run [[ local p = bridge.portal("#lua") return p.room_id, p.remote_id, tostring(p) ]]
    t.eq({ remote, text }, { "#lua", ('portal "#lua" (%s)'):format(room) })
  end)

  t.it("makes a private room with name, topic and avatar, and invites people", function()
    local room = run [[ return bridge.portal("#lua", { name = "Lua", topic = "the language", avatar = "mxc://test/logo", invite = { "$alice" } }).room_id ]]
    t.eq(hs:state(room, "m.room.name").name, "Lua")
    t.eq(hs:state(room, "m.room.topic").topic, "the language")
    t.eq(hs:state(room, "m.room.avatar").url, "mxc://test/logo")
    t.eq(hs:state(room, "m.room.join_rules").join_rule, "invite")
    t.eq(hs:members(room)[alice.mxid], "invite")
  end)

  t.it("lets anybody join with public", function()
    t.eq(hs:state(run [[ return bridge.portal("#lua", { public = true }).room_id ]], "m.room.join_rules").join_rule, "public")
  end)

  t.it("invites to a direct chat with direct", function()
    local room = run [[ return bridge.portal("bob", { direct = true, invite = { "$alice" } }).room_id ]]
    t.eq(hs:state(room, "m.room.member", alice.mxid).is_direct, true)
  end)

  t.it("is listed in a space with space", function()
    local space = run [[ return intent:create_room { creation_content = { type = "m.space" } } ]]
    local room  = run(([[ return bridge.portal("#lua", { space = %q }).room_id ]]):format(space))
    t.eq(hs:state(space, "m.space.child", room).via, { "test" })
  end)

  t.it("takes the room that it is given", function()
    local own  = alice:room { name = "ours", private = true }
    local room = run(([[ return bridge.portal("#lua", { room_id = %q }).room_id ]]):format(own))
    t.eq(room, own)
    t.eq(hs:members(own)[hs.bot], "join")
    t.eq(run(([[ return bridge.portal_of(%q).remote_id ]]):format(own)), "#lua")
  end)

  t.it("moves to another room when it is given one", function()
    local first, own = run [[ return bridge.portal("#lua").room_id ]], alice:room()
    t.eq(run(([[ return bridge.portal("#lua", { room_id = %q }).room_id ]]):format(own)), own)
    t.eq(run(([[ return bridge.portal_of(%q) == nil ]]):format(first)), true)
  end)

  t.it("raises M_FORBIDDEN for a room that the bot may not enter", function()
    local room = bob:room { private = true }
    bob:kick(room, hs.bot)
    t.eq(run(([[ return select(2, bridge.try(bridge.portal, "#lua", { room_id = %q })).errcode ]]):format(room)), "M_FORBIDDEN")
    t.eq(run [[ local n = 0 for _ in bridge.portals() do n = n + 1 end return n ]], 0)
  end)

  t.it("keeps name, topic and avatar as said: sets what differs, and leaves what is not said", function()
    local room = run [[ return bridge.portal("#lua", { name = "Lua", topic = "the language" }).room_id ]]
    local function name_event() return hs.intent:get_state_event(room, "m.room.name", { format = "event" }).event_id end
    local before = name_event()
    run [[ return bridge.portal("#lua", { name = "Lua" }).room_id ]]
    t.eq(name_event(), before)
    run [[ return bridge.portal("#lua", { topic = "5.1", avatar = "mxc://test/logo" }).room_id ]]
    t.eq(name_event(), before)
    t.eq({ hs:state(room, "m.room.topic").topic, hs:state(room, "m.room.avatar").url }, { "5.1", "mxc://test/logo" })
  end)

  t.it("invites each of them once: who has left is not asked again", function()
    local room = run [[ return bridge.portal("#lua", { invite = { "$alice" } }).room_id ]]
    alice:join(room)
    alice:leave(room)
    run [[ return bridge.portal("#lua", { invite = { "$alice", "$bob" } }).room_id ]]
    t.eq({ hs:members(room)[alice.mxid], hs:members(room)[bob.mxid] }, { "leave", "invite" })
  end)

  t.it("makes one room when several handlers ask at once", function()
    t.eq(run [[
      local rooms = bridge.parallel(5, { 1, 2, 3, 4, 5 }, function() return bridge.portal("#lua", { name = "Lua" }).room_id end)
      local same = true
      for _, room in ipairs(rooms) do same = same and room == rooms[1] end
      return same
    ]], true)
  end)

  t.it("makes a new room when the bot was thrown out, with the data of before", function()
    local room = run [[ local p = bridge.portal("#lua", { invite = { "$alice" } }) p.data.n = 1 p:save() return p.room_id ]]
    alice:join(room)
    hs.intent:set_power_levels(room, { users = { [alice.mxid] = 100 } })
    hs.intent:leave_room(room)
    local next_room, n = run [[ local p = bridge.portal("#lua") return p.room_id, p.data.n ]]
    t.eq({ next_room ~= room, n }, { true, 1 })
  end)

  t.it("follows an upgraded room", function()
    local room, new = run [[ return bridge.portal("#lua").room_id ]], alice:room()
    hs.intent:send_state_event(room, "m.room.tombstone", { body = "moved", replacement_room = new })
    t.advance("1s")
    t.eq(run [[ return bridge.portal("#lua").room_id ]], new)
  end)

  t.it("raises for no remote id, and while the script is loading", function()
    t.raises(function() run [[ return bridge.portal("") ]] end, "a name expected, got an empty string")
    t.raises(function() run [[ return bridge.portal("x", { nam = "y" }) ]] end, "did you mean 'name'")
    t.raises(function() hs:reload [[ require "bridge".portal("#lua") ]] end, "while the script was loading")
  end)
end)

t.describe("bridge.portal_of", function()
  t.before_each(before)

  t.it("is the portal of a room, or nil", function()
    local room = run [[ return bridge.portal("#lua").room_id ]]
    t.eq(run(([[ return bridge.portal_of(%q).remote_id ]]):format(room)), "#lua")
    t.eq(run(([[ return bridge.portal_of(%q) == nil ]]):format(alice:room())), true)
  end)

  t.it("hints at bridge.portal for a remote id", function()
    t.matches(t.raises(function() run [[ return bridge.portal_of("#lua") ]] end, "room ID expected").hint, "for a remote id use bridge.portal")
  end)

  t.it("is another script's portal for nobody else", function()
    local room  = run [[ return bridge.portal("#lua").room_id ]]
    local other = t.load("blank.lua", { name = "other" })
    other:reload(([[
      local bridge = require "bridge"
      bridge.on("load", function() bridge.store("out"):set("v", { bridge.portal_of(%q) == nil }) end)
    ]]):format(room))
    t.eq(t.store("out"):get("v"), { true })
  end)
end)

t.describe("bridge.portals", function()
  t.before_each(before)

  t.it("goes through all portals, by remote id", function()
    t.eq(run [[
      for _, id in ipairs { "c", "a", "b" } do bridge.portal(id) end
      local ids = {}
      for p in bridge.portals() do ids[#ids + 1] = p.remote_id end
      return ids
    ]], { "a", "b", "c" })
  end)

  t.it("leaves out what is gone and what was closed", function()
    t.eq(run [[
      local a, b = bridge.portal("a"), bridge.portal("b")
      bridge.portal("c")
      a:close()
      intent:leave_room(b.room_id)
      bridge.sleep("1s")
      local ids = {}
      for p in bridge.portals() do ids[#ids + 1] = p.remote_id end
      return ids
    ]], { "c" })
  end)

  t.it("goes through more than a page of them", function()
    t.eq(run [[
      for i = 1, 120 do bridge.portal("x" .. i) end
      local n = 0
      for p in bridge.portals() do n = n + 1 p.data.n = n p:save() end
      return n
    ]], 120)
  end)
end)

t.describe("bridge.ghost", function()
  t.before_each(before)

  t.it("is the intent of a user that stands for the remote id", function()
    t.eq({ run [[ return bridge.ghost("bob").mxid, bridge.ghost("Zoë B.").mxid ]] }, { "@_bh_blank_bob:test", hs:ghost("Zoë B.").mxid })
  end)

  t.it("sets name and avatar when they differ from what was set last", function()
    hs:reload [[
      local bridge = require "bridge"
      bridge.on("load", function() bridge.ghost("bob", { displayname = "Bob (IRC)", avatar = "mxc://test/bob" }) end)
    ]]
    local ghost = hs:ghost("bob")
    t.eq({ ghost:get_displayname(ghost.mxid), ghost:get_avatar_url(ghost.mxid) }, { "Bob (IRC)", "mxc://test/bob" })
    ghost:set_displayname("changed by hand")
    run [[ bridge.ghost("bob", { displayname = "Bob (IRC)" }) bridge.ghost("bob") return 1 ]]
    t.eq(ghost:get_displayname(ghost.mxid), "changed by hand")
    run [[ bridge.ghost("bob", { displayname = "Robert" }) return 1 ]]
    t.eq(ghost:get_displayname(ghost.mxid), "Robert")
    run [[ bridge.ghost("bob", { avatar = "mxc://test/other" }) return 1 ]]
    t.eq({ ghost:get_displayname(ghost.mxid), ghost:get_avatar_url(ghost.mxid) }, { "Robert", "mxc://test/other" })
  end)

  t.it("raises for no remote id, and for a ghost's own user ID", function()
    t.raises(function() run [[ return bridge.ghost("").mxid ]] end, "a name expected, got an empty string")
    t.matches(t.raises(function() run [[ return bridge.ghost("@_bh_blank_bob:test").mxid ]] end, "a name on the other network expected").hint, "intent:user")
  end)

  t.it("raises what the homeserver refuses, and does it with the next call", function()
    t.fault { path = "/displayname", status = 403, errcode = "M_FORBIDDEN", error = "not today" }
    t.eq(run [[ return select(2, bridge.try(bridge.ghost, "bob", { displayname = "Bob" })).errcode ]], "M_FORBIDDEN")
    run [[ bridge.ghost("bob", { displayname = "Bob" }) return 1 ]]
    t.eq(hs.intent:get_displayname(hs:ghost("bob").mxid), "Bob")
  end)
end)

t.describe("bridge.mxid and bridge.remote_id", function()
  t.before_each(before)

  t.it("lead both ways, for any name", function()
    for _, id in ipairs { "bob", "Bob", "Zoë", "a/b@c", "_", "=", "#lua", "with space" } do
      local mxid, back = run(([[ local u = bridge.mxid(%q) return u, bridge.remote_id(u) ]]):format(id))
      t.eq({ mxid, back }, { hs:ghost(id).mxid, id })
    end
  end)

  t.it("lead back from a name that was too long, once the ghost was made", function()
    t.eq({ run [[
      local long = ("long"):rep(100)
      local user = bridge.mxid(long)
      local before = bridge.remote_id(user)
      bridge.ghost(long)
      return #user <= 255, before == nil, bridge.remote_id(user) == long
    ]] }, { true, true, true })
  end)

  t.it("know nobody else: nil", function()
    t.eq(run [[ return bridge.remote_id("$alice") == nil and bridge.remote_id(intent.mxid) == nil and bridge.remote_id("@_bh_other_bob:test") == nil ]], true)
  end)

  t.it("ask nothing of the homeserver while the script is loading", function()
    hs:reload [[ assert(require "bridge".mxid("bob") == "@_bh_blank_bob:test") ]]
  end)
end)
