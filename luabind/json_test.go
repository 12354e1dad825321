package luabind

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/engine"
)

func jsonEnv(t testing.TB) *Env {
	t.Helper()
	prepare()
	vm := engine.NewVM(engine.Config{Script: "test"})
	t.Cleanup(vm.Close)
	return newEnv(vm, &Script{})
}

func TestJSONRoundTripsExactly(t *testing.T) {
	env := jsonEnv(t)
	for in, want := range map[string]string{
		`null`: ``, `true`: ``, `0`: ``, `-0`: `0`, `1e3`: `1000`, `1.0`: `1`, `0.5`: ``, `1E-7`: `0.0000001`,
		`9007199254740992`: ``, `9007199254740993`: ``, `-9007199254740993`: ``, `123456789012345678901234567890`: ``,
		`1700000000000`: ``, `1e20`: `100000000000000000000`,
		`[]`: ``, `{}`: ``, `[[],{},null]`: ``, ` { "b" : 1 , "a" : [ 1 ] } `: `{"a":[1],"b":1}`, `{"a":1,"a":2}`: `{"a":2}`,
		`"h\u00e4\n\"\\\/\u2028\ud83d\ude00"`: "\"hä\\n\\\"\\\\/\u2028😀\"", `"\ud800"`: "\"\uFFFD\"", `"\u0000\u001f"`: ``, `{"":{"1":[null]}}`: ``,
	} {
		if want == "" {
			want = in
		}
		v, err := env.DecodeJSON(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if out, err := env.EncodeJSON(v); err != nil || string(out) != want {
			t.Errorf("%s → %s, %v; want %s", in, out, err, want)
		}
	}
}

func TestWhatIsNoJSONIsRefused(t *testing.T) {
	env := jsonEnv(t)
	for _, in := range []string{``, `nul`, `{`, `[1,]`, `{"a"}`, `{a:1}`, `01`, `-`, `1.`, `1e`, `+1`, `.5`, `"a`, "\"\n\"", `"\x"`, `"\u12"`,
		`1 2`, `[1}`, "\"\xff\"", `1e999`, `NaN`, strings.Repeat("[", 201) + strings.Repeat("]", 201)} {
		if v, err := env.DecodeJSON(in); err == nil {
			t.Errorf("%.20q = %v, want an error", in, v)
		}
	}
	_, err := env.DecodeJSON("{\"a\": 1,\n \"b\": tru}")
	if err == nil || !strings.Contains(err.Error(), "line 2, column 7") {
		t.Errorf("the place is not told: %v", err)
	}
}

func TestWhatJSONCannotHoldIsNamedByItsPath(t *testing.T) {
	s, _ := newScript(t)
	for expr, want := range map[string]string{
		`{ a = { 1, { b = 0/0 } } }`: `nan cannot be written as JSON at .a[2].b`,
		`{ a = 1/0 }`:                `inf cannot be written as JSON at .a`,
		`{ f = print }`:              `a function cannot be written as JSON at .f`,
		`{ i = intent }`:             `an object (intent) cannot be written as JSON at .i`,
		`{ [1] = "a", [3] = "b" }`:   `list expected`,
		`{ "a", x = 1 }`:             `list expected, got a table with the key x`,
		`{ s = "\255" }`:             `not UTF-8 cannot be written as JSON (encode bytes as base64) at .s`,
		`{ [true] = 1 }`:             `the key a boolean is a boolean`,
		`json.array{ 1, nil, 3 }`:    `list expected`,
		`(function() local c = {}; c.me = { c }; return c end)()`: `a table that contains itself cannot be written as JSON at .me[1]`,
	} {
		_, err := runLua(t, s, "return json.encode("+expr+")")
		if err == nil || !strings.Contains(err.Message, want) {
			t.Errorf("%s raised %v, want %s", expr, err, want)
		}
	}
}

func TestTheJSONModule(t *testing.T) {
	for body, want := range map[string]string{
		`return json.encode{}`:                                                               `{}`,
		`return json.encode(json.array())`:                                                   `[]`,
		`return json.encode{ 1, 2 }`:                                                         `[1,2]`,
		`return json.encode{ a = json.null, b = json.array{} }`:                              `{"a":null,"b":[]}`,
		`return json.encode(2^53 + 2)`:                                                       `9007199254740994`,
		`return json.encode(json.decode("[]"))`:                                              `[]`,
		`local l = json.decode("[1]"); l[1] = nil; return json.encode(l)`:                    `[]`,
		`return json.decode("null") == json.null`:                                            `true`,
		`return tostring(json.integer("12345678901234567890"))`:                              `12345678901234567890`,
		`return json.integer("12345678901234567890") == json.decode("12345678901234567890")`: `true`,
		`return json.integer("5") == 5`:                                                      `true`,
		`return "n" .. json.integer("12345678901234567890")`:                                 `n12345678901234567890`,
		`local v, err = json.decode("{"); return v == nil, err.kind, err.code`:               `true script E_JSON`,
		`return tostring(json.null)`:                                                         `null`,
	} {
		if got := one(t, body); got != want {
			t.Errorf("%s = %q, want %q", body, got, want)
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5,"x",null,{}]}`, `"\ud83d\ude00"`, `[9007199254740993,-0,1e5]`} {
		f.Add(s)
	}
	prepare()
	vm := engine.NewVM(engine.Config{Script: "test"})
	f.Cleanup(vm.Close)
	env := newEnv(vm, &Script{})
	f.Fuzz(func(t *testing.T, in string) {
		v, err := env.DecodeJSON(in)
		if err != nil {
			return
		}
		if !json.Valid([]byte(in)) {
			t.Fatalf("%q was taken, and is no JSON", in)
		}
		out, err := env.EncodeJSON(v)
		if err != nil {
			t.Fatalf("%q was decoded and cannot be encoded: %v", in, err)
		}
		again, err := env.DecodeJSON(string(out))
		if err != nil {
			t.Fatalf("%q → %q, which cannot be decoded: %v", in, out, err)
		}
		if twice, _ := env.EncodeJSON(again); !bytes.Equal(out, twice) {
			t.Fatalf("%q → %q → %q", in, out, twice)
		}
	})
}

const benchContent = `{"msgtype":"m.text","body":"hello there","m.relates_to":{"m.in_reply_to":{"event_id":"$abc"}},"n":[1,2,3]}`

func BenchmarkDecodeJSON(b *testing.B) {
	env := jsonEnv(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := env.DecodeJSON(benchContent); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeJSON(b *testing.B) {
	env := jsonEnv(b)
	v, err := env.DecodeJSON(benchContent)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := env.EncodeJSON(v); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBindingCall is one call with three arguments, one of them a table of options, from Lua.
func BenchmarkBindingCall(b *testing.B) {
	s, _ := newScript(b)
	vm, fn := open(b, s, `local n, o = ..., { ignore_cache = false, timeout = 3 }; local f = t.count; for i = 1, n do f("!r:bh.test", 3, o) end`)
	b.ReportAllocs()
	b.ResetTimer()
	_, err := vm.Run(b.Context(), &engine.Task{Label: "bench"}, fn, func(*lua.LState) []lua.LValue { return []lua.LValue{lua.LNumber(b.N)} })
	if err != nil {
		b.Fatal(err)
	}
}

var _ = fn(testModule, "count", pure, never, "Does nothing with its arguments.", func(_ *Call, a *probeArgs) (none, error) { return none{}, nil })
