local t    = require "bridge.test"
local json = require "bridge.json"

t.describe("bridge.json.decode", function()
  t.it("reads objects, lists, texts, numbers and booleans", function()
    t.eq(json.decode [[ {"a": [1, 2.5, "x", true, false], "b": {"c": "é\u00e9\n"}} ]],
      { a = { 1, 2.5, "x", true, false }, b = { c = "éé\n" } })
  end)

  t.it("reads null as json.null, which is not nil", function()
    local v = json.decode '{"a":null}'
    t.eq(v.a, json.null)
    t.eq(v.a == nil, false)
    t.eq(tostring(json.null), "null")
  end)

  t.it("keeps an empty list apart from an empty object", function()
    t.eq(json.encode(json.decode "[]"), "[]")
    t.eq(json.encode(json.decode "{}"), "{}")
    t.eq(json.encode(json.decode '{"a":[],"b":{}}'), '{"a":[],"b":{}}')
  end)

  t.it("keeps every digit of an integer beyond 2^53", function()
    local v = json.decode '{"big":12345678901234567890}'
    t.eq(tostring(v.big), "12345678901234567890")
    t.eq(v.big == json.integer "12345678901234567890", true)
    t.eq(json.encode(v), '{"big":12345678901234567890}')
    t.eq(json.decode "9007199254740992", 2 ^ 53)
  end)

  t.it("returns nil and an error for what is no JSON", function()
    for _, text in ipairs { "", "{", "[1,]", "nul", '{"a":1}x', "{'a':1}", '"\255"', "01" } do
      local v, err = json.decode(text)
      t.eq(v, nil)
      t.eq(err.code, "E_JSON")
    end
  end)

  t.it("raises for what is no text", function()
    t.eq(t.raises(function() json.decode {} end, "string expected, got table").kind, "usage")
  end)
end)

t.describe("bridge.json.encode", function()
  t.it("writes keys in byte order", function()
    t.eq(json.encode { b = 1, a = 2, B = 3 }, '{"B":3,"a":2,"b":1}')
  end)

  t.it("writes the keys 1 … n as a list, any others as an object", function()
    t.eq(json.encode { "a", { "b" } }, '["a",["b"]]')
    t.eq(json.encode { x = 1 }, '{"x":1}')
    t.eq(json.encode {}, "{}")
  end)

  t.it("writes integers without a fraction, and numbers without an exponent", function()
    t.eq(json.encode { 1, -0.5, 1e15, 2 ^ 53, 1e21 }, "[1,-0.5,1000000000000000,9007199254740992,1000000000000000000000]")
  end)

  t.it("writes nil and json.null as null", function()
    t.eq(json.encode(nil), "null")
    t.eq(json.encode { a = json.null }, '{"a":null}')
  end)

  t.it("gives back what was decoded", function()
    local text = [[{"a":[],"b":{},"c":null,"d":[1,"\"\\/\n\u0001"],"e":18446744073709551615,"f":0.1}]]
    t.eq(json.encode(json.decode(text)), text)
  end)

  t.it("raises for what JSON cannot hold, with the path of the field", function()
    local err = t.raises(function() json.encode { a = { b = { 1, print } } } end, "a function cannot be written as JSON at %.a%.b%[2%]")
    t.eq(err.code, "E_JSON")
    t.raises(function() json.encode { a = 0 / 0 } end, "nan cannot be written as JSON at %.a")
    t.raises(function() json.encode { [1] = 1, [3] = 3 } end, "list expected")
    t.raises(function() json.encode { [1] = 1, x = 2 } end, "list expected")
    t.raises(function() json.encode { [true] = 1 } end, "a table with strings as keys was expected")
    t.raises(function() json.encode "\255" end, "not UTF%-8")
  end)

  t.it("raises for a table within itself", function()
    local inner = {}
    inner.again = { inner }
    t.raises(function() json.encode(inner) end, "a table that contains itself")
  end)
end)

t.describe("bridge.json.array", function()
  t.it("makes a list that is written as [] when it is empty", function()
    t.eq(json.encode(json.array()), "[]")
    t.eq(json.encode { users = json.array() }, '{"users":[]}')
  end)

  t.it("marks the table that it is given, and returns that one", function()
    local list = {}
    t.eq(json.array(list) == list, true)
    t.eq(json.encode(list), "[]")
    list[1] = "a"
    t.eq(json.encode(list), '["a"]')
  end)

  t.it("raises for a table that is no list", function()
    t.eq(t.raises(function() json.array { x = 1 } end, "list expected").code, "E_JSON")
    t.raises(function() json.array { [2] = 1 } end, "list expected")
  end)
end)

t.describe("bridge.json.integer", function()
  t.it("makes a number of digits up to 2^53", function()
    t.eq(json.integer "42", 42)
    t.eq(json.integer "-7", -7)
    t.eq(json.integer "0", 0)
  end)

  t.it("makes an object that keeps every digit of more", function()
    local big = json.integer "-123456789012345678901234567890"
    t.eq(tostring(big), "-123456789012345678901234567890")
    t.eq(json.encode { big }, "[-123456789012345678901234567890]")
    t.eq(big == json.integer "-123456789012345678901234567890", true)
    t.eq(big == json.integer "123456789012345678901234567890", false)
    t.eq("n=" .. big, "n=-123456789012345678901234567890")
  end)

  t.it("raises for what are no digits", function()
    for _, text in ipairs { "", "-", "1.5", "1e3", "0x10", " 1", "007", "+1" } do
      t.eq(t.raises(function() json.integer(text) end, "digits expected").code, "E_JSON")
    end
  end)
end)
