package luasrc_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
	"bridgehost/engine/lualib"
	"bridgehost/engine/luasrc"
)

// run compiles source, runs it in a VM with our library, and returns its results as
// tostring gives them.
func run(t *testing.T, source string) (string, error) {
	t.Helper()
	chunk, serr := luasrc.Compile("t.lua", source, luasrc.Limits{})
	if serr != nil {
		t.Fatalf("compile: %v", serr)
	}
	L := lua.NewState()
	defer L.Close()
	lualib.Open(L, lualib.Env{MaxString: 1 << 20})
	L.Push(L.NewFunctionFromProto(chunk.Proto))
	if err := L.PCall(0, lua.MultRet, nil); err != nil {
		var ae *lua.ApiError
		errors.As(err, &ae)
		return "", errors.New(ae.Object.String())
	}
	var out []string
	for i := 1; i <= L.GetTop(); i++ {
		out = append(out, lualib.ToString(L, lualib.Env{}, L.Get(i)))
	}
	return strings.Join(out, " "), nil
}

func TestConcatenationMeansWhatLuaMeans(t *testing.T) {
	if luasrc.ConcatKey != lualib.ConcatKey {
		t.Fatal("the compiler and the library disagree about the key")
	}
	for _, c := range []struct{ src, want string }{
		{`local a, b = "x", 1 return a .. b .. 2.5 .. "y"`, "x12.5y"},
		{`return "a" .. "b" .. "c"`, "abc"},
		{`local function f(s) s = s .. "x" return s end return f("a")`, "ax"},
		{`local function f(s, t) t = t .. s return t end return f("a", "b")`, "ba"},
		{`local function f(...) return ... end return f(1, 2) .. f(3, 4), "|"`, "13 |"},
		{`local function f(...) return "a" .. ... end return f(1, 2)`, "a1"},
		{`local t = {"x" .. 1, 2} return #t, t[1]`, "2 x1"},
		{`local o = "" local function e(x) o = o .. x return x end local r = e"a" .. e"b" .. e"c" return o, r`, "abc abc"},
		{`local mt = {__concat = function(a, b) return "<" .. (type(a) == "table" and "T" or a) .. "," .. (type(b) == "table" and "T" or b) .. ">" end}
		  local T = setmetatable({}, mt) return 1 .. T .. "x" .. "y", "a" .. "b" .. T`, "1<T,xy> a<b,T>"},
		{`local s = ("x"):rep(3) .. ("y"):upper() return (s .. s):len()`, "8"},
		{`local f = function(a, b) return a .. b end for i = 1, 3 do local s = i .. f(i, i) if i == 3 then return s end end`, "333"},
		{`local a = "q" local s = a` + strings.Repeat(` .. a .. "z"`, 500) + ` return #s, s:sub(-3)`, "1001 zqz"},
		{`_G["\0concat"] = 1 local s = "\0concat\0\0" local x = 1 return (x .. s):len()`, "10"},
		{`return 010 + 0x10, 0xffffffffffffffff > 1e19, 1e400, 00100`, "26 true inf 100"},
		{`local t = {n = {}} t.n.x = "1" .. 2 t["k" .. 1] = "v" .. 2 return t.n.x, t.k1`, "12 v2"},
		{`local function f(x) return (x .. "!") end return f("a"), f("b")`, "a! b!"},
		{`local function f(s, t) local g = function(x) return x .. "!" end t, s = (g(t)), g(s) .. t return s, t end return f("a", "b")`, "a!b b!"},
		{`local function f(s, t) t, s = t .. "x", 1 return s, t end return f("a", "b")`, "1 bx"},
	} {
		got, err := run(t, c.src)
		if err != nil || got != c.want {
			t.Errorf("%.90s\n got %q, %v\nwant %q", c.src, got, err, c.want)
		}
	}
}

func TestConcatenationErrorsNameTheOperand(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"local x\nreturn 'a' .. x", "t.lua:2: attempt to concatenate local 'x' (a nil value)"},
		{"return 'a' .. nope .. 'b'", "t.lua:1: attempt to concatenate global 'nope' (a nil value)"},
		{"local t = {}\n\nreturn t.name .. 'b'", "t.lua:3: attempt to concatenate field 'name' (a nil value)"},
		{"local u\nlocal function f() return u .. 'x' end\nf()", "t.lua:2: attempt to concatenate upvalue 'u' (a nil value)"},
		{"return {} .. {}", "t.lua:1: attempt to concatenate a table value"},
		{"local s = ('x'):rep(2^19) s = s .. s s = s .. s", "string longer than 1 MiB"},
		{"local s = ('x'):rep(2^18) s = s .. s .. s .. s .. s", "string longer than 1 MiB"},
	} {
		if _, err := run(t, c.src); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %q", c.src, err, c.want)
		}
	}
}

