package luabind

import (
	"fmt"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/matrix"
)

// testModule has one function for each form of arguments. Each answers what it was given.
var testModule = module("test.args", "Functions of the tests.")

type probeArgs struct {
	Room    matrix.RoomID `lua:"room_id" doc:"a room"`
	Count   int           `lua:"count" doc:"a number"`
	Cached  bool          `lua:"ignore_cache,opt" default:"true" doc:"an option"`
	Timeout int           `lua:"timeout,opt" default:"5000" doc:"an option"`
	List    []string      `lua:"allowed,opt" doc:"a list"`
	Extra   Map           `lua:"extra_content,opt" doc:"a map"`
	Bot     Opt[string]   `lua:"bot,opt" doc:"tells null apart"`
}

func show(_ *Call, a *probeArgs) (string, error) {
	return fmt.Sprintf("%s %d cached=%v timeout=%d list=%v extra=%s bot=%v", a.Room, a.Count, a.Cached, a.Timeout, a.List, a.Extra, a.Bot), nil
}

var (
	_ = fn(testModule, "probe", pure, never, "Answers its arguments.", show)
	_ = fn(testModule, "kinds", pure, never, "Answers its arguments.", func(_ *Call, a *struct {
		Duration time.Duration     `lua:"duration,opt" doc:"d"`
		Number   float64           `lua:"number,opt" doc:"d"`
		Bytes    []byte            `lua:"bytes,opt" doc:"d"`
		Either   RoomOrAlias       `lua:"either,opt" doc:"d"`
		Mode     string            `lua:"mode,opt" enum:"on|off" doc:"d"`
		Headers  map[string]string `lua:"headers,opt" doc:"d"`
		Content  Content           `lua:"content,opt" doc:"d"`
		Events   List              `lua:"events,opt" doc:"d"`
		Any      JSON              `lua:"any,opt" doc:"d"`
		Nested   *struct {
			Key string `lua:"key,opt" doc:"d"`
		} `lua:"nested,opt" doc:"d"`
	}) (string, error) {
		return fmt.Sprintf("%v|%v|%s|%s|%s|%v|%s|%s|%s|%v", a.Duration, a.Number, a.Bytes, a.Either, a.Mode, a.Headers, a.Content, a.Events, a.Any, a.Nested), nil
	})
	_ = fn(testModule, "middle", pure, never, "Answers its arguments.", func(_ *Call, a *struct {
		Name   string         `lua:"name" doc:"d"`
		Filter Filter         `lua:"filter,mid" doc:"d"`
		Fn     *lua.LFunction `lua:"fn" doc:"d"`
	}) (string, error) {
		return fmt.Sprintf("%s %s %v", a.Name, a.Filter.MsgType, a.Fn != nil), nil
	})
	_ = fn(testModule, "table", pure, never, "Answers its arguments.", func(_ *Call, a *struct {
		Host string `lua:"host" doc:"d"`
		Port int    `lua:"port,opt" default:"6697" doc:"d"`
	}) (string, error) {
		return fmt.Sprintf("%s:%d", a.Host, a.Port), nil
	}, tableArg)
	_ = fn(testModule, "rest", pure, never, "Answers its arguments.", func(_ *Call, a *struct {
		First string       `lua:"first" doc:"d"`
		Rest  []lua.LValue `lua:"...,rest" doc:"d"`
	}) (int, error) {
		return len(a.Rest), nil
	})
)

