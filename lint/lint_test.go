package lint

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bridgehost/diag"
	"bridgehost/engine/luasrc"
)

const head = "local bridge, net = require 'bridge', require 'bridge.net'\n"

// told is what is found in one file, without its name: "2:3 E0102 message".
func told(files map[string]string, asks []string) []string {
	var all []string
	for _, f := range Check(Script{Main: "main.lua", Files: files, Asks: asks}) {
		text := fmt.Sprintf("%d:%d %s %s", f.Line, f.Col, f.Code, f.Message)
		if f.Hint != "" {
			text += "; " + f.Hint
		}
		all = append(all, text)
	}
	return all
}

func TestWhatIsCertainIsTold(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"local function f(r) intent:send_mesage(r, 'x') end", "2:28 E0102 intent has no method 'send_mesage'; did you mean 'send_message'?"},
		{"bridge.comand('x', print)", "2:8 E0102 bridge has no function 'comand'; did you mean 'command'?"},
		{"bridge.on('message', function(evt) print(evt.txt) end)", "2:46 E0102 event has no field 'txt'; did you mean 'text'?"},
		{"local function f() local g = bridge.ghost('a') g:send_txt('!a:b', 'c') end", "2:50 E0102 intent has no method 'send_txt'; did you mean 'send_text'?"},
		{"local function f() return bridge.portal('a').rom_id end", "2:46 E0102 portal has no field 'rom_id'; did you mean 'room_id'?"},
		{"local function f() local s = assert(net.connect { host = 'x', port = 1 }) s:wirte('') end", "2:77 E0102 socket has no method 'wirte'; did you mean 'write'?"},
		{"print(prnt)", "2:7 E0109 unknown global 'prnt'; did you mean 'print'?"},
		{"print(null)", "2:7 E0109 unknown global 'null'; Lua writes nil"},
		{"print(json)", `2:7 E0109 unknown global 'json'; write local json = require "bridge.json"`},
		{"local function f() return g() end\nlocal function g() end", "2:27 E0109 unknown global 'g'; the local of that name is not visible here; declare it above"},
		{"count = 1\nprint(count)", "2:1 E0110 assign to undeclared global 'count'; did you forget `local`?"},
		{"function f() end", "2:10 E0110 assign to undeclared global 'f'; did you forget `local`?"},
		{"require 'brige'", "2:9 E0111 module 'brige' not found: the host has none of that name, and the script has no file brige.lua or brige/init.lua; did you mean 'bridge'?"},
		{"require 'bridge.test'", "2:9 E0111 module 'bridge.test' not found: the host has none of that name, and the script has no file bridge/test.lua or bridge/test/init.lua"},
		{"local function f(r) intent:ensure_joined(r, { ignore_cach = true }) end", "2:47 E0201 unknown option 'ignore_cach' to 'ensure_joined'; did you mean 'ignore_cache'?"},
		{"local function f() return net.connect { host = 'a', port = 1, tsl = true } end", "2:63 E0201 unknown field 'tsl' to 'connect'; did you mean 'tls'?"},
		{"bridge.on('message', { msgtyp = 'm.text' }, function() end)", "2:24 E0201 unknown field 'msgtyp' to 'on'; did you mean 'msgtype'?"},
		{"local function f(r) intent:invite_user(r) end", "2:28 E0202 bad argument #2 'user_id' to 'invite_user' (user ID expected, got nothing)"},
		{"local function f(r) intent:whoami(r) end", "2:28 E0202 too many arguments to 'whoami' (1, it takes 0 at most)"},
		{"local function f() return net.connect { host = 'a' } end", "2:31 E0202 bad field 'port' to 'connect' (integer expected, got nil)"},
		{"local function f() net.connect { host = 'a', port = 1 } end", "2:20 W0203 net.connect can fail and its result is not checked; use assert(...)"},
		{"local function f() local s = assert(net.connect { host = 'x', port = 1 }) s:write('') end", "2:75 W0203 s:write can fail and its result is not checked; use assert(...)"},
		{"local function f() return net.connect { host = 'a', port = 1 }:peer() end", "2:27 W0203 net.connect can fail and its result is not checked; use assert(...)"},
		{"local function f() intent.send_text('!a:b', 'c') end", "2:20 E0204 'send_text' is a method: it must be called with a colon, on an object of kind intent; write intent:send_text(…)"},
		{"bridge.on('message', function(evt) evt.reply('a' .. evt.text) end)", "2:36 E0204 'reply' is a method: it must be called with a colon, on an object of kind event; write evt:reply(…)"},
		{"bridge:on('message', print)", "2:8 E0204 'on' is a function of a module: it must be called with a dot; write bridge.on(…)"},
		{"local function f() intent:join_room_by_id('#a:b') end", `2:43 E0205 bad argument #1 'room_id' to 'join_room_by_id' (room ID expected, got "#a:b")`},
		{"local function f() intent:create_room { visibility = 'publik' } end", `2:54 E0205 bad option 'visibility' to 'create_room' (one of "private", "public" expected, got "publik")`},
		{"bridge.on('mesage', print)", "2:11 E0205 there is no event 'mesage'; did you mean 'message'?"},
		{"bridge.config { a = { type = 'int' } }", "2:17 E0206 bad schema: 'a' has the unknown type 'int'; did you mean"},
		{"bridge.config { a = { type = 'list', off = 'string', default = { 1, print } } }", "2:38 E0206 bad schema: 'a' has an unknown field 'off'; did you mean 'of'?"},
		{"bridge.config { a = { type = 'integer', default = 'x' } }", "2:17 E0206 bad schema: the default of 'a' is wrong"},
		{"print(bridge.config({ server = { type = 'string' } }).sever)", "2:55 E0207 the configuration has no key 'sever'; did you mean 'server'?"},
	} {
		got := told(map[string]string{"main.lua": head + c.source}, nil)
		if len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
			t.Errorf("%s\n got %s\nwant %s", c.source, strings.Join(got, "\n     "), c.want)
		}
	}
}