func TestSyntaxErrorsSpeakLua(t *testing.T) {
	echo := `-- echo


local bridge = require "bridge"




bridge.on("message", { msgtype = "m.text" }, function(evt)
  evt:reply("I heard " .. evt.text)

bridge.command("shout", { args = "<text...>", help = "repeat it, louder" }, function(cmd)
  cmd:reply(cmd.args.text:upper())
end)
-- end`
	for _, c := range []struct {
		src, msg, code, where   string
		opener, missing, hintIn string
	}{
		{echo, "'end' expected (to close 'function' at line 9) near end of file", "E0108", "t.lua:14", "9:46 function", "12:1 end)", ""},
		{"function f()\n  if x then\n    y()\nend\n", "'end' expected (to close 'function' at line 1) near end of file", "E0108", "t.lua:4", "1:1 function", "4:1 end", "'if' at line 2"},
		{"x = 7 // 2", "unexpected symbol near '//'", "E0104", "t.lua:1", "", "", "math.floor(7 / 2)"},
		{"x = a & 1", "unexpected symbol near '&'", "E0104", "t.lua:1", "", "", "5.3"},
		{"x = ~a", "unexpected symbol near '~'", "E0104", "t.lua:1", "", "", "not"},
		{"if a != b then end", "unexpected symbol near '!='", "E0104", "t.lua:1", "", "", "~="},
		{"local x <const> = 1", "unexpected symbol near '<'", "E0104", "t.lua:1", "", "", "<const>"},
		{"x = 'abc\ny = 2", "unfinished string near ''abc'", "E0103", "t.lua:1", "", "", "close the string"},
		{"\n--[[ abc", "unfinished long comment near end of file", "E0103", "t.lua:2", "", "", "]]"},
		{"x = 3x", "malformed number near '3x'", "E0103", "t.lua:1", "", "", ""},
		{"x = = 2", "unexpected symbol near '='", "E0101", "t.lua:1", "", "", ""},
		{"x", "'=' expected near end of file", "E0101", "t.lua:1", "", "", ""},
		{"f(\n1,\n2", "')' expected (to close '(' at line 1) near end of file", "E0108", "t.lua:3", "1:2 (", "", ""},
		{"do end end", "'<eof>' expected near 'end'", "E0101", "t.lua:1", "", "", "too many"},
		{"break", "no loop to break near 'break'", "E0101", "t.lua:1", "", "", ""},
		{"function f() return ... end", "cannot use '...' outside a vararg function near '...'", "E0101", "t.lua:1", "", "", ""},
		{"\ngoto x", "no visible label 'x' for <goto> at line 2", "E0106", "t.lua:2", "", "", ""},
		{"for i do end", "'=' or 'in' expected near 'do'", "E0101", "t.lua:1", "", "", ""},
		{"local t = {1, 2\n\nx = 3", "'}' expected (to close '{' at line 1) near 'x'", "E0108", "t.lua:3", "1:11 {", "3:1 }", ""},
		{"count += step", "unexpected symbol near '+='", "E0104", "t.lua:1", "", "", "count = count + step"},
		{"a.n++", "unexpected symbol near '++'", "E0104", "t.lua:1", "", "", "a.n = a.n + 1"},
		{"a.n--\ny()", "'=' expected near 'y'", "E0104", "t.lua:1", "", "", "a.n = a.n - 1"},
		{"return n // 2", "unexpected symbol near '//'", "E0104", "t.lua:1", "", "", "math.floor(n / 2)"},
		{"local x = a ? b : c", "unexpected symbol near '?'", "E0104", "t.lua:1", "", "", "and a or b"},
		{"// text", "unexpected symbol near '//'", "E0104", "t.lua:1", "", "", "comment"},
		{"for i = 1, 3 do\n  continue\nend", "unexpected symbol near 'continue'", "E0104", "t.lua:2", "", "", "no continue"},
		{"let x = 1", "unexpected symbol near 'let'", "E0104", "t.lua:1", "", "", "local"},
		{"if x = 1 then end", "'then' expected near '='", "E0101", "t.lua:1", "", "", "=="},
		{"if (x) {\n  y = 1;\n}", "'then' expected near end of file", "E0101", "t.lua:3", "", "", "braces"},
		{"if x\n  y()\nend", "'then' expected near 'y'", "E0101", "t.lua:1", "", "", "then at the end"},
		{"while f(\"a\")\n  y()\nend", "'do' expected near 'y'", "E0101", "t.lua:1", "", "", "do at the end"},
		{"function f()\n  if x then\n    return 1\n  return 2\nend", "'end' expected (to close 'if' at line 2) near 'return'", "E0108", "t.lua:4", "2:3 if", "4:3 end", ""},
		{"f(function()\n  if x then\n  else if y then\n  end\nend)", "'end' expected (to close 'function' at line 1) near ')'", "E0108", "t.lua:5", "1:3 function", "5:1 end", "elseif in line 3"},
		{"f(1, function()\nend\n\ng()", "')' expected (to close '(' at line 1) near 'g'", "E0108", "t.lua:4", "1:2 (", "4:1 )", ""},
		{"f(function()\n  end\nend)", "')' expected (to close '(' at line 1) near 'end'", "E0108", "t.lua:3", "1:2 (", "", "'end' at line 2 is probably one too many"},
		{"t = {\n  a = 1\n  b = 2\n}", "'}' expected (to close '{' at line 1) near 'b'", "E0108", "t.lua:3", "1:5 {", "3:3 ,", ""},
		{"print x", "'=' expected near 'x'", "E0101", "t.lua:1", "", "", "print(x)"},
		{"print\n", "'=' expected near end of file", "E0101", "t.lua:1", "", "", "missing to call it"},
		{"f\n(g)", "ambiguous syntax (function call x new statement) near '('", "E0101", "t.lua:2", "", "", ""},
	} {
		_, err := luasrc.Compile("t.lua", c.src, luasrc.Limits{})
		if err == nil {
			t.Errorf("%q compiles", c.src)
			continue
		}
		if err.Message != c.msg || err.Code != c.code || err.Where != c.where || err.Kind != diag.KindScript {
			t.Errorf("%.40q:\n got %s %s %q\nwant %s %s %q", c.src, err.Where, err.Code, err.Message, c.where, c.code, c.msg)
		}
		if place(err.Opener) != c.opener || place(err.Missing) != c.missing || !strings.Contains(err.Hint, c.hintIn) {
			t.Errorf("%.40q: opener %q, missing %q, hint %q", c.src, place(err.Opener), place(err.Missing), err.Hint)
		}
	}
}

