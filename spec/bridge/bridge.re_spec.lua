local t  = require "bridge.test"
local re = require "bridge.re"

t.describe("bridge.re.find", function()
  t.it("answers where the first match begins and ends, and its groups", function()
    t.eq({ re.find("see https://example.org now", [[https?://\S+]]) }, { 5, 23 })
    t.eq({ re.find("key = value", [[(\w+)\s*=\s*(\w+)]]) }, { 1, 11, "key", "value" })
    t.eq(re.find("abc", "x"), nil)
  end)

  t.it("answers \"\" for a group that took no part", function()
    t.eq({ re.find("b", "(a)|(b)") }, { 1, 1, "", "b" })
  end)

  t.it("begins at init, and still knows what stands before it", function()
    t.eq({ re.find("abab", "ab", { init = 2 }) }, { 3, 4 })
    t.eq({ re.find("abab", "b", { init = -1 }) }, { 4, 4 })
    t.eq(re.find("abab", "^ab", { init = 3 }), nil)
    t.eq(re.find("abab", [[\bab]], 3), nil)
    t.eq(re.find("abab", "ab", { init = 9 }), nil)
    t.eq({ re.find("abab", "ab", { init = -9 }) }, { 1, 2 })
  end)

  t.it("knows the letters of all languages, and lets case not count", function()
    t.eq({ re.find("1 éa", [[\pL+]]) }, { 3, 5 })
    t.eq({ re.find("ÄB", "(?i)äb") }, { 1, 3 })
  end)

  t.it("raises for a pattern that is none, with the place", function()
    local err = t.raises(function() re.find("a", "b(a") end, "missing closing %)")
    t.eq(err.code, "E_PATTERN")
    t.matches(t.raises(function() re.find("a", [[(a)\1]]) end, 'at byte 4: "\\\\1"').hint, "no back%-references")
    t.matches(t.raises(function() re.find("a", "a(?=b)") end, "at byte 2").hint, "no look%-ahead")
  end)

  t.it("raises for a pattern that is too large", function()
    t.raises(function() re.find("a", ("a"):rep(9000)) end, "9000 bytes; 8192 are allowed")
    t.raises(function() re.find("a", ("a{999}"):rep(20)) end, "too large when its repetitions")
    t.raises(function() re.find("a", ("(a)"):rep(101)) end, "101 groups; 100 are allowed")
  end)

  t.it("takes no long time for what backtracking never ends with", function()
    t.eq(re.find(("a"):rep(1000), "(a*)*(a*)*(a*)*b"), nil)
  end)
end)

t.describe("bridge.re.match", function()
  t.it("answers the groups, or the whole match when there are none", function()
    t.eq({ re.match("am 24.12. um 18 Uhr", [[(\d+)\.(\d+)\.]]) }, { "24", "12" })
    t.eq(re.match("am 24.12.", [[\d+]]), "24")
    t.eq(re.match("am 24.12.", [[\d+]], { init = 5 }), "4")
    t.eq(re.match("abc", "x"), nil)
  end)

  t.it("raises for a pattern that is none", function()
    t.eq(t.raises(function() re.match("a", "*") end, "missing argument").code, "E_PATTERN")
  end)
end)

t.describe("bridge.re.groups", function()
  t.it("answers by name and by number, and the whole match at 0", function()
    t.eq(re.groups("to bob@example.org!", [[(?P<user>\w+)@(?<host>[\w.]+)]]),
      { [0] = "bob@example.org", "bob", "example.org", user = "bob", host = "example.org" })
  end)

  t.it("leaves out groups that took no part", function()
    t.eq(re.groups("b", "(?P<a>a)|(?P<b>b)"), { [0] = "b", [2] = "b", b = "b" })
    t.eq(re.groups("xb", "b|(x)", { init = 2 }), { [0] = "b" })
    t.eq(re.groups("c", "a"), nil)
  end)

  t.it("raises for a pattern that is none", function()
    t.eq(t.raises(function() re.groups("a", "[") end, "missing closing %]").code, "E_PATTERN")
  end)
end)

t.describe("bridge.re.gmatch", function()
  local function all(text, pattern)
    local found = {}
    for a, b in re.gmatch(text, pattern) do found[#found + 1] = b and a .. "=" .. b or a end
    return found
  end

  t.it("goes through all matches", function()
    t.eq(all("a=1; b=2", [[(\w)=(\d)]]), { "a=1", "b=2" })
    t.eq(all("one two", [[\w+]]), { "one", "two" })
    t.eq(all("aaa", "^a"), { "a" })
    t.eq(all("", "x"), {})
  end)

  t.it("goes on behind empty matches", function()
    t.eq(all("baac", "a*"), { "", "aa", "" })
    t.eq(#all("äö", ""), 3)
  end)

  t.it("raises for a pattern that is none", function()
    t.eq(t.raises(function() re.gmatch("a", "(") end, "missing closing %)").code, "E_PATTERN")
  end)
end)

t.describe("bridge.re.replace", function()
  t.it("puts groups into a text", function()
    t.eq({ re.replace("bob@home ann@work", [[(\w+)@(\w+)]], "$2:$1") }, { "home:bob work:ann", 2 })
    t.eq(re.replace("a-b", "(?P<x>[a-z])", "<${x}$0>"), "<aa>-<bb>")
    t.eq(re.replace("5", [[\d]], "$$$0.00"), "$5.00")
    t.eq(re.replace("abc", "x", "y"), "abc")
  end)

  t.it("asks a table or a function", function()
    t.eq(re.replace("a b c", [[\w]], { a = "1", b = 2 }), "1 2 c")
    t.eq(re.replace("a1 b2", [[([a-z])(\d)]], function(letter, digit) return letter:upper() .. digit + 1 end), "A2 B3")
    t.eq(re.replace("keep", "e", function() return nil end), "keep")
  end)

  t.it("lets the function wait", function()
    local hs = t.load("blank.lua")
    hs:reload [[
      local bridge, re = require "bridge", require "bridge.re"
      bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
      bridge.on("message", function(evt)
        evt:reply((re.replace(evt.text, "@\\w+", function(user) bridge.sleep("1s") return "<" .. user .. ">" end)))
      end)
    ]]
    local alice = hs:user("alice")
    alice:say(alice:room(), "@a and @b")
    t.advance("3s")
    hs:expect_message { body = "<@a> and <@b>" }
  end)

  t.it("replaces max matches", function()
    t.eq({ re.replace("aaaa", "a", "b", { max = 2 }) }, { "bbaa", 2 })
    t.eq({ re.replace("aaaa", "a", "b", 0) }, { "aaaa", 0 })
  end)

  t.it("raises for a replacement that cannot be", function()
    t.eq(t.raises(function() re.replace("a", "a", "$1") end, 'names the group "1"').code, "E_PATTERN")
    t.raises(function() re.replace("a", "a", "5 $") end, "%$%$ for a dollar sign")
    t.eq(t.raises(function() re.replace("a", "a", function() return {} end) end, "string, nil or false expected").code, "E_ARGUMENT")
    t.raises(function() re.replace("a", "a", true) end, "string, table or function expected, got boolean")
    t.raises(function() re.replace("a", "a", function() error("mine") end) end, "mine")
  end)

  t.it("raises when the text becomes longer than a string may be", function()
    t.eq(t.raises(function() re.replace(("a"):rep(2 ^ 10), "a", ("x"):rep(2 ^ 15)) end, "longer than").code, "E_STRING")
  end)
end)

t.describe("bridge.re.split", function()
  t.it("answers the pieces between the matches", function()
    t.eq(re.split("a , b,c", [[\s*,\s*]]), { "a", "b", "c" })
    t.eq(re.split(",a,", ","), { "", "a", "" })
    t.eq(re.split("abc", ","), { "abc" })
    t.eq(re.split("", ","), { "" })
  end)

  t.it("splits into characters when the pattern matches nothing", function()
    t.eq(re.split("aäb", ""), { "a", "ä", "b" })
  end)

  t.it("makes max pieces, the last one with the rest", function()
    t.eq(re.split("a b c d", " ", { max = 2 }), { "a", "b c d" })
    t.eq(re.split("a b", " ", { max = 1 }), { "a b" })
    t.eq(t.raises(function() re.split("a", " ", { max = 0 }) end, "1 or more expected").code, "E_ARGUMENT")
    t.eq(t.raises(function() re.split("a", "+") end, "missing argument").code, "E_PATTERN")
  end)
end)

t.describe("bridge.re.escape", function()
  t.it("makes a pattern that matches just the text", function()
    local text = [[a.b*(c)[d]$^|\+?{2}-]]
    t.eq(re.match("x" .. text .. "x", re.escape(text)), text)
    t.eq(re.find("axb", re.escape "a.b"), nil)
  end)

  t.it("raises for a text that is too long", function()
    t.eq(t.raises(function() re.escape(("."):rep(9 * 2 ^ 20)) end, "longer than").code, "E_STRING")
  end)
end)
