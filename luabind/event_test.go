package luabind

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"bridgehost/delivery"
	"bridgehost/engine"
	"bridgehost/intent"
	"bridgehost/matrix"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"
	lua "github.com/yuin/gopher-lua"
)

func message(more string) string {
	return `{"type":"m.room.message","room_id":"!r:bh.test","sender":"@you:bh.test","event_id":"$e","origin_server_ts":7,"content":{"msgtype":"m.text","body":"hi"` + more + `}}`
}

func TestFieldsOfEvents(t *testing.T) {
	reply := `{"type":"m.room.message","room_id":"!r:bh.test","sender":"@you:bh.test","event_id":"$e","content":{"msgtype":"m.text","body":"> <@a:b> x\n> y\n\nanswer","format":"org.matrix.custom.html","formatted_body":"<mx-reply>q</mx-reply><b>answer</b>","m.relates_to":{"rel_type":"m.thread","event_id":"$root","m.in_reply_to":{"event_id":"$p"}}}}`
	edit := `{"type":"m.room.message","room_id":"!r:bh.test","sender":"@you:bh.test","event_id":"$e","content":{"msgtype":"m.text","body":"* new","m.new_content":{"msgtype":"m.text","body":"new"},"m.relates_to":{"rel_type":"m.replace","event_id":"$o"}}}`
	image := `{"type":"m.room.message","room_id":"!r:bh.test","sender":"@you:bh.test","event_id":"$e","content":{"msgtype":"m.image","body":"cat.png","url":"mxc://a/b","info":{"w":1}}}`
	for _, c := range []struct{ event, body, want string }{
		{message(""), `return e.room_id, e.sender, e.sender_name, e.event_id, e.type, e.ts, e.text, e.redelivered, e.is_edit`, `!r:bh.test @you:bh.test you $e m.room.message 7 hi false false`},
		{message(""), `return e.state_key, e.html, e.reply_to, e.thread, e.media`, `nil nil nil nil nil`},
		{message(`,"n":9007199254740993`), `return json.encode(e.content)`, `{"body":"hi","msgtype":"m.text","n":9007199254740993}`},
		{message(""), `e.content.body = "changed"; return e.content.body, e.text`, `changed hi`},
		{message(""), `e.mine = 1; return e.mine, type(e)`, `1 table`},
		{message(""), `return select(2, pcall(function() return e.sendr end)).message`, `event has no field 'sendr'; did you mean 'sender'?`},
		{message(""), `return select(2, pcall(function() e:repyl("x") end)).message`, `event has no method 'repyl'; did you mean 'reply'?`},
		{reply, `return e.text, e.html, e.reply_to, e.thread`, `answer <b>answer</b> $p $root`},
		{edit, `return e.text, e.is_edit`, `new true`},
		{image, `return e.media.url, e.media.filename, e.media.info.w, e.text`, `mxc://a/b cat.png 1 cat.png`},
		{`{"type":"m.room.member","state_key":"@a:b","sender":"@a:b"}`, `return e.state_key, e.text == "", json.encode(e.content)`, `@a:b true {}`},
		{`{"type":"m.room.message","sender":"@a:b","content":{"msgtype":5,"body":"b","m.relates_to":"x"}}`, `return e.text, e.reply_to`, `b nil`},
	} {
		if got := one(t, "local e = ...; "+c.body, eventOf(t, c.event)); got != c.want {
			t.Errorf("%s\n= %q\nwant %q", c.body, got, c.want)
		}
	}
}

