local t = require "bridge.test"

t.describe("intent:download_media", function()
  local hs, bot, ghost, alice, as_alice

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    as_alice = bot:user(alice.mxid, { token = alice.token })
    bot:ensure_registered()
  end)

  local function path(url) return "GET /_matrix/client/v1/media/download/" .. url:sub(#"mxc://" + 1) end

  t.it("returns the bytes, whatever they are", function()
    local bytes = "\0\1\255\r\n{\"errcode\":\"M_FORBIDDEN\"}\0"
    local url   = bot:upload_media(bytes, { mime_type = "application/json" })
    hs:asked()
    t.eq(bot:download_media(url), bytes)
    t.eq(hs:asked(), { path(url) })
  end)

  t.it("asks with the user's token, in a header", function()
    local url = bot:upload_media("hello")
    hs:requests()
    bot:download_media(url)
    local made = hs:requests()[1]
    t.eq(made.user, bot.mxid)
    t.matches(made.headers.authorization, "^Bearer .")
    t.eq(made.query, {})
    as_alice:download_media(url)
    made = hs:requests()[1]
    t.eq(made.user, nil)
    t.eq(made.headers.authorization, "Bearer " .. alice.token)
  end)

  t.it("fetches what somebody else has uploaded", function()
    local url = as_alice:upload_media("alice's", { filename = "a.txt" })
    t.eq(bot:download_media(url), "alice's")
  end)

  t.it("registers a user that the homeserver turns out not to know", function()
    local url = bot:upload_media("hello")
    hs:asked()
    t.eq(ghost:download_media(url), "hello")
    t.eq(hs:asked(), { path(url), "POST /register?kind=user", path(url) })
  end)

  t.it("raises M_NOT_FOUND for a file that is not there", function()
    local err = t.raises(function() bot:download_media("mxc://" .. hs.server_name .. "/nothing") end)
    t.eq(err.errcode, "M_NOT_FOUND")
    t.eq(err.status, 404)
  end)

  t.it("raises M_NOT_YET_UPLOADED when an announced file has not come in time", function()
    local url = bot:create_mxc().content_uri
    hs:asked()
    local err = t.raises(function() bot:download_media(url, { timeout_ms = 1 }) end)
    t.eq(err.errcode, "M_NOT_YET_UPLOADED")
    t.eq(err.status, 504)
    t.eq(hs:asked(), { path(url) .. "?timeout_ms=1" })
    bot:upload_media("hello", { mxc = url })
    t.eq(bot:download_media(url, { timeout_ms = 0 }), "hello")
  end)

  t.it("raises M_TOO_LARGE for a file of more than 16 MiB", function()
    local url = bot:upload_media("hello")
    t.fault { path = "/media/download/", body = "hello", headers = { ["Content-Type"] = "text/plain", ["Content-Length"] = "16777217" } }
    local err = t.raises(function() bot:download_media(url) end, "larger than 16 MiB")
    t.eq(err.errcode, "M_TOO_LARGE")
    t.eq(err.hint, nil)
  end)

  t.it("follows no redirect, which the token would have to follow", function()
    local url = bot:upload_media("hello")
    hs:asked()
    t.fault { path = "/media/download/", status = 307, headers = { Location = "https://cdn.example.org/x" } }
    local err = t.raises(function() bot:download_media(url) end)
    t.eq(err.status, 307)
    t.eq(hs:asked(), { path(url) })
  end)

  t.it("refuses what is no address before it asks anything", function()
    hs:asked()
    for _, url in ipairs { "https://example.org/x", "mxc://", "mxc://example.org", "mxc://example.org/", "mxc:///x", "mxc://example.org/a/b" } do
      t.raises(function() bot:download_media(url) end, "mxc")
    end
    t.eq(hs:asked(), {})
  end)
end)
