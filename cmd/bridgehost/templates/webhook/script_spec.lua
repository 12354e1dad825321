local t      = require "bridge.test"
local crypto = require "bridge.crypto"
local json   = require "bridge.json"

t.describe("webhook.lua", function()
  local hs
  local secret = "It's a Secret to Everybody"

  t.before_each(function()
    hs = t.load("webhook.lua", { rooms = { "hooks" }, config = { room = "#hooks:test", secret = secret } })
  end)

  -- What GitHub sends: the event, its content, and a number of the delivery.
  local function deliver(event, payload, id, signature)
    local body = json.encode(payload)
    local res  = hs:hook("POST", "/github", body, { headers = {
      ["Content-Type"]        = "application/json",
      ["X-GitHub-Event"]      = event,
      ["X-GitHub-Delivery"]   = id,
      ["X-Hub-Signature-256"] = signature or "sha256=" .. crypto.hmac("sha256", secret, body),
    } })
    return res.status
  end

  local function commit(id, message)
    return { id = id .. ("0"):rep(33), message = message, url = "https://github.test/c/" .. id }
  end

  t.it("says that it is connected", function()
    t.eq(deliver("ping", { zen = "Keep it logically awesome." }, "1"), 204)
    t.matches(hs:expect_message().content.body, "webhook connected: .*Keep it logically awesome")
  end)

  t.it("posts a push with its commits, the first line of each", function()
    local payload = { ref = "refs/heads/main", pusher = { name = "ada" }, commits = { commit("1234567", "Fix it\n\nIt was broken.") } }
    t.eq(deliver("push", payload, "1"), 204)
    local body = hs:expect_message().content.body
    t.matches(body, "ada.* pushed 1 commit")
    t.matches(body, "1234567.* Fix it$")
  end)

  t.it("shows five commits of a push at most", function()
    local payload = { ref = "refs/heads/main", pusher = { name = "ada" }, commits = {} }
    for i = 1, 7 do payload.commits[i] = commit("000000" .. i, "number " .. i) end
    deliver("push", payload, "1")
    t.matches(hs:expect_message().content.body, "number 5\nand 2 more$")
  end)

  t.it("posts issues that are opened and closed, and nothing else about them", function()
    local payload = { sender = { login = "ada" }, issue = { number = 7, title = "It breaks", html_url = "https://github.test/7" } }
    for i, action in ipairs { "opened", "labeled", "closed" } do
      payload.action = action
      t.eq(deliver("issues", payload, tostring(i)), 204)
    end
    t.matches(hs:expect_message().content.body, "ada opened issue .*#7 It breaks")
    t.matches(hs:expect_message().content.body, "ada closed issue")
    hs:expect_silence()
  end)

  t.it("posts a delivery once, however often GitHub repeats it", function()
    for _ = 1, 3 do deliver("ping", { zen = "Half measures." }, "1") end
    hs:reload()
    t.eq(deliver("ping", { zen = "Half measures." }, "1"), 200)
    hs:expect_message()
    hs:expect_silence()
  end)

  t.it("refuses what is not signed with the secret", function()
    t.eq(deliver("ping", {}, "1", "sha256=" .. crypto.hmac("sha256", "another", "{}")), 401)
    t.eq(hs:hook("POST", "/github", "{}").status, 401)
    hs:expect_silence()
  end)
end)
