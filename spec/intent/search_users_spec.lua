local t = require "bridge.test"

t.describe("intent:search_users", function()
  local hs, bot, ghost, alice, carol, as_carol

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    carol    = hs:user("carol")
    as_carol = bot:user(carol.mxid, { token = carol.token })
  end)

  local search = "POST /user_directory/search"

  -- A word that no other sentence's users have.
  local function word(what) return what .. bot.localpart:gsub("[^%w]", "") end

  -- eventually searches until somebody is found: a homeserver may take its time to notice.
  local function eventually(as, query, options)
    for _ = 1, 40 do
      local found = as:search_users(query, options)
      if #found.results > 0 or found.limited then return found end
      t.advance("250ms")
    end
    error("nobody was found")
  end

  t.it("registers the user, and asks for ten", function()
    ghost:search_users("somebody")
    local made = hs:requests()
    t.eq(#made, 2)
    t.eq(made[1].line, "POST /register?kind=user")
    t.eq(made[2].line, search)
    t.eq(made[2].content, { search_term = "somebody", limit = 10 })
    t.eq(made[2].user, ghost.mxid)
  end)

  t.it("returns an empty list when nobody fits", function()
    t.eq(bot:search_users(word("nobody")), { results = {}, limited = false })
  end)

  t.it("finds people in public rooms by the beginnings of the words of their names", function()
    as_carol:set_displayname("Caroline " .. word("Meyer"))
    as_carol:create_room { preset = "public_chat" }
    local found = eventually(bot, word("mey"):sub(1, 3) .. " " .. word("Meyer"))
    t.eq(found, { results = { { user_id = carol.mxid, display_name = "Caroline " .. word("Meyer") } }, limited = false })
    t.eq(bot:search_users("caro " .. word("meyer")).results[1].user_id, carol.mxid)
    t.eq(bot:search_users("aroline " .. word("meyer")).results, {})
  end)

  t.it("tells their pictures", function()
    local picture = "mxc://" .. hs.server_name .. "/picture"
    as_carol:set_displayname(word("Painter"))
    as_carol:set_avatar_url(picture)
    as_carol:create_room { preset = "public_chat" }
    t.eq(eventually(bot, word("Painter")).results[1].avatar_url, picture)
  end)

  t.it("tells when there are more than the limit", function()
    local room = as_carol:create_room { preset = "public_chat" }
    as_carol:set_displayname("First " .. word("Twin"))
    bot:user(alice.mxid, { token = alice.token }):set_displayname("Second " .. word("Twin"))
    alice:join(room)
    local found
    for _ = 1, 40 do
      found = bot:search_users(word("Twin"))
      if #found.results == 2 then break end
      t.advance("250ms")
    end
    t.eq(found.limited, false)
    hs:asked()
    found = bot:search_users(word("Twin"), { limit = 1 })
    t.eq(hs:requests()[1].content.limit, 1)
    t.eq(#found.results, 1)
    t.eq(found.limited, true)
  end)

  t.it("finds as a double puppet those who share a private room with it, whom the bot does not find", function()
    as_carol:set_displayname(word("Hidden"))
    local room = as_carol:create_room { invitees = { alice.mxid } }
    alice:join(room)
    local as_alice = bot:user(alice.mxid, { token = alice.token })
    hs:asked()
    local found = eventually(as_alice, word("Hidden"))
    t.eq(hs:asked()[1], search)
    t.eq(found.results[1].user_id, carol.mxid)
    t.eq(bot:search_users(word("Hidden")).results, {})
  end)

  t.it("raises when the answer has no results", function()
    t.fault { path = "/user_directory/", content = { limited = false } }
    t.raises(function() bot:search_users("somebody") end, "results")
  end)

  t.it("raises what the homeserver refuses", function()
    t.fault { path = "/user_directory/", status = 403, errcode = "M_FORBIDDEN", error = "no" }
    local err = t.raises(function() bot:search_users("somebody") end, "search_users")
    t.eq(err.errcode, "M_FORBIDDEN")
  end)
end)
