local t = require "bridge.test"

t.describe("rss.lua", function()
  local url = "https://news.test/feed"
  local hs, web, alice, room, items, status

  -- The feed as it is now: the newest item first.
  local function answer(req)
    local xml, etag = {}, '"' .. #items .. '"'
    if req.headers["if-none-match"] == etag then return { status = 304 } end
    for i = #items, 1, -1 do
      xml[#xml + 1] = ("<item><title>%s</title><link>https://news.test/%d</link></item>"):format(items[i], i)
    end
    return { status = status, headers = { ETag = etag },
      body = '<rss version="2.0"><channel><title>News</title>' .. table.concat(xml) .. "</channel></rss>" }
  end

  t.before_each(function()
    items, status = { "one" }, 200
    web   = t.fake_http(url, answer)                       -- the script's feed.fetch ends up here
    hs    = t.load("rss.lua")
    alice = hs:user("alice")
    room  = alice:room()
  end)

  local function add()
    alice:say(room, "!feed add " .. url)
    t.matches(hs:expect_notice(room).content.body, "added .*News.* %(1 items")
  end

  t.it("posts nothing old, and each new item once, the oldest first", function()
    add()
    items = { "one", "two", "three" }
    t.advance("11m")                                       -- virtual time: this takes no time
    t.eq(hs:expect_message().content.body, "**News**: [two](https://news.test/2)")
    t.eq(hs:expect_message().content.formatted_body, '<strong>News</strong>: <a href="https://news.test/3">three</a>')
    t.advance("1h")
    t.raises(function() hs:expect_message() end, "there is none")       -- no more
  end)

  t.it("fetches nothing when nothing has changed", function()
    add()
    t.advance("11m")
    t.eq(web.requests[#web.requests].headers["if-none-match"], '"1"')
  end)

  t.it("goes on where it was when the script is saved again", function()
    add()
    hs:reload()
    items = { "one", "two" }
    t.advance("11m")
    hs:expect_message { body = ".*two.*" }
    t.raises(function() hs:expect_message() end, "there is none")
  end)

  t.it("waits for a server that is down", function()
    add()
    items, status = { "one", "two" }, 503
    t.advance("11m")
    t.raises(function() hs:expect_message() end, "there is none")
    status = 200
    t.advance("10m")
    hs:expect_message { body = ".*two.*" }
  end)

  t.it("says why a feed cannot be read", function()
    status = 404
    alice:say(room, "!feed add " .. url)
    t.matches(hs:expect_notice(room).content.body, "I cannot read that feed: .*404")
    alice:say(room, "!feed add news.test")
    t.matches(hs:expect_notice(room).content.body, "I cannot read that feed: ")
  end)

  t.it("lists a room's feeds, and removes them", function()
    add()
    alice:say(room, "!feed list")
    t.eq(hs:expect_notice(room).content.body, "* " .. url)
    for _, said in ipairs { "removed", "there is no such feed in this room" } do
      alice:say(room, "!feed remove " .. url)
      t.eq(hs:expect_notice(room).content.body, said)
    end
    alice:say(room, "!feed list")
    t.eq(hs:expect_notice(room).content.body, "no feeds in this room")
    items = { "one", "two" }
    t.advance("11m")
    t.raises(function() hs:expect_message() end, "there is none")
  end)

  t.it("lets only moderators add a feed", function()
    hs:user("bob"):say(room, "!feed add " .. url)
    t.matches(hs:expect_notice(room).content.body, "takes power level 50")
  end)
end)