func TestEventsAreAnswered(t *testing.T) {
	for body, want := range map[string]string{
		`e:reply("yes")`: `{"body":"yes","m.relates_to":{"m.in_reply_to":{"event_id":"$e"}},"msgtype":"m.text"}`,
		`e:reply{ msgtype = "m.emote", body = "x" }`: `{"body":"x","m.relates_to":{"m.in_reply_to":{"event_id":"$e"}},"msgtype":"m.emote"}`,
		`e:react("+")`:                          `{"m.relates_to":{"event_id":"$e","key":"+","rel_type":"m.annotation"}}`,
		`e:edit("new", { event_id = "$mine" })`: `{"body":"* new","m.new_content":{"body":"new","msgtype":"m.text"},"m.relates_to":{"event_id":"$mine","rel_type":"m.replace"},"msgtype":"m.text"}`,
		`e:fail("no")`:                          `{"body":"no","m.relates_to":{"m.in_reply_to":{"event_id":"$e"}},"msgtype":"m.notice"}`,
		`e:typing()`:                            `{"timeout":5000,"typing":true}`,
	} {
		s, hs := newScript(t)
		if _, err := runLua(t, s, "local e = ...; "+body, eventOf(t, message(""))); err != nil {
			t.Errorf("%s raised %v", body, err)
			continue
		}
		got := hs.sent("/rooms/")
		if len(got) != 1 || !sameJSON(got[0], want) {
			t.Errorf("%s sent %v, want %s", body, got, want)
		}
	}
}

func sameJSON(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return false
	}
	one, _ := json.Marshal(x)
	two, _ := json.Marshal(y)
	return string(one) == string(two)
}

func member(target, sender, now, before string) string {
	return `{"type":"m.room.member","room_id":"!r:bh.test","sender":"` + sender + `","state_key":"` + target + `","content":{"membership":"` + now + `"},"unsigned":{"prev_content":{"membership":"` + before + `"}}}`
}

func TestNamesOfEvents(t *testing.T) {
	s, _ := newScript(t)
	for _, c := range []struct{ event, want string }{
		{message(""), "m.room.message message"},
		{message(`,"m.relates_to":{"rel_type":"m.replace","event_id":"$x"}`), "m.room.message edit"},
		{member("@_bh_echo_al:bh.test", "@you:bh.test", "invite", ""), "m.room.member member invite"},
		{member("@other:bh.test", "@you:bh.test", "invite", ""), "m.room.member member"},
		{member("@you:bh.test", "@you:bh.test", "join", "invite"), "m.room.member member join"},
		{member("@you:bh.test", "@you:bh.test", "join", "join"), "m.room.member member"},
		{member("@you:bh.test", "@you:bh.test", "leave", "join"), "m.room.member member leave"},
		{member("@you:bh.test", "@mod:bh.test", "ban", "join"), "m.room.member member leave"},
		{member("@you:bh.test", "@mod:bh.test", "leave", "ban"), "m.room.member member"},
		{`{"type":"m.room.name","state_key":"","sender":"@a:b"}`, "m.room.name room.name"},
		{`{"type":"org.example.thing","sender":"@a:b"}`, "org.example.thing"},
	} {
		if got := strings.Join(s.Names(eventOf(t, c.event)), " "); got != c.want {
			t.Errorf("%s\n= %s, want %s", c.event, got, c.want)
		}
	}
}

func TestWhichHandlersWantAnEvent(t *testing.T) {
	s, _ := newScript(t)
	from := func(sender, more string) string {
		return strings.Replace(message(more), "@you:bh.test", sender, 1)
	}
	notice := strings.Replace(message(""), "m.text", "m.notice", 1)
	for _, c := range []struct {
		name  string
		f     *Filter
		event string
		want  bool
	}{
		{"message", nil, message(""), true},
		{"m.room.message", nil, message(""), true},
		{"edit", nil, message(""), false},
		{"message", &Filter{MsgType: "m.text"}, message(""), true},
		{"message", &Filter{MsgType: "m.image"}, message(""), false},
		{"message", &Filter{Room: "!other:bh.test"}, message(""), false},
		{"message", &Filter{Sender: "@you:bh.test"}, message(""), true},
		{"message", &Filter{Sender: "@me:bh.test"}, message(""), false},
		{"message", nil, from("@_bh_echo:bh.test", ""), false},
		{"message", nil, from("@_bh_echo_al:bh.test", ""), false},
		{"message", &Filter{Own: true}, from("@_bh_echo_al:bh.test", ""), true},
		{"message", nil, from("@_bh_echo2:bh.test", ""), true},
		{"message", nil, message(`,"fi.mau.double_puppet_source":"bridgehost"`), false},
		{"message", nil, message(`,"fi.mau.double_puppet_source":"other"`), true},
		{"message", nil, notice, false},
		{"message", &Filter{Own: true}, notice, true},
		{"message", &Filter{MsgType: "m.notice"}, notice, true},
		{"leave", nil, member("@_bh_echo:bh.test", "@mod:bh.test", "leave", "join"), true},
		{"leave", nil, member("@_bh_echo:bh.test", "@_bh_echo:bh.test", "leave", "join"), false},
	} {
		e := eventOf(t, c.event)
		if got := s.Wants(c.name, c.f, e, s.Names(e)); got != c.want {
			t.Errorf("%s %+v: %v, want %v\n%s", c.name, c.f, got, c.want, c.event)
		}
	}
}

