local t    = require "bridge.test"
local time = require "bridge.time"

-- How requests travel, whichever function makes them.
t.describe("transport:", function()
  local hs, bot, ghost, alice, as_alice, room

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    room     = alice:room()
    ghost:send_text(room, "the ghost is in the room, and its levels are known")
    hs:requests()
  end)

  t.describe("paths", function()
    local odd     = "a/b?c=d#e%2Ff+g h.ü"
    local encoded = "a%2Fb%3Fc%3Dd%23e%252Ff%2Bg%20h.%C3%BC"
    local R, U, E, A, M -- such a room, user, event, alias and file

    -- goes runs a call that nobody answers, and fails unless it asks for a path with these
    -- segments, in this order.
    local function goes(name, call, ...)
      local store = bot.state_store
      store:joined(R, bot.mxid)
      store:set_power_levels(R, { users = { [bot.mxid] = 100 } })
      t.fault { status = 404, errcode = "ORG.EXAMPLE.NOTHING", times = 100 }
      hs:requests()
      pcall(call)
      local paths = {}
      for _, made in ipairs(hs:requests()) do
        local wanted, n = { ... }, 1
        for segment in made.raw_path:gmatch("[^/]*") do
          if segment == wanted[n] then n = n + 1 end
        end
        if n > #wanted then return end
        paths[#paths + 1] = made.raw_path
      end
      error(("%s: no path has the segments %s: %s"):format(name, table.concat({ ... }, " "), table.concat(paths, " ")))
    end

    t.before_each(function()
      local server = ":" .. hs.server_name
      R, E = "!" .. odd, "$" .. odd
      U, A = "@" .. odd .. server, "#" .. odd .. server
      M = "mxc://" .. hs.server_name .. "/a%+ü"
      bot:ensure_registered()
      hs:requests()
    end)

    t.it("have every segment encoded as a whole: rooms", function()
      local r = "%21" .. encoded
      for name, rest in pairs {
        ensure_joined = {}, join_room = {}, join_room_by_id = {}, leave_room = {}, forget_room = {}, knock_room = {},
        invite_user = { alice.mxid }, kick_user = { alice.mxid }, ban_user = { alice.mxid }, unban_user = { alice.mxid },
        get_joined_members = {}, get_members = {}, get_room_members = {}, get_state = {}, get_messages = { "b" }, set_typing = {},
        get_room_tags = {}, set_room_directory_visibility = { "public" }, get_room_directory_visibility = {}, set_room_name = { "name" },
        send_text = { "text" }, mark_read = { "$e" }, set_fully_read_marker = { "$e" }, get_pinned_messages = {},
      } do
        goes(name, function()
          if name == "ensure_joined" then bot.state_store:left(R, bot.mxid) end
          bot[name](bot, R, unpack(rest))
        end, r)
      end
      goes("batch_send", function() bot:batch_send(R, "$e", { { type = "m.x", sender = bot.mxid, content = {} } }) end, r)
      goes("get_account_data", function() bot:get_account_data("m.x", { room_id = R }) end, r)
    end)

    t.it("have every segment encoded as a whole: events, types, state keys, transaction IDs", function()
      local r, e = "%21" .. encoded, "%24" .. encoded
      goes("get_event", function() bot:get_event(R, E) end, r, e)
      goes("get_event_context", function() bot:get_event_context(R, E) end, r, e)
      goes("get_relations", function() bot:get_relations(R, E, { rel_type = odd, event_type = odd }) end, r, e, encoded, encoded)
      goes("send_receipt", function() bot:send_receipt(R, E) end, r, e)
      goes("redact", function() bot:redact(R, E, { txn_id = odd }) end, r, "redact", e, encoded)
      goes("send_message_event", function() bot:send_message_event(R, odd, {}, { txn_id = odd }) end, r, "send", encoded, encoded)
      goes("send_state_event", function() bot:send_state_event(R, odd, {}, { state_key = odd }) end, r, "state", encoded, encoded)
      goes("get_state_event", function() bot:get_state_event(R, odd, { state_key = odd }) end, r, "state", encoded, encoded)
      goes("send_delayed_event", function() bot:send_delayed_event(R, odd, {}, 1000, { state_key = odd }) end, r, encoded, encoded)
      goes("update_delayed_event", function() bot:update_delayed_event(odd, "send") end, encoded)
    end)

    t.it("have every segment encoded as a whole: users, aliases, files, account data, tags", function()
      local r, u, a = "%21" .. encoded, "%40" .. encoded .. "%3A" .. hs.server_name, "%23" .. encoded .. "%3A" .. hs.server_name
      for _, name in ipairs { "get_profile", "get_displayname", "get_avatar_url", "get_presence" } do
        goes(name, function() bot[name](bot, U) end, u)
      end
      goes("get_room_member_info", function() bot:get_room_member_info(R, U) end, r, u)
      goes("invite_user", function() bot:invite_user(R, U, { extra_content = { x = 1 } }) end, r, u)
      goes("resolve_room_alias", function() bot:resolve_room_alias(A) end, a)
      goes("join_room", function() bot:join_room(A) end, a)
      goes("knock_room", function() bot:knock_room(A) end, a)
      goes("add_room_alias", function() bot:add_room_alias(R, odd) end, a)
      goes("remove_room_alias", function() bot:remove_room_alias(odd) end, a)
      goes("download_media", function() bot:download_media(M) end, "a%25%2B%C3%BC")
      goes("download_thumbnail", function() bot:download_thumbnail(M) end, "a%25%2B%C3%BC")
      goes("get_account_data", function() bot:get_account_data(odd) end, encoded)
      goes("set_account_data", function() bot:set_account_data(odd, {}) end, encoded)
      goes("set_room_tag", function() bot:set_room_tag(R, odd) end, r, encoded)
      goes("remove_room_tag", function() bot:remove_room_tag(R, odd) end, r, encoded)
    end)

    t.it("have dots that are a whole segment encoded", function()
      goes("get_state_event", function() bot:get_state_event(R, ".", { state_key = ".." }) end, "%2E", "%2E%2E")
      goes("send_message_event", function() bot:send_message_event(R, "..", {}, { txn_id = "." }) end, "%2E%2E", "%2E")
      goes("get_account_data", function() bot:get_account_data("..") end, "%2E%2E")
    end)

    t.it("that a script writes keep their escapes, and the rest is escaped", function()
      goes("api:request", function() bot.api:request("GET", "/_matrix/client/v3/rooms/!r/state/a%2Fb/ü +") end, "%21r", "state", "a%2Fb", "%C3%BC%20%2B")
    end)

    t.it("lead to where they should on the homeserver", function()
      bot:join_room(room)
      as_alice:set_power_levels(room, { users = { [bot.mxid] = 50 } })
      for _, key in ipairs { odd, ".", "..", "/", "%2F", "", "a//b", " ", "\\" } do
        as_alice:send_state_event(room, "org.example." .. odd, { key = key }, { state_key = key })
        t.eq(as_alice:get_state_event(room, "org.example." .. odd, { state_key = key }).key, key)
        t.eq(hs:state(room, "org.example." .. odd, key).key, key)
      end
    end)

    t.it("are followed by values that are encoded, too", function()
      t.fault { path = "/messages", body = '{"chunk":[],"start":"a"}' }
      ghost:get_messages(room, "b", { from_token = odd .. "&x=y", limit = 1 })
      local query = hs:requests()[1].query
      t.eq(query.from, odd .. "&x=y")
      t.eq(query.x, nil)
    end)
  end)

  t.describe("repeats:", function()
    -- took is how many milliseconds a send takes, and what it asked.
    local function took()
      local began = time.ms()
      ghost:send_text(room, "hello")
      return time.ms() - began, hs:requests()
    end

    local function within(ms, least, most)
      if ms < least or ms > most then error(("waited for %d ms, not %d to %d"):format(ms, least, most)) end
    end

    t.it("a 429 is waited out as long as Retry-After says in seconds", function()
      t.fault { path = "/send/", status = 429, errcode = "M_LIMIT_EXCEEDED", headers = { ["Retry-After"] = "3" } }
      local ms, made = took()
      within(ms, 3000, 6000)
      t.eq(#made, 2)
      t.eq(made[1].raw_path, made[2].raw_path)
      t.eq(made[1].content, made[2].content)
    end)

    t.it("a 429 is waited out until the date in Retry-After", function()
      local at = os.date("!%a, %d %b %Y %H:%M:%S GMT", math.floor(time.now()) + 4)
      t.fault { path = "/send/", status = 429, errcode = "M_LIMIT_EXCEEDED", headers = { ["Retry-After"] = at } }
      local ms, made = took()
      within(ms, 3000, 7000)
      t.eq(#made, 2)
    end)

    t.it("a 429 is waited out as long as retry_after_ms says", function()
      t.fault { path = "/send/", status = 429, errcode = "M_LIMIT_EXCEEDED", content = { retry_after_ms = 700 }, times = 2 }
      local ms, made = took()
      within(ms, 1400, 5500)
      t.eq(#made, 3)
    end)

    t.it("the waits after 429s without a delay grow", function()
      t.fault { path = "/send/", status = 429, errcode = "M_LIMIT_EXCEEDED" }
      within(took(), 2000, 6000)
    end)

    for _, status in ipairs { 502, 503, 504 } do
      t.it("a " .. status .. " is followed by the same transaction", function()
        t.fault { path = "/send/", status = status, body = "<h1>no</h1>", headers = { ["Retry-After"] = "0.1" }, times = 2 }
        local _, made = took()
        t.eq({ made[1].status, made[2].status, made[3].status }, { status, status, 200 })
        t.eq({ made[1].raw_path, made[1].raw_path }, { made[2].raw_path, made[3].raw_path })
      end)
    end

    t.it("a connection that fails is tried again after some seconds", function()
      t.fault { path = "/send/", refused = true }
      local ms, made = took()
      within(ms, 4000, 9000)
      t.eq(#made, 2)
    end)

    t.it("an answer that is lost makes no second message", function()
      t.fault { path = "/send/", done = true, status = 502, headers = { ["Retry-After"] = "0.1" } }
      local _, made = took()
      t.eq(#made, 2)
      hs:expect_message { from = ghost.mxid, room = room, body = "the ghost .*" }
      hs:expect_message { from = ghost.mxid, room = room, body = "hello" }
      hs:expect_silence()
    end)

    t.it("other failures are raised at once", function()
      for _, status in ipairs { 400, 403, 404, 413, 500, 501 } do
        t.fault { path = "/send/", status = status, errcode = "M_X" }
        local e = t.raises(function() ghost:send_text(room, "hello") end)
        t.eq({ e.status, e.errcode }, { status, "M_X" })
        t.eq(#hs:requests(), 1)
      end
    end)

    t.it("a room is not made a second time when its making may have been heard", function()
      bot:ensure_registered()
      hs:asked()
      t.fault { path = "/createRoom", status = 502, done = true }
      t.raises(function() bot:create_room { name = "one" } end)
      t.fault { path = "/createRoom", refused = true, done = true }
      t.raises(function() bot:create_room { name = "two" } end)
      t.eq(hs:asked(), { "POST /createRoom", "POST /createRoom" })
    end)

    t.it("a room is made in a second try when the first could not be heard", function()
      bot:ensure_registered()
      hs:asked()
      t.fault { path = "/createRoom", refused = true }
      local made = bot:create_room { name = "one" }
      t.eq(hs:asked(), { "POST /createRoom", "POST /createRoom" })
      t.eq(hs:state(made, "m.room.name"), { name = "one" })
    end)
  end)

  t.describe("answers:", function()
    -- failed is the error of a send that is answered so.
    local function failed(fault, pattern)
      fault.path = "/send/"
      t.fault(fault)
      return t.raises(function() ghost:send_text(room, "hello") end, pattern)
    end

    t.it("JSON is read, whatever its content type", function()
      for _, type in ipairs { "text/plain", "text/html; charset=utf-8", "" } do
        t.fault { path = "/send/", content = { event_id = "$answered" }, headers = { ["Content-Type"] = type } }
        t.eq(ghost:send_text(room, "hello"), "$answered")
      end
    end)

    t.it("what is not JSON is an error with its status and first 200 characters", function()
      for _, status in ipairs { 200, 404, 500 } do
        local e = failed({ status = status, body = "<html>" .. ("é"):rep(500) }, "not JSON")
        t.eq({ e.status, e.errcode }, { status, "M_UNKNOWN" })
        t.matches(e.message, "<html>" .. ("é"):rep(194) .. "[^é]")
        if e.message:find(("é"):rep(195), 1, true) then error("more than 200 characters: " .. e.message) end
      end
    end)

    t.it("JSON without what was asked for is an error", function()
      for _, body in ipairs { "{}", "[]", "null", '"text"', '{"event_id":5}' } do
        failed({ body = body }, "event_id")
      end
    end)

    t.it("an error has errcode, status and text of the homeserver", function()
      local e = failed { status = 403, errcode = "M_FORBIDDEN", error = "because of the weather" }
      t.eq({ e.errcode, e.status }, { "M_FORBIDDEN", 403 })
      t.matches(e.message, "because of the weather")
    end)

    t.it("errcodes that nobody has heard of are kept", function()
      local e = failed { status = 418, errcode = "ORG.EXAMPLE.TEAPOT", error = "short and stout" }
      t.eq({ e.errcode, e.status }, { "ORG.EXAMPLE.TEAPOT", 418 })
    end)

    t.it("without a body, or with one that has no errcode, it is M_UNKNOWN with the status", function()
      for _, body in ipairs { "\n", "{}", "[]", "null", '{"errcode":5}', '{"errcode":""}', '{"error":{}}' } do
        local e = failed { status = 403, body = body }
        t.eq({ e.errcode, e.status }, { "M_UNKNOWN", 403 })
      end
    end)
  end)

  t.it("transaction IDs in a handler are another for each send, even of the same text", function()
    hs = t.load("together.lua")
    alice = hs:user("alice")
    local desk = alice:room()
    alice:say(desk, "!chorus")
    for _, name in ipairs { "bob", "carol", "bob" } do
      hs:expect_message { from = hs:ghost(name).mxid, room = desk, body = "la" }
    end
    hs:expect_silence()
  end)

  t.it("transaction IDs outside of handlers are random and long, and another for each send", function()
    local seen = {}
    for _ = 1, 5 do
      ghost:send_text(room, "the same")
      local txn = hs:requests()[1].raw_path:match("[^/]+$")
      if #txn < 22 or seen[txn] then error("the transaction ID " .. txn) end
      seen[txn] = true
    end
  end)
end)
