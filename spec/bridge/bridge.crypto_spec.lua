local t      = require "bridge.test"
local crypto = require "bridge.crypto"

t.describe("bridge.crypto", function()
  t.it("sha256, sha512 and sha1 write hex", function()
    t.eq(crypto.sha256 "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    t.eq(crypto.sha256 "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    t.eq(crypto.sha1 "abc", "a9993e364706816aba3e25717850c26c9cd0d89d")
    t.matches(crypto.sha512 "abc", "^ddaf35a193617abacc417349ae204131")
    t.eq(#crypto.sha512 "abc", 128)
  end)

  t.it("a checksum is in base64 or raw bytes when that is asked for", function()
    t.eq(crypto.sha256("abc", { encoding = "base64" }), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=")
    t.eq(#crypto.sha1("abc", { encoding = "raw" }), 20)
    t.eq(#crypto.sha512("abc", { encoding = "raw" }), 64)
    t.raises(function() crypto.sha256("abc", { encoding = "HEX" }) end, 'one of "hex", "base64", "raw" expected')
  end)

  t.it("hmac signs as GitHub, RFC 2202 and RFC 4231 do", function()
    t.eq(crypto.hmac("sha256", "It's a Secret to Everybody", "Hello, World!"),
      "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")
    t.eq(crypto.hmac("sha1", "Jefe", "what do ya want for nothing?"), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")
    t.matches(crypto.hmac("sha512", "Jefe", "what do ya want for nothing?"), "^164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd6")
    t.eq(crypto.hmac("sha256", "Jefe", "what do ya want for nothing?", { encoding = "base64" }),
      "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=")
  end)

  t.it("hmac raises for an empty key and for other algorithms", function()
    t.eq(t.raises(function() crypto.hmac("sha256", "", "x") end, "got an empty string").code, "E_ARGUMENT")
    t.raises(function() crypto.hmac("md5", "key", "x") end, 'one of "sha1", "sha256", "sha512" expected')
    t.raises(function() crypto.hmac("sha256", nil, "x") end, "bad argument #2 'key' to 'hmac'")
  end)

  t.it("equal compares all bytes", function()
    t.eq(crypto.equal("abc", "abc"), true)
    t.eq(crypto.equal("", ""), true)
    t.eq(crypto.equal("a\0b", "a\0c"), false)
    t.eq(crypto.equal("abc", "ab"), false)
    t.eq(crypto.equal("abc", ""), false)
    t.raises(function() crypto.equal("abc", nil) end, "string expected, got nil")
  end)

  t.it("random makes so many bytes, other ones each time", function()
    t.eq(#crypto.random(32), 32)
    t.eq(crypto.random(16) == crypto.random(16), false)
    t.matches(crypto.random(8, { encoding = "hex" }), "^" .. ("%x"):rep(16) .. "$")
    t.eq(#crypto.random(9, { encoding = "base64" }), 12)
    t.eq(t.raises(function() crypto.random(0) end, "1 to 1048576 expected, got 0").code, "E_ARGUMENT")
    t.raises(function() crypto.random(2 ^ 21) end, "1 to 1048576 expected")
  end)

  t.it("uuid is of version 4, another one each time", function()
    local id = crypto.uuid()
    t.matches(id, "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$")
    t.eq(crypto.uuid() == id, false)
  end)

  t.it("checks a webhook as the manual shows it", function()
    local body, secret = '{"zen":"Keep it logically awesome."}', "s3cret"
    local header = "sha256=" .. crypto.hmac("sha256", secret, body)
    t.eq(crypto.equal("sha256=" .. crypto.hmac("sha256", secret, body), header), true)
    t.eq(crypto.equal("sha256=" .. crypto.hmac("sha256", secret, body .. " "), header), false)
    t.eq(crypto.equal("sha256=" .. crypto.hmac("sha256", secret, body), ""), false)
  end)
end)
