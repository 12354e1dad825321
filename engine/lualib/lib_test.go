package lualib_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/engine/lualib"
)

type spent struct{}

// open makes a VM with our library and a budget of steps; negative: none.
func open(budget int) *lua.LState {
	L := lua.NewState()
	lualib.Open(L, lualib.Env{MaxString: 1 << 20, MaxResults: 1000, Now: func() time.Time {
		return time.Date(2024, 2, 29, 13, 4, 5, 0, time.UTC)
	}, Poll: func(n int) {
		if budget < 0 {
			return
		}
		if budget -= n; budget < 0 {
			panic(spent{})
		}
	}})
	return L
}

func eval(L *lua.LState, src string) (out string, err error) {
	if err := L.DoString(src); err != nil {
		var ae *lua.ApiError
		if errors.As(err, &ae) {
			return "", errors.New(ae.Object.String())
		}
		return "", err
	}
	var parts []string
	for i := 1; i <= L.GetTop(); i++ {
		parts = append(parts, lualib.ToString(L, lualib.Env{}, L.Get(i)))
	}
	return strings.Join(parts, " "), nil
}

func TestFunctionsAnswerAsLuaDoes(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{`return ("THE (quick) fox"):find("%((%a+)%)")`, "5 11 quick"},
		{`return ("hello"):match("^(h)(.-)(l+)()")`, "h e ll 5"},
		{`return ("f(a(b)c)d"):match("%b()")`, "(a(b)c)"},
		{`return ("THE (quick) fox"):gsub("%f[%a]%a+", string.lower)`, "the (quick) fox 3"},
		{`return ("abc"):gsub("", "-")`, "-a-b-c- 4"},
		{`return ("abc def"):gsub("%w+", {abc = 1, def = false})`, "1 def 2"},
		{`return ("[a-]"):gsub("[]a-]", "x")`, "[xxx 3"},
		{`local t = {} for k, v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do t[#t+1] = k .. v end return table.concat(t, ";")`, "a1;b2"},
		{`return ("%5.1f|%-5d|%05d|%+d|%x|%X|%#x|%o|%e|%g|%c|%q|%s|%5s|%-5s|%.2s|%%"):format(3.14159, 42, -42, 7, 255, 255, 255, 8, 12345.678, 1e20, 65, 'a"\n', nil, "ab", "ab", "abc")`,
			"  3.1|42   |-0042|+7|ff|FF|0xff|10|1.234568e+04|1e+20|A|\"a\\\"\\\n\"|nil|   ab|ab   |ab|%"},
		{`return ("%d"):format(2^53), ("%d"):format(-2^53), ("%d"):format("10"), ("%d"):format(3.7), ("%i"):format(9007199254740993)`, "9007199254740992 -9007199254740992 10 3 9007199254740992"},
		{`return ("%s"):format(setmetatable({}, {__tostring = function() return "me" end}))`, "me"},
		{`return ("%5.1f"):format(1/0), ("%g"):format(0/0 ~= 0/0 and 1 or 2)`, "  inf 1"},
		{`return tostring(1e15), tostring(2^53), tostring(1/3), tostring(0.1), tostring(1e100), tostring(-1/0), 2^63`, "1000000000000000 9007199254740992 0.33333333333333 0.1 1e+100 -inf 9.2233720368548e+18"},
		{`return tonumber("1e3"), tonumber(" 0x10 "), tonumber("ff", 16), tonumber("z", 36), tonumber("1_0"), tonumber("inf"), tonumber("0x"), tonumber("1e"), tonumber("-0x10")`, "1000 16 255 35 nil nil nil nil -16"},
		{`return table.concat(("a  b c "):split(), ","), table.concat(("a,b,,c"):split(","), "|"), table.concat(("a.b"):split(".", true), "|"), #(""):split(","), table.concat(("a1b22c"):split("%d+"), "|")`, "a,b,c a|b||c a|b 1 a|b|c"},
		{`return ("  x y "):trim() .. "|"`, "x y|"},
		{`return ("abc"):byte(-1), ("abc"):byte(1, -1)`, "99 97 98 99"},
		{`return ("abc"):sub(-2), ("abc"):sub(0), ("abc"):sub(2, 10), ("abc"):rep(2, "-"), ("Äb"):upper()`, "bc abc bc abc-abc ÄB"},
		{`return getmetatable("")`, "false"},
		{`local t = {3, 1, 2} table.sort(t) return unpack(t)`, "1 2 3"},
		{`local t = {"b", "a", "C"} table.sort(t, function(x, y) return x:lower() > y:lower() end) return table.concat(t)`, "Cba"},
		{`local t = {} for i = 1, 100 do t[i] = (i * 37) % 101 end table.sort(t, function(a, b) return a <= b end) return t[1], t[100]`, "1 100"},
		{`local t = table.pack(1, nil, 3) return t.n, t[3]`, "3 3"},
		{`local t = {1, 2} table.insert(t, 1, 0) table.insert(t, 9) return table.concat(t, ","), table.remove(t), table.remove(t, 1), #t`, "0,1,2,9 9 0 2"},
		{`return utf8.char(228, 8364, 128512), utf8.len("äö"), utf8.len("\255"), utf8.codepoint("€", 1), utf8.offset("aäb", 3)`, "ä€😀 2 nil 8364 4"},
		{`local r = {} for p, c in utf8.codes("aä") do r[#r+1] = p .. ":" .. c end return table.concat(r, " ")`, "1:97 2:228"},
		{`local n = 0 for _ in ("aä€"):gmatch(utf8.charpattern) do n = n + 1 end return n`, "3"},
		{`return math.tointeger(3), math.tointeger(3.5), math.fmod(-5, 3), math.floor(-1.5), math.huge, math.max(1, 3, 2)`, "3 nil -2 -2 inf 3"},
		{`return select("#", 1, nil), select(-1, 1, 2), select(2, "a", "b", "c")`, "2 2 b c"},
		{`return os.date("%Y-%m-%d %H:%M:%S %a %j", 0), os.date("!%F"), os.time{year = 2024, month = 3, day = 0, hour = 0}, os.date("*t").yday`, "1970-01-01 00:00:00 Thu 001 2024-02-29 1709164800 60"},
		{`return io, debug, load, dofile, package, os.execute, string.dump, newproxy, collectgarbage, module, channel`, "nil nil nil nil nil nil nil nil nil nil nil"},
	} {
		L := open(-1)
		if got, err := eval(L, c.src); err != nil || got != c.want {
			t.Errorf("%.100s\n got %q, %v\nwant %q", c.src, got, err, c.want)
		}
		L.Close()
	}
}

