local t    = require "bridge.test"
local json = require "bridge.json"

t.describe("intent:set_displayname", function()
  local hs, bot, ghost, alice

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    bot:ensure_registered()
    hs:asked()
  end)

  local function path(method, user) return method .. " /profile/" .. (user or ghost.mxid) .. "/displayname" end

  t.it("registers the user, asks for the present name, and sets another one", function()
    ghost:set_displayname("Bob")
    local made = hs:requests()
    t.eq(#made, 3)
    t.eq(made[1].line, "POST /register?kind=user")
    t.eq(made[2].line, path("GET"))
    t.eq(made[3].line, path("PUT"))
    t.eq(made[3].content, { displayname = "Bob" })
    t.eq(made[3].user, ghost.mxid)
    t.eq(bot:get_displayname(ghost.mxid), "Bob")
  end)

  t.it("sets nothing when the name is so already", function()
    ghost:set_displayname("Bob")
    hs:asked()
    ghost:set_displayname("Bob")
    t.eq(hs:asked(), { path("GET") })
  end)

  t.it("sets the name without asking with check_current = false", function()
    ghost:set_displayname("Bob")
    hs:asked()
    ghost:set_displayname("Bob", { check_current = false })
    t.eq(hs:asked(), { path("PUT") })
  end)

  t.it("removes the name with an empty one, and with json.null", function()
    for _, none in ipairs { "", json.null } do
      ghost:set_displayname("Bob")
      hs:requests()
      ghost:set_displayname(none)
      t.eq(hs:requests()[2].content, { displayname = "" })
      t.eq(bot:get_displayname(ghost.mxid), nil)
    end
  end)

  t.it("changes what the user's rooms show, and no membership", function()
    local room = alice:room()
    ghost:ensure_joined(room)
    ghost:set_displayname("Robert")
    for _ = 1, 10 do -- a homeserver may take its time over that
      if ghost.state_store:get_member(room, ghost.mxid).displayname == "Robert" then break end
      t.advance("500ms")
    end
    local member = hs:state(room, "m.room.member", ghost.mxid)
    t.eq(member.displayname, "Robert")
    t.eq(member.membership, "join")
    t.eq(ghost.state_store:get_member(room, ghost.mxid), { membership = "join", displayname = "Robert" })
  end)

  t.it("works for a double puppet, which nobody registers", function()
    local as_alice = bot:user(alice.mxid, { token = alice.token })
    as_alice:set_displayname("Alice A.")
    t.eq(hs:asked(), { path("GET", alice.mxid), path("PUT", alice.mxid) })
    t.eq(bot:get_displayname(alice.mxid), "Alice A.")
  end)

  t.it("raises M_UNKNOWN, and leaves the name as it was, when it is longer than 256 characters", function()
    ghost:set_displayname(("ä"):rep(256))
    local err = t.raises(function() ghost:set_displayname(("x"):rep(257)) end)
    t.eq(err.errcode, "M_UNKNOWN")
    t.eq(err.status, 400)
    t.eq(bot:get_displayname(ghost.mxid), ("ä"):rep(256))
  end)

  t.it("raises M_FORBIDDEN when the homeserver does not let its people choose names", function()
    local as_alice = bot:user(alice.mxid, { token = alice.token })
    t.fault { method = "PUT", path = "/displayname", status = 403, errcode = "M_FORBIDDEN", error = "Changing display name is disabled on this server" }
    local err = t.raises(function() as_alice:set_displayname("Alice A.") end, "disabled on this server")
    t.eq(err.errcode, "M_FORBIDDEN")
  end)

  t.it("sets nothing when the present name cannot be asked for", function()
    bot:set_displayname("Bot")
    hs:asked()
    t.fault { method = "GET", path = "/displayname", status = 403, errcode = "M_FORBIDDEN" }
    t.raises(function() bot:set_displayname("Other") end)
    t.eq(hs:asked(), { path("GET", bot.mxid) })
  end)
end)
