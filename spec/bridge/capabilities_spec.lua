local t = require "bridge.test"

-- What a bundle may do: exactly what was granted, in its own rooms, as its own users.
t.describe("capabilities", function()
  local hs, alice, room

  -- Answers "try CODE" with what the code returned or raised.
  local function bundle(capabilities)
    hs    = t.load("prober.lua", { capabilities = capabilities })
    alice = hs:user("alice")
    room  = alice:room { name = "own" }
  end

  local function try(code)
    alice:say(room, "try " .. code)
    return hs:expect_notice(room).content.body
  end

  local function granted(...)
    local list = { "matrix:read", "matrix:send m.room.message" }
    for _, c in ipairs { ... } do list[#list + 1] = c end
    bundle(list)
  end

  t.it("are all there for a script of one's own", function()
    hs = t.load("prober.lua")
    alice = hs:user("alice")
    room = alice:room()
    t.eq(try [[return intent:react(room, evt.event_id, "x") and "sent"]], "sent")
  end)

  t.it("are no more than what t.load names", function()
    granted()
    t.matches(try [[intent:set_room_topic(room, "mine")]],
      "^E_CAPABILITY: .*intent:set_room_topic: prober may not do this: matrix:state m.room.topic was not granted")
    t.matches(try [[return require("bridge").store("s")]], "E_CAPABILITY: .*bridge.store: .*kv was not granted")
  end)

  t.it("raise with the line for the manifest and the owner's command", function()
    granted()
    t.matches(try [[local ok, err = pcall(intent.react, intent, room, evt.event_id, "x") return err.hint]],
      [[%[permissions%]: "matrix:send" = { types = %["m.reaction"%], why = "…" }; .*bridgehost permissions prober %-%-grant 'matrix:send m.reaction']])
  end)

  t.it("refuse a list that is none", function()
    t.raises(function() t.load("prober.lua", { capabilities = { "fly" } }) end, 'there is no permission "fly"')
  end)

  t.it("are looked at for each type of event", function()
    granted("matrix:send org.example.*", "matrix:state m.room.topic")
    t.eq(try [[return intent:send_message_event(room, "org.example.a", {}) and "sent"]], "sent")
    t.matches(try [[intent:send_message_event(room, "com.example.a", {})]], "matrix:send com.example.a was not granted")
    t.matches(try [[intent:send_sticker(room, "mxc://a/b", {})]], "matrix:send m.sticker was not granted")
    t.matches(try [[evt:react("x")]], "matrix:send m.reaction was not granted")
    t.matches(try [[intent:set_room_name(room, "x")]], "matrix:state m.room.name was not granted")
    t.matches(try [[intent:send_state_event(room, "m.room.avatar", {})]], "matrix:state m.room.avatar was not granted")
    t.matches(try [[intent:send_delayed_event(room, "m.room.name", {}, 1000, { state_key = "" })]], "matrix:state m.room.name was not granted")
    t.matches(try [[intent:send_message_event(room, "m.room.redaction", {})]], "matrix:redact was not granted")
  end)

  t.it("hear the types of events that were granted only", function()
    t.raises(function() bundle { "matrix:send", "matrix:read m.room.member" } end, "matrix:read m.room.message was not granted")
    t.raises(function() bundle { "matrix:send" } end, "bridge.on: .*matrix:read m.room.member was not granted")
    bundle { "matrix:send", "matrix:read m.room.message", "matrix:read m.room.member" }
    t.matches(try [[intent:get_state_event(room, "m.room.topic")]], "matrix:read m.room.topic was not granted")
    t.matches(try [[intent:get_messages(room, "b")]], "matrix:read was not granted")
    t.matches(try [[intent.state_store:get_power_levels(room)]], "matrix:read m.room.power_levels was not granted")
  end)

  t.it("let a script take back what it sent itself, and nothing else", function()
    granted()
    t.eq(try [[return intent:redact(room, intent:send_text(room, "oh")) and "done"]], "done")
    t.matches(try [[intent:redact(room, evt.event_id)]], "intent:redact: .*matrix:redact m.room.message was not granted")
    t.matches(try [[evt:redact()]], "event:redact: .*matrix:redact m.room.message was not granted")
    granted("matrix:redact m.room.message")
    t.matches(try [[intent:redact(room, evt.event_id)]], "^M_FORBIDDEN") -- the homeserver's word
  end)

  t.it("are asked for by options", function()
    granted("matrix:create-room")
    t.matches(try [[intent:create_room { invitees = { "@alice:test" } }]], "matrix:invite was not granted")
    t.matches(try [[intent:create_room { visibility = "public" }]], "matrix:directory was not granted")
    t.matches(try [[intent:create_room { custom_request_fields = { invite = { "@alice:test" } } }]], "matrix:invite was not granted")
    t.matches(try [[require("bridge").portal("a", { invite = { "@alice:test" } })]], "matrix:invite was not granted")
    t.matches(try [[require("bridge").portal("a", { public = true })]], "matrix:directory was not granted")
    t.matches(try [[require("bridge").portal("a", { space = room })]], "matrix:state m.space.child was not granted")
    t.eq(try [[return require("bridge").portal("a", { name = "A" }) and "made"]], "made")
    t.matches(try [[require("bridge").portal("a"):update { topic = "x" }]], "matrix:state m.room.topic was not granted")
  end)

  t.it("keep other members' membership for those who may invite or moderate", function()
    granted("matrix:state")
    t.matches(try [[intent:send_state_event(room, "m.room.member", { membership = "ban" }, { state_key = "@alice:test" })]], "matrix:moderate was not granted")
    t.matches(try [[intent:send_state_event(room, "m.room.member", { membership = "invite" }, { state_key = "@bob:test" })]], "matrix:invite was not granted")
  end)

  t.it("give no users but the script's own", function()
    granted("matrix:ghosts")
    t.eq(try [[return intent:user(require("bridge").mxid("bob")).localpart]], "_bh_prober_bob")
    t.matches(try [[intent:user("@alice:test")]], "intent:user: .*matrix:puppet @alice:test was not granted")
    t.matches(try [[intent:user("@_bh_other_bob:test")]], "matrix:puppet @_bh_other_bob:test was not granted")
    t.matches(try [[intent:user("@_bh_proberx:test")]], "matrix:puppet")
    t.matches(try [[intent:user("@_bh_bot:test")]], "matrix:puppet")
    t.matches(try [[intent:user("@alice:test", { token = "t" })]], "matrix:puppet @alice:test was not granted")
    t.matches(try [[intent:user("@_bh_prober_b:test", { token = "t", base_url = "http://127.0.0.1" })]], "matrix:raw was not granted")
    t.matches(try [[intent:send_text(room, "x", { query_params = { user_id = "@_bh_other:test" } })]], "query parameter user_id may not be given")
    t.matches(try [[intent:batch_send(room, "$e", { { type = "m.room.message", sender = "@alice:test", content = {} } })]], "matrix:send was not granted")
    t.matches(try [[intent.state_store:is_registered("@_bh_other_bob:test")]], "is no user of prober")
  end)

  t.it("give no ghosts unless they were granted", function()
    granted()
    t.matches(try [[require("bridge").ghost("bob")]], "bridge.ghost: .*matrix:ghosts was not granted")
    t.matches(try [[intent:user("@_bh_prober_bob:test")]], "matrix:ghosts was not granted")
    granted("matrix:ghosts @_bh_prober_b*")
    t.eq(try [[return require("bridge").ghost("bob").localpart]], "_bh_prober_bob")
    t.matches(try [[require("bridge").ghost("carol")]], "matrix:ghosts was not granted")
  end)

  t.it("end where no user of the script is in the room", function()
    granted("matrix:state", "matrix:directory", "matrix:ephemeral", "matrix:invite", "matrix:moderate", "matrix:create-room")
    local other = alice:room { name = "secret", private = true }
    alice:kick(other, hs.bot)
    -- What joins the room first tries to: the homeserver decides.
    for _, call in ipairs {
      'intent:send_text(other, "x")', 'intent:get_state(other)', 'intent:get_power_levels(other)', 'intent:set_room_name(other, "x")',
      'intent:kick_user(other, "@alice:test")', 'intent:set_typing(other)', 'intent:get_messages(other, "b")', 'intent:get_joined_members(other)', 'intent:get_room_member_info(other, "@alice:test")', 'intent:redact(other, "$e")',
    } do
      t.matches(try("local other = '" .. other .. "' " .. call), "M_FORBIDDEN.*You are not invited")
    end
    for _, call in ipairs {
      'intent:get_power_levels(other, { ensure_joined = false })', 'intent:get_messages(other, "b", { ensure_joined = false })',
      'intent:get_members(other)',
      'intent:add_room_alias(other, "_bh_prober_x")',
      'intent.state_store:get_members(other)', 'intent.state_store:is_joined(other, "@alice:test")', 'intent.state_store:get_power_levels(other)',
      'intent.state_store:is_encrypted(other)', 'intent.state_store:get_read(other, "@alice:test")',
      'require("bridge").portal("s", { space = other })',
    } do
      t.matches(call .. ": " .. try("local other = '" .. other .. "' " .. call), "E_ROOM: .*no user of prober is in room")
    end
    t.eq(try("return tostring(require('bridge').portal_of('" .. other .. "'))"), "nil")
    t.matches(try("intent:join_room('" .. other .. "')"), "M_FORBIDDEN")
    try [[intent:get_joined_members(room)]]
    t.eq(try [[return #intent.state_store:find_shared_rooms("@alice:test")]], "1")
    local hall = alice:room { name = "hall" }          -- a public one
    alice:kick(hall, hs.bot)
    t.eq(try("return intent:send_text('" .. hall .. "', 'hello') and 'joined, and sent'"), "joined, and sent")
    alice:invite(other, hs.bot)
    t.eq(try("return intent:send_text('" .. other .. "', 'hello') and 'sent'"), "sent")
  end)

  t.it("leave aliases of other scripts alone", function()
    granted("matrix:directory", "matrix:create-room")
    t.eq(try [[intent:add_room_alias(room, "_bh_prober_hall") return "set"]], "set")
    t.matches(try [[intent:add_room_alias(room, "_bh_other_hall", { override = true })]], "belongs to another script")
    t.matches(try [[intent:remove_room_alias("_bh_other_p_1")]], "belongs to another script")
    t.matches(try [[intent:create_room { alias_localpart = "_bh_other_hall" }]], "belongs to another script")
    t.matches(try [[intent:create_room { custom_request_fields = { room_alias_name = "_bh_other_hall" } }]], "belongs to another script")
  end)

  t.it("make raw requests the user's own", function()
    granted()
    t.matches(try [[intent.api:request("GET", "/_matrix/client/v3/account/whoami")]], "api:request: .*matrix:raw /_matrix/client/v3/account/whoami was not granted")
    granted("matrix:raw /_matrix/client/v3/account", "matrix:raw /_synapse")
    t.eq(try [[return intent.api:request("GET", "/_matrix/client/v3/account/whoami").user_id]], hs.bot)
    t.matches(try [[intent.api:request("GET", "/_matrix/client/v3/account/whoami?user_id=@alice:test")]], "query parameter user_id may not be given")
    t.matches(try [[intent.api:request("GET", "/_matrix/client/v3/account/whoami", { query_params = { user_id = "@_bh_other:test" } })]], "user_id may not be given")
    t.matches(try [[intent.api:request("GET", "/_matrix/client/v3/account/../rooms/x")]], "matrix:raw .* was not granted")
    t.matches(try [[intent.api:request("GET", "/_synapse/admin/v1/x")]], "matrix:server%-admin was not granted")
  end)

  t.it("keep raw requests from speaking for other users of the host", function()
    granted("matrix:raw", "matrix:ghosts")
    local function as(user) return '{ type = "m.login.application_service", identifier = { type = "m.id.user", user = "' .. user .. '" } }' end
    t.matches(try('intent.api:request("POST", "/_matrix/client/v3/login", { content = ' .. as "_bh_other_bob" .. ' })'), "matrix:puppet @_bh_other_bob:test was not granted")
    t.matches(try('intent.api:request("POST", "/_matrix/client/v3/%6cogin/", { content = ' .. as "@_bh_bot:test" .. ' })'), "matrix:puppet @_bh_bot:test was not granted")
    t.matches(try [[intent.api:request("POST", "/_matrix/client/v3/login", { content = { type = "m.login.application_service" } })]], "says nobody's name may not be given")
    t.matches(try [[intent.api:request("POST", "/_matrix/client/v3/register", { content = { username = "_bh_other_new", ["uſername"] = "_bh_prober_x" } })]], "matrix:puppet @_bh_other_new:test")
    t.matches(try [[intent.api:request("DELETE", "/_matrix/client/v3/directory/room/%23_bh_other_hall:test")]], "belongs to another script")
    t.matches(try [[intent.api:request("POST", "/_matrix/client/v3/createRoom", { content = { room_alias_name = "_bh_other_hall" } })]], "belongs to another script")
    t.matches(try [[intent.api:request("POST", "/_matrix/client/unstable/org.matrix.msc2716/rooms/!r:test/batch_send", { content = { events = {} } })]], "senders of its own may not be given")
    t.matches(try [[intent.api:request("PUT", "/_synapse/../_synapse/admin/v1/x")]], "matrix:server%-admin was not granted")
  end)

  t.it("read fields by their very names", function()
    granted("matrix:state", "matrix:create-room")
    t.matches(try [[intent:send_state_event(room, "m.room.member", { membership = "ban", ["memberſhip"] = "invite" }, { state_key = "@alice:test" })]], "matrix:moderate was not granted")
    t.matches(try [[intent:create_room { custom_request_fields = { visibility = "public", ["viſibility"] = "private" } }]], "matrix:directory was not granted")
  end)

  t.it("count each ghost that comes to stand in a portal", function()
    granted("matrix:create-room", "matrix:ghosts @_bh_prober_b*")
    t.eq(try [[require("bridge").portal("a"):sync_members { "bob", "ben" } return "there"]], "there")
    t.matches(try [[require("bridge").portal("a"):sync_members { "bob", "carol" }]], "portal:sync_members: .*matrix:ghosts was not granted")
  end)

  t.it("name places of the network, routes and directories", function()
    granted("net:connect irc.test:6697", "http:fetch https://example.test/a/", "http:listen /github")
    t.matches(try [[local _, err = require("bridge.net").connect { host = "evil.test", port = 6697 } error(err)]],
      "E_CAPABILITY: .*bridge.net.connect: .*net:connect evil.test:6697 was not granted")
    t.matches(try [[local _, err = require("bridge.http").get("https://example.test/b") error(err)]], "http:fetch https://example.test/ was not granted")
    t.matches(try [[local _, err = require("bridge.fs").read("inbox", "a") error(err)]], "bridge.fs.read: .*fs:read inbox was not granted")
  end)

  t.it("bound what stores hold, and lose nothing", function()
    granted("kv 2KB")
    t.eq(try [[require("bridge").store("s"):set("a", ("x"):rep(1500)) return "kept"]], "kept")
    t.matches(try [[require("bridge").store("s"):set("b", ("x"):rep(600))]],
      "^E_QUOTA: .*the script's stores are full: they would take %d+ bytes, and 2048 are granted; nothing was written")
    t.matches(try [[for i = 1, 100 do require("bridge").once("seen", "an item with a long name " .. i) end]], "^E_QUOTA")
    t.eq(try [[return #require("bridge").store("s"):get("a")]], "1500")
    t.eq(try [[local s = require("bridge").store("s") s:delete("a") return tostring(s:get("a"))]], "nil")
    t.eq(try [[require("bridge").store("s"):set("b", ("x"):rep(600)) return "kept"]], "kept")
    t.raises(function() bundle { "kv much" } end, '"much" is no size like 10MB')
  end)

  t.it("bound stores by 10 MB when no size was granted", function()
    granted("kv")
    t.matches(try [[for i = 1, 20 do require("bridge").store("s"):set("k" .. i, ("x"):rep(1000000)) end]], "^E_QUOTA: .* 10485760 are granted")
  end)

  t.it("bound bridge.memory as the script's own values are", function()
    granted()
    t.matches(try [[local m = require("bridge").memory("m") for i = 1, 100 do m:set(i, ("x"):rep(1000000)) end]],
      "^E_MEMORY: .*bridge.memory would take more than 64 MB")
    t.eq(try [[local m = require("bridge").memory("m") m:clear() return #m:keys()]], "0")
  end)
end)