func TestArgumentsByPositionAndByName(t *testing.T) {
	const room = `"!r:bh.test", 3`
	for call, want := range map[string]string{
		`t.probe(` + room + `)`:                                        `cached=true timeout=5000 list=[] extra= bot={ false false}`,
		`t.probe(` + room + `, nil, nil)`:                              `cached=true timeout=5000`,
		`t.probe(` + room + `, {})`:                                    `cached=true timeout=5000`,
		`t.probe(` + room + `, { ignore_cache = false })`:              `cached=false timeout=5000`,
		`t.probe(` + room + `, false, 7)`:                              `cached=false timeout=7`,
		`t.probe(` + room + `, nil, 7)`:                                `cached=true timeout=7`,
		`t.probe(` + room + `, false, { timeout = 9 })`:                `cached=false timeout=9`,
		`t.probe(` + room + `, false, 7, { "a", "b" })`:                `list=[a b]`,
		`t.probe(` + room + `, false, 7, json.array{})`:                `list=[]`,
		`t.probe(` + room + `, { allowed = { "join" } })`:              `list=[join]`,
		`t.probe(` + room + `, { extra_content = { b = 1, a = {} } })`: `extra={"a":{},"b":1}`,
		`t.probe(` + room + `, { timeout = json.null })`:               `timeout=0`,
		`t.probe(` + room + `, { bot = json.null })`:                   `bot={ true true}`,
		`t.probe(` + room + `, { bot = "x" })`:                         `bot={x true false}`,
		`t.middle("n", function() end)`:                                `n  true`,
		`t.middle("n", nil, function() end)`:                           `n  true`,
		`t.middle("n", { msgtype = "m.text" }, function() end)`:        `n m.text true`,
		`t.table{ host = "h" }`:                                        `h:6697`,
		`t.table{ host = "h", port = 1 }`:                              `h:1`,
		`t.rest("a")`:                                                  `0`,
		`t.rest("a", nil, 2, nil)`:                                     `3`,
	} {
		if got := one(t, "return "+call); !strings.Contains(got, want) {
			t.Errorf("%s = %q, want %q in it", call, got, want)
		}
	}
}

func TestKindsOfArguments(t *testing.T) {
	for option, want := range map[string]string{
		`duration = 1.5`:                     `1.5s|`,
		`duration = "7d"`:                    `168h0m0s|`,
		`duration = "1d2h30m"`:               `26h30m0s|`,
		`number = 0.5`:                       `|0.5|`,
		`bytes = "\0\255"`:                   "|\x00\xff|",
		`either = "#a:b"`:                    `|#a:b|`,
		`mode = "off"`:                       `|off|`,
		`headers = { a = "b", n = 1 }`:       `|map[a:b n:1]|`,
		`content = "hi"`:                     `|{"body":"hi","msgtype":"m.text"}|`,
		`content = {}`:                       `|{}|`,
		`content = { z = 1, a = json.null }`: `|{"a":null,"z":1}|`,
		`events = {}`:                        `|[]|`,
		`any = json.null`:                    `|null|`,
		`any = {}`:                           `|{}|`,
		`nested = { key = "k" }`:             `|&{k}`,
	} {
		if got := one(t, "return t.kinds{ "+option+" }"); !strings.Contains(got, want) {
			t.Errorf("%s = %q, want %q in it", option, got, want)
		}
	}
}