func TestWhatIsNotCertainIsNot(t *testing.T) {
	for _, source := range []string{
		"local i = intent\nif bridge then i = bridge.mxid end\ni:nope()",
		"local function f(intent) intent:nope() end",
		"bridge.on('config', function(evt) print(evt.changed) end)\nbridge.on('load', function(evt) print(evt.reloaded, evt.from) end)",
		"bridge.on('message', function(evt) evt.seen = true; if evt.seen then print(evt.seen) end end)",
		"local function mark(e) e.seen = true end\nbridge.on('message', function(evt) mark(evt); print(evt.seen) end)",
		"bridge.on('message', function(evt) evt = {}; print(evt.nope) end)",
		"function bridge.mine() end\nbridge.mine()",
		"print(pcall(function() intent:nope(); print(nope); require 'nope' end))",
		"bridge.try(function() intent:send_text('#a:b', nil, nil, nil, nil, 1) end)",
		"print(pcall(function() net.connect { host = 'a', port = 1 } end))",
		"rawset(_G, 'x', 1)\nprint(x)",
		"bridge.strict(false)\ny = 1\nprint(x)",
		"local function f(...) intent:invite_user(...) end",
		"local function f(g) intent:invite_user(g()) end",
		"local function f(o, r) intent:ensure_joined(r, o) end",
		"local function f(k, r) intent:ensure_joined(r, { [k] = true }) end",
		"local function f(r) intent.ensure_joined(intent, r) end",
		"local function f(e, r) e.ensure_joined(r) intent.ensure_joined(r) end",
		"local function f() local s, err = net.connect { host = 'a', port = 1 } return s, err end",
		"local function f() return net.connect { host = 'a', port = 1 } end",
		"local function f(o) return net.connect(o) end",
		"local function f(h) return net.connect { port = 1, [h] = 'a' } end",
		"local t = 'integer'\nbridge.config { a = { type = t, default = print } }",
		"bridge.on('m.room.message', print)\nbridge.on('message', { msgtype = 'm.text' }, print)",
		"print(arg, string.foo, intent.mxid, bridge.info.version)",
		"bridge.log.info('x', { any = 1 })",
		"bridge.store('a'):set('b', nil)",
		"require('own.module')",
		"local ok = pcall(require, 'nope')",
		"intent = nil",
	} {
		files := map[string]string{"main.lua": head + source, "own/module/init.lua": ""}
		if got := told(files, nil); len(got) != 0 {
			t.Errorf("%s\n got %s", source, strings.Join(got, "\n     "))
		}
	}
}