func TestCommandsAreFoundByTheirLongestName(t *testing.T) {
	var commands []*Command
	for _, name := range []string{"feed", "feed add", "shout"} {
		c, err := NewCommand(name, CommandSpec{})
		if err != nil {
			t.Fatal(err)
		}
		commands = append(commands, c)
	}
	for _, c := range []struct{ text, name, rest string }{
		{"shout hello  you", "shout", "hello  you"}, {"feed add x", "feed add", "x"}, {"feed  add", "feed add", ""}, {"feed address", "feed", "address"},
		{"shouting", "", ""}, {"echo shout x", "shout", "x"}, {"irc shout x", "", ""}, {"", "", ""},
	} {
		got, rest, addressed := FindCommand("echo", commands, c.text)
		name := ""
		if got != nil {
			name = got.Name
		}
		if name != c.name || rest != c.rest || addressed != strings.HasPrefix(c.text, "echo") {
			t.Errorf("%q: %q %q %v", c.text, name, rest, addressed)
		}
	}
}

func TestArgumentsOfCommands(t *testing.T) {
	for _, c := range []struct{ spec, text, want string }{
		{"<url>", "http://x", "url=http://x"},
		{"<url>", "", "!url is missing. Usage: !c <url>"},
		{"<url>", "a b", `!"b" is too much. Usage: !c <url>`},
		{"<text...>", "a  b\nc", "text=a  b\nc"},
		{"<topic> <payload...>", `"two words" rest "is" kept`, `topic=two words,payload=rest "is" kept`},
		{"[limit]", "", ""},
		{"<status|reconnect>", "reconnect", "status|reconnect=reconnect"},
		{"<status|reconnect>", "x", `!status or reconnect expected, not "x". Usage: !c <status|reconnect>`},
		{"", "a b", "=a,=b"},
	} {
		cmd, err := NewCommand("c", CommandSpec{Args: c.spec})
		if err != nil {
			t.Fatal(err)
		}
		values, err := cmd.Parse(c.text)
		var parts []string
		for _, v := range values {
			parts = append(parts, v.name+"="+v.value)
		}
		got := strings.Join(parts, ",")
		if err != nil {
			got = "!" + err.Error()
		}
		if got != c.want {
			t.Errorf("%s with %q = %q, want %q", c.spec, c.text, got, c.want)
		}
	}
	for _, spec := range []string{"url", "<a...> <b>", "[a] <b>", "<>", "<a"} {
		if _, err := NewCommand("c", CommandSpec{Args: spec}); err == nil {
			t.Errorf("%q was taken", spec)
		}
	}
	for _, name := range []string{"", "!c", "a  b", " a"} {
		if _, err := NewCommand(name, CommandSpec{}); err == nil {
			t.Errorf("the name %q was taken", name)
		}
	}
}

// clashing is a Host in which other scripts have the commands too.
type clashing struct{ others []string }

func (h clashing) CommandClash(matrix.RoomID, string, string) []string { return h.others }

