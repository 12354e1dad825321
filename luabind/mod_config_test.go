package luabind

import (
	"strings"
	"testing"

	"github.com/jonboulle/clockwork"
)

func TestConfigValues(t *testing.T) {
	b := newModBench(t, clockwork.NewRealClock(), map[string]any{
		"server": "irc.test", "ratio": 1.5, "channels": []any{"#lua", "#go"}, "wait": "1h30m",
		"rooms": map[string]any{"home/+": "!a:bh.test"}, "port": int64(7000),
	})
	b.mustLoad(`local bridge = require "bridge"
		local cfg = bridge.config {
			server = { type = "string", required = true }, port = { type = "integer", default = 6697, min = 1, max = 65535 },
			tls = { type = "boolean", default = true }, ratio = { type = "number" }, password = { type = "secret" },
			channels = { type = "list", of = "string", required = true }, invite = { type = "list", of = "mxid", default = {} },
			wait = { type = "duration", default = "5m" }, rooms = { type = "map", of = "room" }, pause = { type = "duration", default = "2m" },
		}
		print(cfg.server, cfg.port, cfg.tls, cfg.ratio, cfg.password, #cfg.channels, cfg.channels[2], #cfg.invite, cfg.wait, cfg.rooms["home/+"], cfg.pause)
		print(pcall(function() return cfg.sever end))
		print(pcall(function() cfg.sever = 1 end))`)
	for _, want := range []string{
		"irc.test\t7000\ttrue\t1.5\tnil\t2\t#go\t0\t5400\t!a:bh.test\t120",
		"the configuration has no key 'sever'; did you mean 'server'?", "the configuration cannot be changed by the script",
	} {
		if !strings.Contains(b.output(), want) {
			t.Errorf("not printed: %s in\n%s", want, b.output())
		}
	}
}

func TestConfigErrors(t *testing.T) {
	tests := []struct {
		name, schema string
		values       map[string]any
		want, hint   string
	}{
		{"all errors at once", `server = { type = "string", required = true, example = "irc.test", help = "where" }, port = { type = "integer", required = true }`, nil,
			"configuration of s: 'port' is missing (integer); 'server' is missing (string: where)",
			`add to bridgehost.toml, under [scripts.config.s]: port = 1   server = "irc.test"`},
		{"a wrong type shows what came", `port = { type = "integer" }`, map[string]any{"port": "abc"}, `'port': integer expected, got "abc"`, "mend it in bridgehost.toml"},
		{"a fraction is no integer", `port = { type = "integer" }`, map[string]any{"port": 1.5}, `'port': integer expected, got 1.5`, ""},
		{"bounds are told", `port = { type = "integer", min = 1, max = 65535 }`, map[string]any{"port": int64(0)}, `'port': integer from 1 to 65535 expected, got 0`, ""},
		{"an item of a list is named", `c = { type = "list", of = "mxid" }`, map[string]any{"c": []any{"@a:b", "x"}}, `'c': item 2: user ID expected, got "x"`, ""},
		{"an item of a map is named", `c = { type = "map", of = "room" }`, map[string]any{"c": map[string]any{"k": "x"}}, `'c': k: room ID or alias expected, got "x"`, ""},
		{"a secret is not shown", `c = { type = "secret" }`, map[string]any{"c": int64(123456)}, `'c': secret expected, got something else (not shown)`, ""},
		{"an enum lists its values", `c = { type = "string", enum = { "a", "b" } }`, map[string]any{"c": "x"}, `'c': one of a, b expected, got "x"`, ""},
		{"a url needs scheme and host", `c = { type = "url" }`, map[string]any{"c": "example"}, `'c': url expected, got "example"`, ""},
		{"a duration says how", `c = { type = "duration" }`, map[string]any{"c": "soon"}, `'c': duration (seconds, or "20s", "5m", "7d") expected, got "soon"`, ""},
		{"an unknown key is told with a suggestion", `server = { type = "string" }`, map[string]any{"sever": "x"}, `unknown key 'sever'; did you mean 'server'?`, ""},
		{"a wrong type name is the author's mistake", `c = { type = "strng" }`, nil, `bad schema: 'c' has the unknown type 'strng'; did you mean 'string'?`, ""},
		{"an unknown field too", `c = { type = "string", requird = true }`, nil, `bad schema: 'c' has an unknown field 'requird'; did you mean 'required'?`, ""},
		{"a default must fit", `c = { type = "integer", default = "x" }`, nil, `bad schema: the default of 'c' is wrong: integer expected, got "x"`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newModBench(t, clockwork.NewRealClock(), test.values)
			err := b.load(`local cfg = require("bridge").config { ` + test.schema + ` }`)
			if err == nil {
				t.Fatal("it loaded")
			}
			if !strings.Contains(err.Message, test.want) || !strings.Contains(err.Hint, test.hint) {
				t.Errorf("got %s\nhint %s\nwant %s\nhint %s", err.Message, err.Hint, test.want, test.hint)
			}
		})
	}
}

// Without a homeserver an alias stays open until a handler looks at it.
func TestConfigAliasIsResolvedLater(t *testing.T) {
	b := newModBench(t, clockwork.NewRealClock(), map[string]any{"room": "#a:bh.test"})
	b.mustLoad(`local bridge = require "bridge"
		local cfg = bridge.config { room = { type = "room", required = true } }
		bridge.on("load", function() print(select(2, bridge.try(function() return cfg.room end)).message) end)`)
	if !strings.Contains(b.output(), "there is no homeserver to ask") {
		t.Errorf("printed %q", b.output())
	}
}

// What errors show of the variables goes to logs and to rooms.
func TestSecretsAreNotAmongTheVariablesOfAnError(t *testing.T) {
	b := newModBench(t, clockwork.NewRealClock(), map[string]any{"server": "irc.test", "password": "hunter2", "keys": []any{"hunter2"}})
	err := b.load(`local bridge = require "bridge"
		local cfg = bridge.config { server = { type = "string" }, password = { type = "secret" }, keys = { type = "list", of = "secret" } }
		local x = nil
		print(x.y)`)
	if err == nil || len(err.Locals) == 0 {
		t.Fatalf("the error has no variables: %+v", err)
	}
	shown := ""
	for _, l := range err.Locals {
		shown += l.Name + " = " + l.Value + "\n"
	}
	if strings.Contains(shown, "hunter2") || strings.Count(shown, "(hidden)") != 2 || !strings.Contains(shown, "irc.test") {
		t.Errorf("shown:\n%s", shown)
	}
}
