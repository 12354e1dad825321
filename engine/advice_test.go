package engine

import (
	"strings"
	"testing"
)

// TestWhatToDoAboutARunTimeError: one suggestion, from the instruction that failed.
func TestWhatToDoAboutARunTimeError(t *testing.T) {
	for _, c := range []struct{ lua, message, hint string }{
		{"local t = {}\nlocal x = t.name -- no\nprint(x.y)", "index local 'x'", "t.name in line 2 gave nil"},
		{"local t = {}\nlocal x = t[5]\nprint(x.y)", "index local 'x'", "t[5] in line 2 gave nil; test it first: if x then … end"},
		{"local t = {}\nlocal x = t[5]\nif #t > 3 then x = {} end\nprint(x.y)", "index local 'x'", ""},
		{"local x\nprint(x.y)", "index local 'x'", "'x' got no value in line 1"},
		{"local function f(a)\n  return a.b\nend\nlocal y = f()", "index local 'a'", "'a' is a parameter, and the call in s.lua:4 gives no value for it"},
		{"local function f(a)\n  return a.b\nend\nprint(f(), 1)", "index local 'a'", "line 4 calls f; hand it over without (): f"},
		{"local function two() return 1 end\nlocal a, b = two()\nprint(b.x)", "index local 'b'", "the second result of two() in line 2 gave nil"},
		{"local a = ('x'):match('y')\nprint(a.x)", "index local 'a'", "the pattern did not match"},
		{"local u\nlocal function f() return u.x end\nf()", "index upvalue 'u'", "'u' of line 1 has no value yet"},
		{"local t = { hello = 1 }\nt.helo()", "call field 'helo'", "did you mean 'hello'?"},
		{"local t = { hello = 1 }\nlocal function f() return t.helo.x end\nf()", "index field 'helo'", "did you mean 'hello'?"},
		{"local t = { a = 1, b = 2 }\nprint(t.zzz.x)", "index field 'zzz'", "'t' has a, b, and no zzz"},
		{"local t = {}\nprint(t.zzz.x)", "index field 'zzz'", "'t' is an empty table"},
		{"local t = {}\nlocal k = 1\nprint(t[k].x)", "index element 't[k]'", "if t[k] then"},
		{"print(('four'):lenght())", "call method 'lenght'", "did you mean 'len'?"},
		{"local s = 'four'\nprint(s:zzzzzz())", "call method 'zzzzzz'", "strings have no 'zzzzzz'"},
		{"local s = 'four'\ns()", "call local 's'", "'s' is a string, not a function; leave out the ()"},
		{"local s = 'a' + 'b'", "arithmetic", "strings are joined by .., not by +"},
		{"local s = 'a'\nlocal n = s * 2", "arithmetic on local 's'", "tonumber"},
		{"local t = { n = '5' }\nif t.n > 3 then end", "compare number with string", "'n' is a string; tonumber(…)"},
		{"local t = {}\nprint('a' .. t.zzz)", "concatenate field 'zzz'", "'t' is an empty table"},
		{"local t = {}\nprint('a' .. t[1])", "concatenate element 't[1]'", `(t[1] or "")`},
		{"print('a' .. print)", "concatenate global 'print'", "print() calls it"},
		{"print('a' .. true .. 'b')", "concatenate a boolean", "tostring(…)"},
		{"local function f() return greting end\nlocal greeting = 1\nf()", "unknown global 'greting'", ""},
		{"local greeting = 1\nlocal function f() return greting end\nf()", "unknown global 'greting'; did you mean 'greeting'?", ""},
		{"local function f() return later() end\nf()\nlocal function later() end", "unknown global 'later'; it is defined in line 3, below this function; move it above", ""},
		{"local function f() return later() end\nf()\n\nlocal later = function()\n end", "unknown global 'later'; it is defined in line 4", ""},
		{"local x = null", "unknown global 'null'; Lua writes nil", ""},
		{"error('own')", "own", ""},
		{"error({ code = 1 })", "{ code = 1 }", "a field 'message'"},
		{"local ok, err = pcall(function()\n  local x\n  x.y = 1\nend)\n\nerror(err)", "index local 'x'", ""},
	} {
		b := newBench(t)
		failed := b.save(c.lua)
		if failed == nil {
			t.Errorf("%s: no error", c.lua)
			continue
		}
		if !strings.Contains(failed.Message, c.message) || (c.hint == "") != (failed.Hint == "") || !strings.Contains(failed.Hint, c.hint) {
			t.Errorf("%s\n got %q, hint %q\nwant %q, hint %q", c.lua, failed.Message, failed.Hint, c.message, c.hint)
		}
	}
}
