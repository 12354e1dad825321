local t      = require "bridge.test"
local base64 = require "bridge.base64"

t.describe("bridge.base64.encode", function()
  t.it("pads to a multiple of four", function()
    t.eq(base64.encode "", "")
    t.eq(base64.encode "f", "Zg==")
    t.eq(base64.encode "fo", "Zm8=")
    t.eq(base64.encode "foobar", "Zm9vYmFy")
  end)

  t.it("takes any bytes, and numbers as Lua does", function()
    t.eq(base64.encode "\0\255\254", "AP/+")
    t.eq(base64.encode("user:" .. 1), "dXNlcjox")
  end)

  t.it("writes - and _ and no padding for URLs", function()
    t.eq(base64.encode("\0\255\254", { url = true }), "AP_-")
    t.eq(base64.encode("f", { url = true }), "Zg")
  end)

  t.it("raises when the text would be longer than a string may be", function()
    local err = t.raises(function() base64.encode(("x"):rep(13 * 1024 * 1024)) end, "longer than")
    t.eq(err.code, "E_STRING")
  end)
end)

t.describe("bridge.base64.decode", function()
  t.it("gives back what was encoded", function()
    for _, data in ipairs { "", "f", "fo", "foo", "\0\1\2\255", ("x"):rep(1000) } do
      t.eq(base64.decode(base64.encode(data)), data)
      t.eq(base64.decode(base64.encode(data, { url = true }), { url = true }), data)
    end
  end)

  t.it("needs no padding, and takes lines", function()
    t.eq(base64.decode "Zg", "f")
    t.eq(base64.decode "Zm9v\r\nYmFy\n", "foobar")
    t.eq(base64.decode("Zg==", { url = true }), "f")
  end)

  t.it("returns nil and an error that says where it is wrong", function()
    for text, what in pairs {
      ["Zm9*"] = "'?\"%*\" at byte 4", ["Z"] = "the end is missing", ["Zg==Zg=="] = "\"=\" at byte 3", ["Zg="] = "do not fit",
      ["Zm9v===="] = "do not fit", [" Zg"] = "\" \" at byte 1", ["AP_-"] = "alphabet for URLs", ["Zm9\255"] = "at byte 4",
    } do
      local data, err = base64.decode(text)
      t.eq(data, nil)
      t.eq(err.code, "E_BASE64")
      t.matches(err.message, what)
    end
    local _, err = base64.decode("AP/+", { url = true })
    t.matches(err.message, "the usual alphabet")
  end)

  t.it("raises for what is no text", function()
    t.eq(t.raises(function() base64.decode(nil) end, "string expected, got nil").kind, "usage")
  end)
end)