func TestWrongArgumentsNameThemselves(t *testing.T) {
	s, _ := newScript(t)
	for call, want := range map[string]string{
		`intent:ensure_joined(nil)`:                                      `bad argument #1 'room_id' to 'ensure_joined' (room ID expected, got nil)`,
		`intent:ensure_joined()`:                                         `bad argument #1 'room_id' to 'ensure_joined' (room ID expected, got nil)`,
		`intent:ensure_joined({})`:                                       `(room ID expected, got table)`,
		`intent:ensure_joined("")`:                                       `(room ID expected, got an empty string)`,
		`intent:send_text("@a:b", "x")`:                                  `(room ID expected, got "@a:b")`,
		`intent:send_text(json.null, "x")`:                               `(room ID expected, got json.null)`,
		`intent:send_text(intent, "x")`:                                  `(room ID expected, got intent)`,
		`intent:set_typing("!r:b", { timeout = "5" })`:                   `bad option 'timeout' to 'set_typing' (number expected, got string)`,
		`intent:ensure_joined("!r:b", { ignore_cach = true })`:           `unknown option 'ignore_cach' to 'ensure_joined'; did you mean 'ignore_cache'?`,
		`intent:ensure_joined("!r:b", { bot = "x" })`:                    `bad option 'bot' to 'ensure_joined' (intent expected, got string)`,
		`intent:invite_user("!r:b", "x")`:                                `bad argument #2 'user_id' to 'invite_user' (user ID expected, got "x")`,
		`intent.send_text("!r:b", "x")`:                                  `'send_text' is a method: it must be called with a colon`,
		`intent:send_mesage("!r:b", "x")`:                                `intent has no method 'send_mesage'; did you mean 'send_message'?`,
		`intent.mxi = 1`:                                                 `intent cannot be changed`,
		`t.prob()`:                                                       `test.args has no function 'prob'; did you mean 'probe'?`,
		`t.probe("!r:b", 1.5)`:                                           `bad argument #2 'count' to 'probe' (integer expected, got 1.5)`,
		`t.probe("!r:b", 2^60)`:                                          `which is out of range`,
		`t.probe("!r:b", 0/0)`:                                           `(integer expected, got nan)`,
		`t.probe("!r:b", 1, true, 1, {"a"}, {}, "b", 8)`:                 `too many arguments to 'probe'`,
		`t.probe("!r:b", 1, true, { timeout = 1, ignore_cache = true })`: `given twice: by position and by name`,
		`t.probe("!r:b", 1, { allowed = { "a", nil, "b" } })`:            `list expected`,
		`t.probe("!r:b", 1, { allowed = { a = 1 } })`:                    `list expected, got a table with the key a`,
		`t.probe("!r:b", 1, { extra_content = { f = print } })`:          `a function cannot be written as JSON at .f`,
		`t.kinds{ mode = "of" }`:                                         `bad option 'mode' to 'kinds' (one of "on", "off" expected, got "of")`,
		`t.kinds{ duration = "soon" }`:                                   `duration expected (seconds, or "20s"`,
		`t.kinds{ duration = -1 }`:                                       `duration expected`,
		`t.kinds{ nested = { kei = 1 } }`:                                `unknown field 'kei'; did you mean 'key'?`,
		`t.middle("n", { msgtyp = "x" }, print)`:                         `bad argument #2 'filter' to 'middle' (unknown field 'msgtyp'; did you mean 'msgtype'?)`,
		`t.middle("n")`:                                                  `bad argument #2 'fn' to 'middle' (function expected, got nil)`,
		`t.table{}`:                                                      `bad field 'host' to 'table' (string expected, got nil)`,
		`t.table("h")`:                                                   `(table expected, got string)`,
		`t.table{ host = "h", prot = 1 }`:                                `unknown field 'prot' to 'table'; did you mean 'port'?`,
	} {
		_, err := runLua(t, s, call)
		if err == nil || err.Kind != "usage" || !strings.Contains(err.Message, want) {
			t.Errorf("%s\n raised %v\n want   %s", call, err, want)
		} else if !strings.HasPrefix(err.Where, "echo.lua:1") {
			t.Errorf("%s: where = %q", call, err.Where)
		}
	}
}

func TestNothingLeavesAWrongCall(t *testing.T) {
	s, hs := newScript(t)
	if _, err := runLua(t, s, `intent:send_text("!r:bh.test", "x", { texst = 1 })`); err == nil {
		t.Fatal("no error")
	}
	if len(hs.requests) != 0 {
		t.Errorf("requests: %v", hs.requests)
	}
}

func TestEverythingDeclaredIsDocumented(t *testing.T) {
	var check func(f string, args []*Arg)
	check = func(f string, args []*Arg) {
		for _, a := range args {
			if a.Doc == "" || a.Type == "" {
				t.Errorf("%s: argument %s has no documentation or type", f, a.Name)
			}
			check(f+"."+a.Name, a.Fields)
		}
	}
	for _, f := range Functions() {
		if f.Doc == "" || !f.Need.Valid() {
			t.Errorf("%s: no documentation, or no capability", f.FullName())
		}
		check(f.FullName(), f.Args)
		if f.Rest != nil && f.Rest.Doc == "" {
			t.Errorf("%s: its further arguments are not documented", f.FullName())
		}
	}
	for _, g := range Groups() {
		if g.Doc == "" {
			t.Errorf("%s has no documentation", g.Name)
		}
		for _, f := range g.Fields {
			if f.Doc == "" || f.Type == "" {
				t.Errorf("%s.%s: no documentation or type", g.Name, f.Name)
			}
		}
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{"20s": 20 * time.Second, "5m": 5 * time.Minute, "7d": 168 * time.Hour,
		"2h30m": 150 * time.Minute, "1.5": 1500 * time.Millisecond, "0.5d": 12 * time.Hour} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%s = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "-1s", "-1", "NaN", "1e300", "d", "3days", "1e400d"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q = %v, want an error", text, got)
		}
	}
}
