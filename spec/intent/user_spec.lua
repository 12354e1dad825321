local t = require "bridge.test"

t.describe("intent:user", function()
  local hs, bot, ghost, alice, as_alice, store

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    store    = bot.state_store
    hs:asked()
    hs:logged()
  end)

  local whoami = "/_matrix/client/v3/account/whoami"

  local function authorization() return hs:requests()[1].headers.authorization end

  local function warnings()
    local found = {}
    for _, line in ipairs(hs:logged()) do
      if line.level == "warn" then found[#found + 1] = line end
    end
    return found
  end

  t.describe("of a ghost", function()
    t.it("asks nothing, and acts as the ghost with the application service's token", function()
      local carl = bot:user("@" .. ghost.localpart .. "_too:" .. hs.server_name)
      t.eq(hs:asked(), {})
      carl:ensure_registered()
      hs:requests()
      bot:ensure_registered()
      local of_bot = authorization()
      t.eq(carl.api:request("GET", whoami).user_id, carl.mxid)
      local made = hs:requests()[1]
      t.eq(made.user, carl.mxid)
      t.eq(made.query, {})
      t.eq(made.headers.authorization, of_bot)
      t.matches(of_bot, "^Bearer .+")
    end)

    t.it("gives the same intent again, also by way of another ghost", function()
      t.eq(bot:user(ghost.mxid) == ghost, true)
      t.eq(ghost:user(ghost.mxid) == ghost, true)
      t.eq(ghost:user(bot.mxid) == bot, true)
      t.eq(hs:ghost("carl") == ghost, false)
      t.eq(warnings(), {})
    end)

    t.it("marks nothing that a ghost or the bot sends", function()
      local room = alice:room()
      for _, who in ipairs { ghost, bot } do
        hs:requests()
        who:send_text(room, "hello")
        local made = hs:requests()
        t.eq(made[#made].content, { msgtype = "m.text", body = "hello" })
      end
    end)

    t.it("refuses what is no user ID, and asks nothing", function()
      for _, wrong in ipairs { "", "bob:" .. hs.server_name, "@bob", "@bob:", "#hall:" .. hs.server_name } do
        t.raises(function() bot:user(wrong) end)
      end
      t.eq(hs:asked(), {})
    end)

    t.it("refuses a homeserver, or another service, without a token", function()
      t.raises(function() bot:user(ghost.mxid, { base_url = "http://other.example" }) end, "base_url and as_token go with a token")
      t.raises(function() bot:user(ghost.mxid, { as_token = true }) end, "base_url and as_token go with a token")
    end)
  end)

  t.describe("of a double puppet", function()
    t.it("acts with the user's own token and no user_id", function()
      t.eq(as_alice.api:request("GET", whoami).user_id, alice.mxid)
      local made = hs:requests()
      t.eq(#made, 1)
      t.eq(made[1].user, nil)
      t.eq(made[1].query, {})
      t.eq(made[1].headers.authorization, "Bearer " .. alice.token)
    end)

    t.it("marks messages, state and memberships with the bridge's name", function()
      local room = alice:room()
      as_alice:send_text(room, "hello")
      as_alice:set_room_topic(room, "bridges")
      as_alice:invite_user(room, ghost.mxid)
      as_alice:kick_user(room, ghost.mxid)
      local marked = {}
      for _, one in ipairs(hs:requests()) do
        if one.method == "PUT" then
          t.eq(one.content["fi.mau.double_puppet_source"], "bridgehost")
          marked[#marked + 1] = one.line
        end
      end
      local inside = "PUT /rooms/" .. room
      local member = inside .. "/state/m.room.member/" .. ghost.mxid
      t.eq(marked, { inside .. "/send/m.room.message/TXN", inside .. "/state/m.room.topic", member, member })
      t.eq(hs:state(room, "m.room.topic")["fi.mau.double_puppet_source"], "bridgehost")
    end)

    t.it("gives the same intent again, until another token comes, which is used from then on", function()
      t.eq(bot:user(alice.mxid, { token = alice.token }) == as_alice, true)
      local renewed = bot:user(alice.mxid, { token = "another" })
      t.eq(renewed == as_alice, false)
      t.eq(t.raises(function() renewed.api:request("GET", whoami) end).errcode, "M_UNKNOWN_TOKEN")
      t.eq(authorization(), "Bearer another")
    end)

    t.it("works by way of a ghost's intent, too, with a warning in the log, and is helped by the bot", function()
      local by_ghost = ghost:user(alice.mxid, { token = alice.token })
      local told = warnings()
      t.eq(#told, 1)
      t.matches(told[1].message, "double puppet")
      t.eq(told[1].fields.user_id, ghost.mxid)
      t.eq(told[1].fields.puppet, alice.mxid)
      t.eq(by_ghost.bot == bot, true)
      t.eq(by_ghost.api:request("GET", whoami).user_id, alice.mxid)
    end)

    t.it("gives no warning by way of the bot's", function()
      bot:user(alice.mxid, { token = "another" })
      t.eq(warnings(), {})
    end)

    t.it("asks the user's own homeserver with base_url, and only as that user", function()
      local abroad = bot:user("@alice:other.example", { token = "hers", base_url = "http://other.example/matrix" })
      t.fault { path = "/matrix/_matrix/client/v3/account/whoami", content = { user_id = abroad.mxid } }
      t.eq(abroad.api:request("GET", whoami).user_id, "@alice:other.example")
      local made = hs:requests()
      t.eq(#made, 1)
      t.eq(made[1].host, "other.example")
      t.eq(made[1].raw_path, "/matrix" .. whoami)
      t.eq(made[1].headers.authorization, "Bearer hers")
      bot:ensure_registered()
      local own = hs:requests()[1]
      t.eq(own.host == "other.example", false)
      t.matches(own.raw_path, "^/_matrix/")
    end)

    t.it("acts as another application service's user with as_token", function()
      local other = bot:user(alice.mxid, { token = "of-another-service", as_token = true })
      t.fault { path = whoami, content = { user_id = alice.mxid } }
      other.api:request("GET", whoami)
      local made = hs:requests()[1]
      t.eq(made.user, alice.mxid)
      t.eq(made.headers.authorization, "Bearer of-another-service")
      t.fault { path = "/send/", content = { event_id = "$marked" } }
      local room = alice:room()
      store:joined(room, alice.mxid)
      store:set_power_levels(room, {})
      store:set_create { type = "m.room.create", room_id = room, sender = alice.mxid, state_key = "", content = { room_version = "12" } }
      other:send_text(room, "hello")
      local sent = hs:requests()
      t.eq(sent[#sent].content["fi.mau.double_puppet_source"], "bridgehost")
      t.eq(sent[#sent].user, alice.mxid)
    end)

    t.it("is not let in with a token that the homeserver does not know", function()
      local other = bot:user(alice.mxid, { token = "of-another-service", as_token = true })
      local failed = t.raises(function() other.api:request("GET", whoami) end)
      t.eq(failed.errcode, "M_UNKNOWN_TOKEN")
      t.eq(failed.status, 401)
    end)
  end)

  t.describe("with a device", function()
    local phone

    local function make(who, id)
      who:ensure_registered()
      who.api:request("PUT", "/_matrix/client/v3/devices/" .. id, { content = { display_name = "Phone" } })
      hs:asked()
    end

    t.before_each(function() phone = bot:user(ghost.mxid, { device_id = "PHONE" }) end)

    t.it("acts as that device, under the present and the older name of the parameter", function()
      make(ghost, "PHONE")
      t.eq(phone.api:request("GET", whoami), { user_id = ghost.mxid, device_id = "PHONE", is_guest = false })
      local made = hs:requests()[1]
      t.eq(made.user, ghost.mxid)
      t.eq(made.query, { device_id = "PHONE", ["org.matrix.msc3202.device_id"] = "PHONE" })
      local room = alice:room()
      phone:send_text(room, "hello")
      for _, one in ipairs(hs:requests()) do t.eq(one.query.device_id, "PHONE") end
    end)

    t.it("registers the user without it, who has no device before", function()
      phone:ensure_registered()
      t.eq(hs:asked(), { "POST /register?kind=user" })
    end)

    t.it("raises M_UNKNOWN_DEVICE for a device that there is not", function()
      ghost:ensure_registered()
      local failed = t.raises(function() phone:join_room(alice:room()) end)
      t.eq(failed.errcode, "M_UNKNOWN_DEVICE")
      t.matches(failed.hint, "make the device first")
      t.eq(failed.status, 400)
    end)

    t.it("gives the same intent for the same device, beside that of the user without one", function()
      t.eq(bot:user(ghost.mxid, { device_id = "PHONE" }) == phone, true)
      t.eq(bot:user(ghost.mxid, { device_id = "DESK" }) == phone, false)
      t.eq(bot:user(ghost.mxid) == ghost, true)
      t.eq(phone == ghost, false)
      t.eq(phone.bot == bot, true)
      ghost:ensure_registered()
      hs:asked()
      ghost.api:request("GET", whoami)
      t.eq(hs:requests()[1].query, {})
    end)

    t.it("gives a device to the bot, too, which stays a bot", function()
      make(bot, "DESK")
      local desk = bot:user(bot.mxid, { device_id = "DESK" })
      t.eq(desk.bot, nil)
      t.eq(desk.api:request("GET", whoami).device_id, "DESK")
      t.eq(desk:user(bot.mxid) == bot, true)
      t.eq(desk:user(ghost.mxid) == ghost, true)
      t.eq(desk:user(ghost.mxid).bot == bot, true)
    end)

    t.it("goes with another service's token, and not with the user's own, which has a device", function()
      t.raises(function() bot:user(alice.mxid, { token = alice.token, device_id = "PHONE" }) end, "device_id goes with")
      local other = bot:user(alice.mxid, { token = "of-another-service", as_token = true, device_id = "PHONE" })
      t.fault { path = whoami, content = { user_id = alice.mxid } }
      other.api:request("GET", whoami)
      t.eq(hs:requests()[1].query.device_id, "PHONE")
    end)
  end)

  t.describe("gives an intent that", function()
    t.it("tells its user ID and the two parts of it", function()
      local other = bot:user("@al.ice+x:sub.example.org:8448", { token = "hers" })
      t.eq(other.mxid, "@al.ice+x:sub.example.org:8448")
      t.eq(other.localpart, "al.ice+x")
      t.eq(other.domain, "sub.example.org:8448")
      t.eq(ghost.mxid, "@" .. ghost.localpart .. ":" .. ghost.domain)
      t.eq(ghost.domain, hs.server_name)
      t.eq(bot.mxid, hs.bot)
    end)

    t.it("knows its bot, which knows none", function()
      t.eq(ghost.bot == bot, true)
      t.eq(as_alice.bot == bot, true)
      t.eq(bot.bot, nil)
      ghost.bot:ensure_registered()
      t.eq(hs:requests()[1].user, bot.mxid)
    end)

    t.it("shares one state store with all others", function()
      ghost.state_store:joined("!somewhere", alice.mxid)
      t.eq(bot.state_store:is_joined("!somewhere", alice.mxid), true)
      t.eq(as_alice.state_store:is_joined("!somewhere", alice.mxid), true)
    end)

    t.it("has a log and an api of its own", function()
      ghost.log:info("here")
      as_alice.log:info("there")
      local who = {}
      for _, line in ipairs(hs:logged()) do
        if line.message == "here" or line.message == "there" then who[line.message] = line.fields.user_id end
      end
      t.eq(who, { here = ghost.mxid, there = alice.mxid })
      ghost:ensure_registered()
      t.eq(ghost.api:request("GET", whoami).user_id, ghost.mxid)
      t.eq(as_alice.api:request("GET", whoami).user_id, alice.mxid)
    end)

    t.it("shows whose it is, and lets nothing be changed", function()
      t.eq(tostring(ghost), "intent of " .. ghost.mxid)
      t.raises(function() ghost.mxid = "@other:" .. hs.server_name end)
      t.raises(function() return ghost.username end)
    end)
  end)
end)
