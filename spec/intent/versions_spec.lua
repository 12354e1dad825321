local t    = require "bridge.test"
local json = require "bridge.json"

t.describe("intent:versions", function()
  local hs, bot, ghost, alice
  local path = "GET /_matrix/client/versions"

  t.before_each(function()
    hs    = t.load("blank.lua")
    bot   = hs.intent
    ghost = hs:ghost("bob")
    alice = hs:user("alice")
    bot:ensure_registered()
    hs:asked()
  end)

  t.it("asks the homeserver what it speaks", function()
    local told = bot:versions { no_cache = true }
    t.eq(hs:asked(), { path })
    t.eq(type(told.versions[1]), "string")
    t.eq(type(told.unstable_features), "table")
  end)

  t.it("asks once for all users, and again with no_cache", function()
    local told = bot:versions()
    hs:asked()
    t.eq(bot:versions().versions, told.versions)
    t.eq(ghost:versions().versions, told.versions)
    t.eq(bot:user(alice.mxid, { token = alice.token }):versions().versions, told.versions)
    t.eq(hs:asked(), {})
    bot:versions { no_cache = true }
    t.eq(hs:asked(), { path })
  end)

  t.it("remembers the newest answer", function()
    bot:versions()
    t.fault { path = "/versions", content = { versions = { "v9.1" } } }
    bot:versions { no_cache = true }
    t.eq(bot:versions().versions, { "v9.1" })
  end)

  t.it("asks each homeserver by itself", function()
    local told = bot:versions()
    local elsewhere = bot:user(alice.mxid, { token = alice.token, base_url = "http://elsewhere.test" })
    t.fault { path = "/versions", content = { versions = { "v9.1" } } }
    t.eq(elsewhere:versions().versions, { "v9.1" })
    t.eq(elsewhere:versions().versions, { "v9.1" })
    t.eq(bot:versions().versions, told.versions)
  end)

  t.it("supports a version that is listed, and no other one", function()
    local told = bot:versions()
    for _, version in ipairs(told.versions) do t.eq(told:supports(version), true) end
    t.eq(told:supports("v1.11"), true)
    t.eq(told:supports("v1.0"), false)
    t.eq(told:supports("v99.1"), false)
  end)

  t.it("supports an unstable feature that is listed as true", function()
    t.fault { path = "/versions", content = { versions = { "v1.11" }, unstable_features = { ["com.example.there"] = true, ["com.example.off"] = false } } }
    local told = bot:versions { no_cache = true }
    t.eq(told:supports("com.example.there"), true)
    t.eq(told:supports("com.example.off"), false)
    t.eq(told:supports("com.example.unknown"), false)
    t.eq(told.unstable_features, { ["com.example.there"] = true, ["com.example.off"] = false })
  end)

  t.it("is a plain table but for supports", function()
    t.fault { path = "/versions", content = { versions = { "v1.11" }, unstable_features = { x = true } } }
    local told = bot:versions { no_cache = true }
    t.eq(json.decode(json.encode(told)), { versions = { "v1.11" }, unstable_features = { x = true } })
  end)

  t.it("says what is wrong with the feature's name", function()
    local told = bot:versions()
    t.raises(function() told:supports(1.11) end, "bad argument #1 'feature' to 'supports'")
  end)

  t.it("registers a user that the homeserver turns out not to know", function()
    ghost:versions { no_cache = true }
    t.eq(hs:asked(), { path, "POST /register?kind=user", path })
  end)

  t.it("raises when the answer names no versions, and remembers nothing of it", function()
    local told = bot:versions()
    t.fault { path = "/versions", content = { unstable_features = {} } }
    t.raises(function() bot:versions { no_cache = true } end, "no versions")
    t.eq(bot:versions().versions, told.versions)
  end)
end)