func TestErrorsSpeakLua(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{`return ("x"):rep({})`, "bad argument #2 to 'rep' (number expected, got table)"},
		{`return string.len()`, "bad argument #1 to 'len' (string expected, got no value)"},
		{`return ("%d"):format("x")`, "bad argument #2 to 'format' (number expected, got string)"},
		{`return ("%d"):format(1e19)`, "number has no integer representation"},
		{`return ("%y"):format(1)`, "invalid option '%y' to 'format'"},
		{`return ("%123d"):format(1)`, "width or precision too long"},
		{`return ("a"):find("%")`, "malformed pattern (ends with '%')"},
		{`return ("a"):find("[a")`, "malformed pattern (missing ']')"},
		{`return ("a"):find("(a")`, "unfinished capture"},
		{`return ("a"):gsub("a", "%2")`, "invalid capture index"},
		{`table.sort({1, "x"})`, "attempt to compare"},
		{`local n = 0 local t = {} for i = 1, 50 do t[i] = i end table.sort(t, function(a, b) n = n + 1 return n % 3 == 0 end)`, "invalid order function for sorting"},
		{`return table.concat({1, {}, 3})`, "invalid value (table) at index 2 in table for 'concat'"},
		{`return unpack({}, 1, 1e8)`, "too many results to unpack"},
		{`return ("x"):rep(1e9)`, "string longer than 1 MiB"},
		{`return ("x"):rep(-1 + 2^53)`, "string longer than 1 MiB"},
		{`return (("x"):rep(2^19)):gsub("x", "xxx")`, "string longer than 1 MiB"},
		{`return ("%s%s%s"):format(("x"):rep(2^19), ("x"):rep(2^19), "x")`, "string longer than 1 MiB"},
		{`local t = {} for i = 1, 2000 do t[i] = ("x"):rep(1000) end return table.concat(t)`, "string longer than 1 MiB"},
		{`setmetatable("", {})`, "table expected"},
		{`assert(false, "mine")`, "mine"},
	} {
		L := open(-1)
		if got, err := eval(L, c.src); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80s: got %q, %v; want %q", c.src, got, err, c.want)
		}
		L.Close()
	}
}