func place(p *luasrc.Place) string {
	if p == nil {
		return ""
	}
	return strings.TrimSpace(strings.Join([]string{lualib.NumberString(lua.LNumber(p.Line)) + ":" + lualib.NumberString(lua.LNumber(p.Col)), p.Token}, " "))
}

func TestAByteOrderMarkAndAFirstLineWithAHashAreSkipped(t *testing.T) {
	for _, src := range []string{"#!/usr/bin/lua\nreturn 1", "\uFEFFreturn 1", "\uFEFF#!x\r\nreturn 1"} {
		if got, err := run(t, src); got != "1" {
			t.Errorf("%q: %q, %v", src, got, err)
		}
	}
}

func TestHostileSourcesEndSoon(t *testing.T) {
	var consts, mixed strings.Builder
	for i := range 60000 {
		n := lualib.NumberString(lua.LNumber(i))
		consts.WriteString("x=" + n + " ")
		mixed.WriteString("v" + n[:min(len(n), 3)] + "='" + n[:min(len(n), 3)] + "' ")
	}
	locals := strings.Repeat("local a,b,c,d,e,f,g,h,i,j ", 19)
	for name, src := range map[string]string{
		"not": "x=" + strings.Repeat("not ", 250000) + "1", "minus": "x=" + strings.Repeat("- ", 500000) + "1",
		"parens": strings.Repeat("(", 1000000), "tables": "x=" + strings.Repeat("{", 1000000), "do": strings.Repeat("do ", 300000),
		"functions": "x=" + strings.Repeat("function() return ", 50000), "sum": "x=a" + strings.Repeat("+a", 500000),
		"concat": "x=a" + strings.Repeat("..a", 300000), "index": "x=a" + strings.Repeat(".b", 500000),
		"calls": "f" + strings.Repeat("()", 500000), "elseif": "if x then " + strings.Repeat("elseif x then ", 70000) + "end",
		"power": "x=a" + strings.Repeat("^a", 500000), "constants": consts.String(), "mixed": mixed.String(),
		"labels": strings.Repeat("::a:: ", 150000), "gotos": strings.Repeat("goto a ", 140000),
		"small functions": strings.Repeat("f(function()end)", 60000), "big": strings.Repeat(" ", 2<<20),
		"deep locals": strings.Repeat("local function f() "+locals, 60) + strings.Repeat("a1=b1 ", 100000) + strings.Repeat("end ", 60),
		"arguments":   "f(" + strings.Repeat("1,", 500000) + "1)", "fields": "x={" + strings.Repeat("1,", 500000) + "}",
		"returns": strings.Repeat("function f() return end ", 40000), "brackets": "x=[" + strings.Repeat("=", 1000000),
		"upvalues": locals + "function f() " + strings.Repeat("x=a+b ", 100000) + " end",
	} {
		start := time.Now()
		_, err := luasrc.Compile("t.lua", src, luasrc.Limits{})
		if d := time.Since(start); d > 15*time.Second {
			t.Errorf("%s took %v", name, d)
		} else {
			t.Logf("%-16s %8s %v", name, d.Round(time.Millisecond), err)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{"x=1", "for i=1,2 do end", "goto a ::a::", "x = a..b..c", "if a { b += c", "f(function()\nelse if x then\nend)", "a.b--\nx++ ? y", "{ 1\n 2 //", "local function f(...) return ... end", "x={[1]=2;3}", "if a then elseif b then else end", "--[==[ ]==] x='\\065'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		start := time.Now()
		_, err := luasrc.Compile("f.lua", src, luasrc.Limits{Source: 1 << 16})
		if time.Since(start) > 5*time.Second {
			t.Fatalf("took %v", time.Since(start))
		}
		if err != nil && (err.Line < 1 || err.Col < 1 || err.Message == "" || err.Code == "") {
			t.Fatalf("poor error %#v", err)
		}
	})
}
