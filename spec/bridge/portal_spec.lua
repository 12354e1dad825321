local t = require "bridge.test"

t.describe("a portal", function()
  local hs, alice, room

  -- What a body returns that runs in a handler of the script, with p as the portal "#lua".
  local function run(body)
    hs:reload(([[
      local bridge, json = require "bridge", require "bridge.json"
      bridge.on("load", function()
        local p = bridge.portal("#lua", { invite = { %q } })
        bridge.store("out"):set("v", json.array { (function() %s end)() })
      end)
    ]]):format(alice.mxid, body))
    return unpack(t.store("out"):get("v"))
  end

  t.before_each(function()
    hs    = t.load("blank.lua")
    alice = hs:user("alice")
    room  = run [[ return p.room_id ]]
    alice:join(room)
  end)

  t.it("has a table of the script's, empty at first, that save keeps on disk", function()
    t.eq(run [[ return next(p.data) == nil ]], true)
    run [[ p.data.topic = "Lua" p.data.list = { 1, 2 } p:save() p.data.unsaved = true return 1 ]]
    t.eq(run [[ return p.data ]], { topic = "Lua", list = { 1, 2 } })
    run [[ p.data = { other = true } p:save() return 1 ]]
    t.eq(run [[ return bridge.portal_of(p.room_id).data ]], { other = true })
  end)

  t.it("keeps the data as it was when save is called without a look at it", function()
    run [[ p.data.n = 1 p:save() return 1 ]]
    t.eq(run [[ p:save() return bridge.portal("#lua").data ]], { n = 1 })
  end)

  t.it("keeps the data at once, also when the handler fails then", function()
    t.raises(function() run [[ p.data.n = 1 p:save() error("no") ]] end, "no")
    t.eq(run [[ return p.data ]], { n = 1 })
  end)

  t.it("raises for data that cannot be kept", function()
    t.raises(function() run [[ p.data.on = print p:save() ]] end, "portal.data cannot be kept %(a function cannot be written as JSON at %.on%)")
  end)

  t.it("ties events to messages of the other network, both ways", function()
    t.eq({ run [[
      p:link("$one", "id-1")
      return p:event_of("id-1"), p:remote_of("$one"), p:event_of("id-2") == nil, p:remote_of("$two") == nil
    ]] }, { "$one", "id-1", true, true })
    t.eq(run [[ return p:event_of("id-1") ]], "$one") -- over a reload
  end)

  t.it("has the last of several events that are tied to one message", function()
    t.eq({ run [[
      p:link("$one", "id-1")
      p:link("$two", "id-1")
      return p:event_of("id-1"), p:remote_of("$one"), p:remote_of("$two")
    ]] }, { "$two", "id-1", "id-1" })
  end)

  t.it("undoes a link when the handler fails", function()
    t.raises(function() run [[ p:link("$one", "id-1") error("no") ]] end, "no")
    t.eq(run [[ return p:event_of("id-1") == nil ]], true)
  end)

  t.it("keeps the messages of portals apart", function()
    t.eq(run [[ p:link("$one", "id-1") return bridge.portal("#go"):event_of("id-1") == nil ]], true)
  end)

  t.it("refuses links that cannot be", function()
    t.raises(function() run [[ p:link("one", "id-1") ]] end, "event ID expected, got \"one\"")
    t.raises(function() run [[ p:link("$one", ("x"):rep(5000)) ]] end, "a key has 4096 bytes at most")
  end)

  t.it("sets with update what differs: name, topic, avatar, and invites", function()
    local bob = hs:user("bob")
    run(([[ p:update { name = "Lua", topic = "the language", avatar = "mxc://test/logo", invite = { %q } } return 1 ]]):format(bob.mxid))
    t.eq({ hs:state(room, "m.room.name").name, hs:state(room, "m.room.topic").topic, hs:state(room, "m.room.avatar").url, hs:members(room)[bob.mxid] },
      { "Lua", "the language", "mxc://test/logo", "invite" })
    alice:send(room, "m.room.message", { msgtype = "m.text", body = "x" })
    run [[ p:update { name = "Lua" } p:update { topic = "5.1" } p:update {} return 1 ]]
    t.eq({ hs:state(room, "m.room.name").name, hs:state(room, "m.room.topic").topic }, { "Lua", "5.1" })
  end)

  t.it("raises from update for unknown fields", function()
    t.raises(function() run [[ p:update { nam = "x" } ]] end, "unknown field 'nam'")
    t.raises(function() run [[ p:update { public = true } ]] end, "'public'")
  end)

  t.it("raises from update when the bot is no longer in the room", function()
    hs.intent:leave_room(room)
    t.raises(function() hs:reload(([[
      local bridge = require "bridge"
      bridge.on("load", function() bridge.portal_of(%q):update { name = "x" } end)
    ]]):format(room)) end, 'portal "#lua" is gone')
  end)

  t.it("joins the ghosts that sync_members names, and lets all others leave", function()
    local function ghosts() local m = hs:members(room) return { m[hs:ghost("a").mxid] or "none", m[hs:ghost("b").mxid] or "none", m[hs:ghost("c").mxid] or "none" } end
    run [[ p:sync_members { "a", "b" } return 1 ]]
    t.eq(ghosts(), { "join", "join", "none" })
    run [[ p:sync_members { "b", "c" } return 1 ]]
    t.eq(ghosts(), { "leave", "join", "join" })
    run [[ p:sync_members {} return 1 ]]
    t.eq(ghosts(), { "leave", "leave", "leave" })
    t.eq({ hs:members(room)[hs.bot], hs:members(room)[alice.mxid] }, { "join", "join" })
  end)

  t.it("lets ghosts and bot leave with close, and is forgotten", function()
    run [[ p:sync_members { "a" } p:close() return 1 ]]
    t.eq({ hs:members(room)[hs.bot], hs:members(room)[hs:ghost("a").mxid], hs:members(room)[alice.mxid] }, { "leave", "leave", "join" })
    t.eq(hs:state(room, "m.room.member", hs.bot).reason, nil)
    t.eq(run [[ return p.room_id ]] ~= room, true) -- the next one is another room
  end)

  t.it("gives the reason of close to those in the room", function()
    run [[ p:sync_members { "a" } p:close("the channel was closed") return 1 ]]
    t.eq({ hs:state(room, "m.room.member", hs.bot).reason, hs:state(room, "m.room.member", hs:ghost("a").mxid).reason },
      { "the channel was closed", "the channel was closed" })
  end)

  t.it("does nothing when it is closed again, and raises from save and update then", function()
    t.eq({ run [[
      p:close()
      p:close { reason = "again" }
      p.data.n = 1
      return (select(2, bridge.try(p.save, p))).message, (select(2, bridge.try(p.update, p, { name = "x" }))).message
    ]] }, { 'portal "#lua" was closed', 'portal "#lua" was closed' })
  end)

  t.it("raises for a field that it does not have", function()
    t.raises(function() run [[ return p.roomid ]] end, "portal has no field 'roomid'; did you mean 'room_id'")
  end)
end)
