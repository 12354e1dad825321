local t = require "bridge.test"

t.describe("intent:create_mxc", function()
  local hs, bot, ghost

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    bot:ensure_registered()
    hs:asked()
  end)

  t.it("registers the user, and returns an address and until when it can be used", function()
    local made = ghost:create_mxc()
    t.matches(made.content_uri, "^mxc://" .. hs.server_name .. "/[%w_-]+$")
    t.eq(made.unused_expires_at > 9e11, true)
    local asked = hs:requests()
    t.eq(#asked, 2)
    t.eq(asked[1].line, "POST /register?kind=user")
    t.eq(asked[2].line, "POST /_matrix/media/v1/create")
    t.eq(asked[2].user, ghost.mxid)
    t.eq(asked[2].content, {})
  end)

  t.it("asks only for the address when the user is registered", function()
    ghost:ensure_registered()
    hs:asked()
    ghost:create_mxc()
    t.eq(hs:asked(), { "POST /_matrix/media/v1/create" })
  end)

  t.it("gives another address each time", function()
    t.eq(bot:create_mxc().content_uri ~= bot:create_mxc().content_uri, true)
  end)

  t.it("lets a message go out before its file", function()
    local room = hs:user("alice"):room()
    local url  = ghost:create_mxc().content_uri
    local event_id = ghost:send_file(room, url, { file_name = "a.txt" })
    ghost:upload_media("hello", { mxc = url })
    t.eq(bot:download_media(bot:get_event(room, event_id).content.url), "hello")
  end)

  t.it("leaves the time out when the homeserver does not tell it", function()
    t.fault { path = "/media/v1/create", content = { content_uri = "mxc://x/y" } }
    t.eq(bot:create_mxc(), { content_uri = "mxc://x/y" })
  end)

  t.it("raises M_UNRECOGNIZED when the homeserver gives no addresses ahead", function()
    t.fault { path = "/media/v1/create", status = 404, errcode = "M_UNRECOGNIZED", error = "Unrecognized request" }
    local err = t.raises(function() bot:create_mxc() end)
    t.eq(err.errcode, "M_UNRECOGNIZED")
    t.eq(err.status, 404)
  end)

  t.it("waits as long as the homeserver asks, and tries again", function()
    t.fault { path = "/media/v1/create", status = 429, errcode = "M_LIMIT_EXCEEDED", content = { retry_after_ms = 10 }, times = 2 }
    t.matches(bot:create_mxc().content_uri, "^mxc://")
    t.eq(#hs:asked(), 3)
  end)

  t.it("raises M_LIMIT_EXCEEDED when that does not end", function()
    t.fault { path = "/media/v1/create", status = 429, errcode = "M_LIMIT_EXCEEDED", content = { retry_after_ms = 1 }, times = 100 }
    local err = t.raises(function() bot:create_mxc() end)
    t.eq(err.errcode, "M_LIMIT_EXCEEDED")
    t.eq(err.status, 429)
  end)

  t.it("raises when the answer names no address", function()
    t.fault { path = "/media/v1/create", content = {} }
    t.raises(function() bot:create_mxc() end, "has no content_uri")
  end)
end)
