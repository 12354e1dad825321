local t = require "bridge.test"

t.describe("intent:get_pinned_messages", function()
  local hs, ghost, alice, room

  t.before_each(function()
    hs    = t.load("blank.lua")
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    room  = alice:room()
    hs:asked()
  end)

  local function pin(content) alice:send(room, "m.room.pinned_events", content, { state_key = "" }) end

  local function path() return "GET /rooms/" .. room .. "/state/m.room.pinned_events" end

  t.it("registers and joins the user first, and returns the list in its order", function()
    pin { pinned = { "$b", "$a", "$c" } }
    t.eq(ghost:get_pinned_messages(room), { "$b", "$a", "$c" })
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /join/" .. room, path() })
  end)

  t.it("returns an empty list where nothing was ever pinned", function()
    t.eq(ghost:get_pinned_messages(room), {})
  end)

  t.it("returns an empty list where the event has no list of IDs", function()
    for _, content in ipairs { {}, { pinned = "$a" }, { pinned = { a = "$a" } }, { pinned = { 1, 2 } }, { pinned = {} } } do
      pin(content)
      t.eq(ghost:get_pinned_messages(room), {})
    end
  end)

  t.it("asks each time", function()
    ghost:get_pinned_messages(room)
    pin { pinned = { "$a" } }
    hs:asked()
    t.eq(ghost:get_pinned_messages(room), { "$a" })
    t.eq(hs:asked(), { path() })
  end)

  t.it("goes by M_NOT_FOUND, under whatever status", function()
    t.fault { method = "GET", path = "/state/m.room.pinned_events", status = 400, errcode = "M_NOT_FOUND", error = "none" }
    t.eq(ghost:get_pinned_messages(room), {})
  end)

  t.it("tells M_FORBIDDEN where the user cannot come in", function()
    local shut = alice:room { private = true }
    alice:send(shut, "m.room.power_levels", { invite = 50 }, { state_key = "" })
    local err = t.raises(function() ghost:get_pinned_messages(shut) end)
    t.eq({ err.errcode, err.status }, { "M_FORBIDDEN", 403 })
  end)
end)
