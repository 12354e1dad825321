local t    = require "bridge.test"
local json = require "bridge.json"

t.describe("intent:set_avatar_url", function()
  local hs, bot, ghost, alice, picture, other

  t.before_each(function()
    hs      = t.load("blank.lua")
    bot     = hs.intent
    ghost   = hs:ghost("bob")
    alice   = hs:user("alice")
    picture = "mxc://" .. hs.server_name .. "/face"
    other   = "mxc://" .. hs.server_name .. "/hat"
    bot:ensure_registered()
    hs:asked()
  end)

  local function path(method, user) return method .. " /profile/" .. (user or ghost.mxid) .. "/avatar_url" end

  t.it("registers the user, asks for the present picture, and sets another one", function()
    ghost:set_avatar_url(picture)
    local made = hs:requests()
    t.eq(#made, 3)
    t.eq(made[1].line, "POST /register?kind=user")
    t.eq(made[2].line, path("GET"))
    t.eq(made[3].line, path("PUT"))
    t.eq(made[3].content, { avatar_url = picture })
    t.eq(made[3].user, ghost.mxid)
    t.eq(bot:get_avatar_url(ghost.mxid), picture)
  end)

  t.it("sets nothing when the picture is so already", function()
    ghost:set_avatar_url(picture)
    hs:asked()
    ghost:set_avatar_url(picture)
    t.eq(hs:asked(), { path("GET") })
  end)

  t.it("sets the picture without asking with check_current = false", function()
    ghost:set_avatar_url(picture)
    hs:asked()
    ghost:set_avatar_url(picture, { check_current = false })
    t.eq(hs:asked(), { path("PUT") })
  end)

  t.it("removes the picture with json.null", function()
    ghost:set_avatar_url(picture)
    hs:requests()
    ghost:set_avatar_url(json.null)
    t.eq(hs:requests()[2].content, { avatar_url = "" })
    t.eq(bot:get_avatar_url(ghost.mxid), nil)
  end)

  t.it("takes what upload_media returns", function()
    local mxc = bot:upload_media("some bytes", { mime_type = "image/png" })
    ghost:set_avatar_url(mxc)
    t.eq(bot:get_avatar_url(ghost.mxid), mxc)
  end)

  t.it("changes what the user's rooms show, and no membership", function()
    local room = alice:room()
    ghost:ensure_joined(room)
    ghost:set_avatar_url(other)
    for _ = 1, 10 do -- a homeserver may take its time over that
      if ghost.state_store:get_member(room, ghost.mxid).avatar_url == other then break end
      t.advance("500ms")
    end
    local member = hs:state(room, "m.room.member", ghost.mxid)
    t.eq(member.avatar_url, other)
    t.eq(member.membership, "join")
    t.eq(ghost.state_store:get_member(room, ghost.mxid).avatar_url, other)
  end)

  t.it("works for a double puppet, which nobody registers", function()
    local as_alice = bot:user(alice.mxid, { token = alice.token })
    as_alice:set_avatar_url(picture)
    t.eq(hs:asked(), { path("GET", alice.mxid), path("PUT", alice.mxid) })
    t.eq(bot:get_avatar_url(alice.mxid), picture)
  end)

  t.it("raises M_UNKNOWN when the address is longer than the homeserver takes", function()
    local err = t.raises(function() ghost:set_avatar_url(picture .. ("x"):rep(1000)) end)
    t.eq(err.errcode, "M_UNKNOWN")
    t.eq(bot:get_avatar_url(ghost.mxid), nil)
  end)

  t.it("raises M_FORBIDDEN when the homeserver does not let its people choose pictures", function()
    local as_alice = bot:user(alice.mxid, { token = alice.token })
    t.fault { method = "PUT", path = "/avatar_url", status = 403, errcode = "M_FORBIDDEN", error = "Changing avatar is disabled on this server" }
    local err = t.raises(function() as_alice:set_avatar_url(picture) end, "disabled on this server")
    t.eq(err.errcode, "M_FORBIDDEN")
  end)
end)
