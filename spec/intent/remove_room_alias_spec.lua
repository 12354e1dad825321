local t = require "bridge.test"

t.describe("intent:remove_room_alias", function()
  local hs, bot, ghost, alice, as_alice, room, name

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    room     = alice:room()
    name     = bot.localpart .. "-hall"
    hs:asked()
  end)

  local function alias(localpart) return "#" .. (localpart or name) .. ":" .. hs.server_name end
  local function delete(localpart) return "DELETE /directory/room/" .. alias(localpart) end
  local function own(user) return user.mxid:match("^@(.-):") .. "-hall" end

  t.it("registers the user, and removes the alias on the user's own server", function()
    bot:add_room_alias(room, name)
    hs:asked()
    t.eq(ghost:remove_room_alias(name), nil)
    t.eq(hs:asked(), { "POST /register?kind=user", delete() })
    t.eq(t.raises(function() bot:resolve_room_alias(alias()) end).errcode, "M_NOT_FOUND")
  end)

  t.it("succeeds when there is no such alias", function()
    bot:remove_room_alias(name)
    as_alice:remove_room_alias(own(alice))
    local made = hs:requests()
    t.eq(made[#made].line, delete(own(alice)))
    t.eq(made[#made].status, 404)
  end)

  t.it("raises M_NOT_FOUND then with raise_404", function()
    local err = t.raises(function() as_alice:remove_room_alias(own(alice), { raise_404 = true }) end)
    t.eq(err.errcode, "M_NOT_FOUND")
    t.eq(err.status, 404)
    t.fault { method = "DELETE", path = "/directory/room/", status = 404, errcode = "M_NOT_FOUND", error = "none" }
    t.eq(t.raises(function() bot:remove_room_alias(name, { raise_404 = true }) end).errcode, "M_NOT_FOUND")
  end)

  t.it("raises M_EXCLUSIVE for an alias outside of the bridge's namespace", function()
    as_alice:add_room_alias(room, own(alice))
    t.eq(t.raises(function() bot:remove_room_alias(own(alice)) end).errcode, "M_EXCLUSIVE")
    t.eq(bot:resolve_room_alias(alias(own(alice))).room_id, room)
  end)

  t.it("removes as a double puppet what is its own, and raises M_FORBIDDEN for what is not", function()
    as_alice:add_room_alias(room, own(alice))
    local carol = hs:user("carol")
    carol:join(room)
    local err = t.raises(function() bot:user(carol.mxid, { token = carol.token }):remove_room_alias(own(alice)) end)
    t.eq(err.errcode, "M_FORBIDDEN")
    t.eq(bot:resolve_room_alias(alias(own(alice))).room_id, room)
    as_alice:remove_room_alias(own(alice))
    t.eq(t.raises(function() bot:resolve_room_alias(alias(own(alice))) end).errcode, "M_NOT_FOUND")
  end)

  t.it("takes every letter but white space and colons", function()
    for _, odd in ipairs { "#lua", "a/b", "50%25", "wie?", "é+" } do
      name = bot.localpart .. odd
      bot:add_room_alias(room, name)
      hs:asked()
      bot:remove_room_alias(name)
      t.eq(hs:asked(), { delete() })
      t.eq(t.raises(function() bot:resolve_room_alias(alias()) end).errcode, "M_NOT_FOUND")
    end
  end)
end)