func TestAllFilesAreLookedAtAndTheMainFileComesFirst(t *testing.T) {
	found := Check(Script{Main: "main.lua", Files: map[string]string{"a.lua": "x()", "main.lua": "y()", "b_spec.lua": "local t = require 'bridge.test'\nt.iit('a')",
		"bad.lua": "function f(", "bridge.toml": "no lua"}})
	var got []string
	for _, f := range found {
		got = append(got, f.Place()+" "+f.Code)
	}
	if all := strings.Join(got, "; "); all != "main.lua:1:1 E0109; a.lua:1:1 E0109; b_spec.lua:2:3 E0102; bad.lua:1:12 E0101" {
		t.Error(all)
	}
}

func TestPermissionsThatAreNotAskedFor(t *testing.T) {
	files := map[string]string{"main.lua": head + "local function f() intent:send_text('!a:b', 'c') intent:send_text('!a:b', 'c') end"}
	want := `2:20 W0306 intent:send_text needs the permission 'matrix:send', which bridge.toml does not ask for; add "matrix:send" = "why it is needed" to [permissions]`
	if got := told(files, []string{}); len(got) != 1 || got[0] != want {
		t.Errorf("got %q", got)
	}
	for _, asks := range [][]string{nil, {"matrix:send"}} {
		if got := told(files, asks); len(got) != 0 {
			t.Errorf("%v: got %q", asks, got)
		}
	}
}

// TestExplanationsHoldWhatTheySay: each wrong example gives its code, each right one nothing.
func TestExplanationsHoldWhatTheySay(t *testing.T) {
	for _, e := range diag.Explanations() {
		if !strings.HasPrefix(e.Code[1:], "0") {
			for _, example := range []string{e.Bad, e.Good} {
				if _, err := luasrc.Compile(e.Code, example, luasrc.Limits{}); err != nil && !strings.HasPrefix(example, "[") {
					t.Errorf("%s: an example is no Lua: %v", e.Code, err)
				}
			}
			continue
		}
		if e.Bad == "" || strings.HasPrefix(e.Code, "E03") {
			continue // the host's test looks at manifests
		}
		if slices.ContainsFunc(diag.Running(), func(r diag.Explanation) bool { return r.Code == e.Code }) {
			continue // the engine's test runs them
		}
		if got := told(map[string]string{"main.lua": e.Bad}, []string{"net:connect"}); !has(got, e.Code) {
			t.Errorf("%s: its wrong example gives %q", e.Code, got)
		}
		if got := told(map[string]string{"main.lua": e.Good}, nil); len(got) > 0 {
			t.Errorf("%s: its right example gives %q", e.Code, got)
		}
	}
}

func has(told []string, code string) bool {
	for _, t := range told {
		if strings.Contains(t, " "+code+" ") {
			return true
		}
	}
	return false
}

func FuzzCheck(f *testing.F) {
	f.Add(head + "bridge.on('message', function(evt) evt:reply(evt.text, { a = 1 }) end)")
	f.Add("local a = require 'bridge'.config { x = { type = 'list', of = { type = 'map' } } } return a.x, a.y")
	f.Add("intent:create_room({}, nil, 'x', -1, 0x10, 1e999)")
	f.Fuzz(func(t *testing.T, source string) {
		for _, found := range Check(Script{Main: "m.lua", Files: map[string]string{"m.lua": source}, Asks: []string{}}) {
			if _, known := diag.Explain(found.Code); !known || found.Line < 1 || found.Message == "" {
				t.Errorf("%+v", found)
			}
		}
	})
}