func TestCommandsRunOrAreRefused(t *testing.T) {
	const source = `
local bridge = require "bridge"
bridge.command("shout", { args = "<text...>" }, function(cmd) cmd:reply(cmd.args.text:upper() .. "!" .. cmd.args[1]) end)
bridge.command("kick", { level = 50 }, function(cmd) cmd:reply("kicked") end)
bridge.command("stop", { admin = true }, function(cmd) cmd:reply("stopped") end)
bridge.on("message", { msgtype = "m.text" }, function(evt) evt:reply("heard " .. evt.text) end)`
	for _, c := range []struct {
		text, sender string
		others       []string
		want         string
	}{
		{"hello", "@you:bh.test", nil, "heard hello"},
		{"!unknown", "@you:bh.test", nil, "heard !unknown"},
		{"!shout on", "@you:bh.test", nil, "ON!on"},
		{"!shout", "@you:bh.test", nil, "text is missing. Usage: !shout <text...>"},
		{"!kick", "@you:bh.test", nil, "!kick takes power level 50 in this room; you have 0"},
		{"!kick", "@mod:bh.test", nil, "kicked"},
		{"!stop", "@mod:bh.test", nil, "!stop is for the admins of this bridge"},
		{"!stop", "@admin:bh.test", nil, "stopped"},
		{"!shout x", "@you:bh.test", []string{"irc"}, `several scripts have the command "shout": write !echo shout or !irc shout`},
		{"!shout x", "@you:bh.test", []string{"apple"}, ""},
		{"!echo shout x", "@you:bh.test", []string{"apple"}, "X!x"},
		{"!weather here", "@you:bh.test", []string{"irc"}, ""}, // of another script only
		{"!irc weather", "@you:bh.test", []string{"irc"}, ""},
	} {
		s, hs := newScript(t)
		s.Admins = []matrix.UserID{"@admin:bh.test"}
		s.Host = clashing{c.others}
		g := generation(t, s, source)
		raw := strings.Replace(strings.Replace(message(""), `"hi"`, string(must(json.Marshal(c.text))), 1), "@you:bh.test", c.sender, 1)
		m, failed := s.Match(g, &delivery.Item{Payload: []byte(raw)})
		if failed != nil {
			t.Fatal(failed)
		}
		for _, h := range m.Handlers {
			task := &engine.Task{Label: m.Label}
			if _, err := g.VM().Run(context.Background(), task, h.Fn, func(L *lua.LState) []lua.LValue { return []lua.LValue{m.Arg(g.VM(), L, task)} }); err != nil {
				t.Errorf("%s: %v", c.text, err)
			}
		}
		var told struct{ Body string }
		sent := hs.sent("/send/m.room.message/")
		if len(sent) > 0 {
			_ = json.Unmarshal([]byte(sent[0]), &told)
		}
		if told.Body != c.want || len(sent) > 1 {
			t.Errorf("%s from %s: sent %v, want %q", c.text, c.sender, sent, c.want)
		}
		if !s.HasCommand(g, "shout") || s.HasCommand(g, "x") || s.HasCommand(nil, "shout") {
			t.Error("HasCommand")
		}
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// generation loads source as a running script.
func generation(t *testing.T, s *Script, source string) *engine.Generation {
	t.Helper()
	script := engine.NewScript(engine.ScriptConfig{Name: s.Name, Library: NewLibrary(s), Matcher: s,
		Clock: clockwork.NewRealClock(), Log: hclog.NewNullLogger()})
	t.Cleanup(func() { script.Close(0) })
	src := engine.Source{Name: s.Name, Main: "echo.lua", Files: map[string]string{"echo.lua": source}}
	if err := script.Reload(context.Background(), src, engine.ReasonSaved); err != nil {
		t.Fatal(err)
	}
	return script.Current()
}

func TestErrorsAsScriptsSeeThem(t *testing.T) {
	s, hs := newScript(t)
	hs.refuse = func(string) (int, string) { return 403, `{"errcode":"M_FORBIDDEN","error":"not you"}` }
	out, err := runLua(t, s, `local ok, e = pcall(intent.send_text, intent, "!r:bh.test", "x")
		return e.kind, e.code, e.errcode, e.status, e.retryable, e.message, e.hint, tostring(e), e.where`)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"matrix", "M_FORBIDDEN", "M_FORBIDDEN", "403", "false", "send_text as @_bh_echo:bh.test in !r:bh.test: not you", "invite @_bh_echo:bh.test",
		"echo.lua:1: M_FORBIDDEN (403): send_text as", "echo.lua:1"} {
		if i == 5 && !strings.Contains(out[i], "@_bh_echo:bh.test in !r:bh.test") || i != 5 && !strings.HasPrefix(out[i], want) {
			t.Errorf("%d: %q, want %q", i, out[i], want)
		}
	}
	wrapped := &intent.Error{Op: "ensure_joined", User: "@a:b", Room: "!r:b", Err: &matrix.Error{Status: 429, Code: "M_LIMIT_EXCEEDED", Message: "slow", RetryAfter: 5}}
	if e := ErrorOf(wrapped); !e.Retryable || e.RetryAfter != 5 || e.Status != 429 || strings.Count(e.Error(), "M_LIMIT_EXCEEDED") != 1 {
		t.Errorf("%+v", e)
	}
	if e := ErrorOf(&intent.Error{Op: "x", User: "@a:b", Message: "power level is not enough"}); e.Kind != "matrix" || e.Status != 0 || e.Retryable {
		t.Errorf("%+v", e)
	}
	if e := ErrorOf(context.DeadlineExceeded); e.Kind != "timeout" || !e.Retryable {
		t.Errorf("%+v", e)
	}
	if e := ErrorOf(errors.New("x")); e.Kind != "internal" {
		t.Errorf("%+v", e)
	}
}

func TestResultsOfTheIntent(t *testing.T) {
	for body, want := range map[string]string{
		`return intent.mxid, intent.localpart, intent.domain, intent.bot == nil`:                                                `@_bh_echo:bh.test _bh_echo bh.test true`,
		`local g = intent:user("@_bh_echo_a:bh.test"); return g.mxid, g.bot == intent, g == intent:user("@_bh_echo_a:bh.test")`: `@_bh_echo_a:bh.test true true`,
		`return intent:ensure_joined("!r:bh.test")`:                                                                             `false`,
		`return intent:join_room("#a:bh.test")`:                                                                                 `!r:bh.test`,
		`return intent:get_displayname("@a:bh.test")`:                                                                           `Al`,
		`return intent.api:request("GET", "/_matrix/x").displayname`:                                                            `Al`,
		`return intent:leave_room("!r:bh.test", "bye")`:                                                                         ``,
		`local s = intent.state_store; s:joined("!n:bh.test", "@a:b"); return s:is_joined("!n:bh.test", "@a:b"), s:get_membership("!n:bh.test", "@x:b"), s:is_encrypted("!n:bh.test")`:                                                                                                           `true leave nil`,
		`local s = intent.state_store; s:set_member("!n:bh.test", "@a:b", { membership = "invite", displayname = "A" }); return s:get_member("!n:bh.test", "@a:b").displayname, json.encode(s:get_members("!n:bh.test")), json.encode(s:get_members("!n:bh.test", { memberships = { "ban" } }))`: `A ["@a:b"] []`,
		`return intent.state_store:has_power_level("!r:bh.test", "@mod:bh.test", "m.room.topic"), intent.state_store:has_power_level("!r:bh.test", "@x:bh.test", "m.room.topic"), intent.state_store:has_power_level("!u:bh.test", "@x:bh.test", "m.room.topic")`:                                `true false nil`,
		`intent.log:warning("x"); return tostring(intent)`: `intent of @_bh_echo:bh.test`,
	} {
		if got := one(t, body); got != want {
			t.Errorf("%s\n= %q, want %q", body, got, want)
		}
	}
}

func TestEveryMethodOfTheIssueIsThere(t *testing.T) {
	for _, name := range strings.Fields(`ensure_registered ensure_joined send_message_event send_message send_text send_notice send_emote send_state_event
		invite_user join_room leave_room redact react create_room resolve_room_alias get_profile set_displayname set_typing mark_read get_power_levels get_room_members user`) {
		if !slices.ContainsFunc(intentClass.Functions, func(f *Function) bool { return f.Name == name }) {
			t.Errorf("intent:%s is missing", name)
		}
	}
}