func TestBombsEndWithTheBudget(t *testing.T) {
	for name, src := range map[string]string{
		"backtracking find":   `return (("a"):rep(30)):find(("a*"):rep(12) .. "b")`,
		"backtracking match":  `return (("a"):rep(30)):match(("a*"):rep(12) .. "b")`,
		"backtracking gmatch": `for _ in (("a"):rep(30)):gmatch(("a*"):rep(12) .. "b") do end`,
		"backtracking gsub":   `return (("a"):rep(30)):gsub(("a*"):rep(12) .. "b", "")`,
		"lazy":                `return (("a"):rep(30)):find(("a-"):rep(12) .. "b")`,
		"quadratic":           `return (("a"):rep(300000)):find(".-b")`,
		"balance":             `return (("("):rep(300000)):find("%b()")`,
		"many gsubs":          `local s = ("ab"):rep(400000) for i = 1, 100 do s:gsub("a", "c") end`,
		"sort":                `local t = {} for i = 1, 200000 do t[i] = (i * 7919) % 200003 end table.sort(t)`,
		"sort by":             `local t = {} for i = 1, 200000 do t[i] = i end table.sort(t, function(a, b) return math.random() < 0.5 end)`,
		"insert":              `local t = {} for i = 1, 1e6 do table.insert(t, 1, i) end`,
	} {
		L := open(1_000_000)
		start := time.Now()
		func() {
			defer func() {
				if r := recover(); r != nil && fmt.Sprint(r) != fmt.Sprint(spent{}) {
					panic(r)
				}
			}()
			if _, err := eval(L, src); err == nil || !strings.Contains(err.Error(), "{}") {
				t.Errorf("%s ended by itself: %v", name, err)
			}
		}()
		if d := time.Since(start); d > 30*time.Second {
			t.Errorf("%s took %v", name, d)
		}
	}
}

// FuzzMatch compares our matcher with gopher-lua's where both take the pattern.
func FuzzMatch(f *testing.F) {
	for _, s := range [][2]string{{"hello world", "(%w+) (%w+)"}, {"aXb", "%u"}, {"a.b", "[^.]*"}, {"((x))", "%b()"}, {"abab", "(ab)%1"}, {"key = v", "^(%S-)%s*=%s*(.*)$"}} {
		f.Add(s[0], s[1])
	}
	ours, stock := open(-1), lua.NewState()
	f.Fuzz(func(t *testing.T, s, p string) {
		if len(s) > 20 || len(p) > 10 || strings.ContainsAny(p, "\x00[") || strings.Contains(p, "%f") || strings.Contains(p, "()") || strings.Count(p, "-") > 2 || !ascii(s+p) {
			return // where stock differs from Lua 5.1
		}
		src := fmt.Sprintf("return string.find(%s, %s)", quote(s), quote(p))
		ours.SetTop(0)
		stock.SetTop(0)
		want, serr := eval(stock, src)
		got, err := eval(ours, src)
		if serr == nil && err == nil && got != want {
			t.Fatalf("find(%q, %q): %q, stock %q", s, p, got, want)
		}
	})
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 126 || r < 1 }) < 0
}

func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		fmt.Fprintf(&b, "\\%03d", s[i])
	}
	return b.String() + `"`
}

func FuzzFormat(f *testing.F) {
	f.Add("%d %s %5.2f", 1.5, "x")
	f.Add("%-10q|%+x|%c", -1.0, "\x00\n")
	L := open(-1)
	f.Fuzz(func(t *testing.T, format string, n float64, s string) {
		L.SetTop(0)
		L.SetGlobal("f", lua.LString(format))
		L.SetGlobal("n", lua.LNumber(n))
		L.SetGlobal("s", lua.LString(s))
		for _, src := range []string{"return string.format(f, n, s, n, s)", "return string.format(f, s, n)"} {
			if out, err := eval(L, src); err == nil && (strings.Contains(out, "%!") && !strings.Contains(format+s, "!") || len(out) > 300*(len(format)+1)+4*len(s)+1000) {
				t.Fatalf("format(%q, %v, %q) = %q", format, n, s, out)
			}
		}
	})
}

func BenchmarkMatcher(b *testing.B) {
	const src = `local s = ("key = value; other=thing "):rep(50)
	for i = 1, 20 do s:gsub("(%w+)%s*=%s*(%w+)", "%2=%1") s:find("([%w_]+)%s*!") for k in s:gmatch("%a+") do end end`
	for name, open := range map[string]func() *lua.LState{"ours": func() *lua.LState { return open(-1) }, "stock": func() *lua.LState { return lua.NewState() }} {
		b.Run(name, func(b *testing.B) {
			L := open()
			defer L.Close()
			fn, err := L.LoadString(src)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				L.Push(fn)
				L.Call(0, 0)
			}
		})
	}
}
