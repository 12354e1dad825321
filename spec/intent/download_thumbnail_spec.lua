local t = require "bridge.test"

t.describe("intent:download_thumbnail", function()
  local hs, bot, ghost, url

  -- A black PNG of 1000 by 500 pixels.
  local picture = ([[
    89504e470d0a1a0a0000000d49484452000003e8000001f4010000000086533a80000000544944415478daedc13101000000
    c2a0f54f6d067fa0000000000000000000000000000000000000000000000000000000000000000000000000000000000000
    000000000000000000000000000000000000003e03f6180001eac9bbe60000000049454e44ae426082
  ]]):gsub("%s", ""):gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end)

  -- size is the width and the height of a PNG.
  local function size(png)
    t.eq(png:sub(2, 4), "PNG")
    local b = { png:byte(17, 24) }
    return { b[3] * 256 + b[4], b[7] * 256 + b[8] }
  end

  local function line(query)
    return "GET /_matrix/client/v1/media/thumbnail/" .. url:sub(#"mxc://" + 1) .. "?" .. query
  end

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    url   = bot:upload_media(picture, { mime_type = "image/png" })
    hs:asked()
  end)

  t.it("asks for all of the picture in 96 by 96 pixels, with the user's token", function()
    local small = bot:download_thumbnail(url)
    local made  = hs:requests()
    t.eq(#made, 1)
    t.eq(made[1].line, line "height=96&method=scale&width=96")
    t.eq(made[1].user, bot.mxid)
    t.matches(made[1].headers.authorization, "^Bearer .")
    local got = size(small)
    t.eq(got[1], 2 * got[2])
    t.eq(got[1] >= 96 and got[1] < 1000, true)
  end)

  t.it("scales to the width and height that are asked for", function()
    t.eq(size(bot:download_thumbnail(url, { width = 640, height = 320 })), { 640, 320 })
    t.eq(hs:asked(), { line "height=320&method=scale&width=640" })
    t.eq(size(bot:download_thumbnail(url, { width = 800, height = 600, method = "scale" })), { 800, 400 })
  end)

  t.it("crops to just the width and height", function()
    t.eq(size(bot:download_thumbnail(url, { width = 32, height = 32, method = "crop" })), { 32, 32 })
    t.eq(size(bot:download_thumbnail(url, { method = "crop" })), { 96, 96 })
    t.eq(hs:asked(), { line "height=32&method=crop&width=32", line "height=96&method=crop&width=96" })
  end)

  t.it("never gives more pixels than the picture has", function()
    t.eq(size(bot:download_thumbnail(url, { width = 4000, height = 4000 })), { 800, 400 })
  end)

  t.it("asks for one that moves, or does not, only when told to", function()
    bot:download_thumbnail(url, { animated = true })
    bot:download_thumbnail(url, { animated = false })
    t.eq(hs:asked(), { line "animated=true&height=96&method=scale&width=96", line "animated=false&height=96&method=scale&width=96" })
  end)

  t.it("knows no other method", function()
    t.raises(function() bot:download_thumbnail(url, { method = "stretch" }) end, "method")
    t.eq(hs:asked(), {})
  end)

  t.it("raises M_UNKNOWN for a file that is no picture", function()
    local text = bot:upload_media("hello", { mime_type = "text/plain" })
    local err  = t.raises(function() bot:download_thumbnail(text) end)
    t.eq(err.errcode, "M_UNKNOWN")
    t.eq(err.status, 400)
    local broken = bot:upload_media("hello", { mime_type = "image/png" })
    t.eq(t.raises(function() bot:download_thumbnail(broken) end).errcode, "M_UNKNOWN")
  end)

  t.it("raises M_NOT_FOUND for a file that is not there", function()
    local err = t.raises(function() bot:download_thumbnail("mxc://" .. hs.server_name .. "/nothing") end)
    t.eq(err.errcode, "M_NOT_FOUND")
    t.eq(err.status, 404)
  end)

  t.it("raises M_NOT_YET_UPLOADED when an announced picture has not come in time", function()
    url = bot:create_mxc().content_uri
    hs:asked()
    local err = t.raises(function() bot:download_thumbnail(url, { timeout_ms = 1 }) end)
    t.eq(err.errcode, "M_NOT_YET_UPLOADED")
    t.eq(hs:asked(), { line "height=96&method=scale&timeout_ms=1&width=96" })
  end)

  t.it("raises M_TOO_LARGE for more than 16 MiB", function()
    t.fault { path = "/media/thumbnail/", body = "x", headers = { ["Content-Length"] = "16777217" } }
    local err = t.raises(function() bot:download_thumbnail(url) end, "larger than 16 MiB")
    t.eq(err.errcode, "M_TOO_LARGE")
  end)

  t.it("registers a user that the homeserver turns out not to know", function()
    ghost:download_thumbnail(url)
    local made = hs:asked()
    t.eq({ #made, made[2] }, { 3, "POST /register?kind=user" })
  end)

  t.it("refuses what is no address before it asks anything", function()
    t.raises(function() bot:download_thumbnail("https://example.org/x") end, "mxc")
    t.eq(hs:asked(), {})
  end)
end)
