local t = require "bridge.test"

t.describe("intent:upload_media", function()
  local hs, bot, ghost, alice, as_alice

  t.before_each(function()
    hs       = t.load("blank.lua")
    bot      = hs.intent
    ghost    = hs:ghost("bob")
    alice    = hs:user("alice")
    bot:ensure_registered()
    as_alice = bot:user(alice.mxid, { token = alice.token })
    hs:asked()
  end)

  -- put_path is where a file is put whose address is known.
  local function put_path(url) return "PUT /_matrix/media/v3/upload/" .. url:sub(#"mxc://" + 1) end

  t.it("registers the user, uploads the bytes, and returns the address", function()
    local url = ghost:upload_media("hello\0\255")
    t.matches(url, "^mxc://" .. hs.server_name .. "/[%w_-]+$")
    local made = hs:requests()
    t.eq(#made, 2)
    t.eq(made[1].line, "POST /register?kind=user")
    t.eq(made[2].line, "POST /_matrix/media/v3/upload")
    t.eq(made[2].user, ghost.mxid)
    t.eq(ghost.state_store:is_registered(ghost.mxid), true)
    t.eq(ghost:download_media(url), "hello\0\255")
  end)

  t.it("sends the token in a header and not in the query", function()
    bot:upload_media("hello")
    local made = hs:requests()[1]
    t.matches(made.headers.authorization, "^Bearer .")
    t.eq(made.query, {})
  end)

  t.it("asks only for the upload when the user is registered", function()
    ghost:ensure_registered()
    hs:asked()
    ghost:upload_media("hello")
    t.eq(hs:asked(), { "POST /_matrix/media/v3/upload" })
  end)

  t.it("calls bytes without a type application/octet-stream", function()
    bot:upload_media("hello")
    local made = hs:requests()[1]
    t.eq(made.body, "hello")
    t.eq(made.headers["content-type"], "application/octet-stream")
  end)

  t.it("tells type and name, whatever is in the name", function()
    bot:upload_media("hello", { mime_type = "text/plain", filename = "ä b&c?#/+.txt" })
    local made = hs:requests()[1]
    t.eq(made.headers["content-type"], "text/plain")
    t.eq(made.query, { filename = "ä b&c?#/+.txt" })
  end)

  t.it("uploads a file that is empty", function()
    t.eq(bot:download_media(bot:upload_media("")), "")
  end)

  t.it("checks the size when it is given", function()
    t.matches(bot:upload_media("hello", { size = 5 }), "^mxc://")
    hs:asked()
    t.raises(function() bot:upload_media("hello", { size = 6 }) end, "size is 6, but the data has 5 bytes")
    t.eq(hs:asked(), {})
  end)

  t.it("puts the file at an address that create_mxc gave", function()
    local url = ghost:create_mxc().content_uri
    hs:asked()
    t.eq(ghost:upload_media("hello", { mxc = url, filename = "a.txt" }), url)
    t.eq(hs:asked(), { put_path(url) .. "?filename=a.txt" })
    t.eq(bot:download_media(url), "hello")
  end)

  t.it("asks for the address first with async_upload, and returns when the file is there", function()
    local url = ghost:upload_media("hello", { async_upload = true })
    t.eq(hs:asked(), { "POST /register?kind=user", "POST /_matrix/media/v1/create", put_path(url) })
    t.eq(bot:download_media(url, { timeout_ms = 0 }), "hello")
  end)

  t.it("asks for no address with async_upload when it has one", function()
    local url = ghost:create_mxc().content_uri
    hs:asked()
    t.eq(ghost:upload_media("hello", { async_upload = true, mxc = url }), url)
    t.eq(hs:asked(), { put_path(url) })
  end)

  t.it("uploads for a double puppet with that user's own token", function()
    local url = as_alice:upload_media("hello")
    local made = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].user, nil)
    t.eq(made[1].headers.authorization, "Bearer " .. alice.token)
    t.eq(bot:download_media(url), "hello")
  end)

  t.it("raises M_FORBIDDEN for an address that another user asked for", function()
    local url = as_alice:create_mxc().content_uri
    local err = t.raises(function() bot:upload_media("hello", { mxc = url }) end)
    t.eq(err.errcode, "M_FORBIDDEN")
    t.eq(err.hint, nil)
    t.eq(err.status, 403)
  end)

  t.it("raises M_CANNOT_OVERWRITE_MEDIA for an address that has its file", function()
    local url = bot:create_mxc().content_uri
    bot:upload_media("hello", { mxc = url })
    local err = t.raises(function() bot:upload_media("good bye", { mxc = url }) end)
    t.eq(err.errcode, "M_CANNOT_OVERWRITE_MEDIA")
    t.eq(bot:download_media(url), "hello")
  end)

  t.it("raises M_NOT_FOUND for an address that nobody gave", function()
    local err = t.raises(function() bot:upload_media("hello", { mxc = "mxc://" .. hs.server_name .. "/nobody" }) end)
    t.eq(err.errcode, "M_NOT_FOUND")
  end)

  t.it("refuses what is no address before it asks anything", function()
    t.raises(function() bot:upload_media("hello", { mxc = "https://example.org/x" }) end, "mxc")
    t.eq(hs:asked(), {})
  end)

  t.it("raises M_TOO_LARGE when the homeserver takes no file of that size", function()
    t.fault { path = "/media/v3/upload", status = 413, errcode = "M_TOO_LARGE", error = "too large" }
    local err = t.raises(function() bot:upload_media("hello") end, "too large")
    t.eq(err.errcode, "M_TOO_LARGE")
    t.eq(err.hint, nil)
    t.eq(err.status, 413)
  end)

  t.it("tries again when the homeserver cannot answer", function()
    t.fault { path = "/media/v3/upload", status = 502, body = "<html>", headers = { ["Retry-After"] = "0.01" } }
    t.matches(bot:upload_media("hello"), "^mxc://")
    t.eq(hs:asked(), { "POST /_matrix/media/v3/upload", "POST /_matrix/media/v3/upload" })
  end)

  t.it("takes a file for uploaded when only the answer was lost", function()
    local url = bot:create_mxc().content_uri
    t.fault { path = "/media/v3/upload", done = true, status = 503, headers = { ["Retry-After"] = "0.01" } }
    t.eq(bot:upload_media("hello", { mxc = url }), url)
    t.eq(bot:download_media(url), "hello")
  end)

  t.it("raises when the answer names no address", function()
    t.fault { path = "/media/v3/upload", content = {} }
    t.raises(function() bot:upload_media("hello") end, "has no content_uri")
  end)
end)
