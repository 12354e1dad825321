// Package specs tests `bridgehost test`: the specs of the examples, that they say the same
// each time, and what they say about scripts that are wrong.
package specs

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"bridgehost/internal/host"
)

var update = flag.Bool("update", false, "write the golden texts anew")

const examples = "../../scripts/examples"

// run runs specs as the command does.
func run(t *testing.T, args ...string) (text string, err error) {
	t.Helper()
	var out strings.Builder
	o := host.TestOptions{Args: args, Out: &out, Log: hclog.NewNullLogger()}
	err = host.Test(t.Context(), o)
	if err != nil && !errors.Is(err, host.ErrShown) {
		t.Fatal(err)
	}
	return out.String(), err
}

func TestSpecsOfTheExamplesPass(t *testing.T) {
	text, err := run(t, examples)
	if err != nil {
		t.Errorf("%s", text)
	}
	t.Log(text)
}

// TestSpecSaysTheSameEachTime runs the spec of irc.lua again and again.
func TestSpecSaysTheSameEachTime(t *testing.T) {
	for n := range 25 {
		if text, err := run(t, filepath.Join(examples, "irc")); err != nil || !strings.Contains(text, "4 passed") {
			t.Fatalf("run %d: %s", n+1, text)
		}
	}
}

// TestBrokenScriptFailsReadably breaks irc.lua in five ways and holds what its spec says.
func TestBrokenScriptFailsReadably(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(examples, "irc", "irc.lua"))
	if err != nil {
		t.Fatal(err)
	}
	spec, err := os.ReadFile(filepath.Join(examples, "irc", "irc_spec.lua"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, from, to string }{
		{"a misspelt method", "ghost:send_text(room, text)", "ghost:send_txt(room, text)"},
		{"the nick is not cut out of the prefix", `prefix:match("^[^!]+")`, "prefix"},
		{"no socket is kept over a reload", `bridge.keep("socket", function()`, `(function(_, open) return open(), true end)("socket", function()`},
		{"a failed delivery is not said", `return evt:fail("not delivered to IRC: " .. tostring(err))`, "return"},
		{"the service does not fail when the server hangs up", `error("the server closed the connection")`, "bridge.sleep(\"1h\")"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			broken := strings.Replace(string(source), c.from, c.to, 1)
			if broken == string(source) {
				t.Fatalf("irc.lua does not hold %q", c.from)
			}
			for name, text := range map[string]string{"irc.lua": broken, "irc_spec.lua": string(spec)} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			text, err := run(t, dir)
			if err == nil {
				t.Fatal("the spec passes")
			}
			golden(t, c.name, normal(text, dir))
		})
	}
}

// variable are ids and times, which differ from run to run.
var variable = []struct {
	from *regexp.Regexp
	to   string
}{
	{regexp.MustCompile(`in [\d.]+ ?(ms|µs|s) \(`), "in TIME ("},
	{regexp.MustCompile(`\$[A-Za-z0-9_-]{43}`), "$$EVENT"},
	{regexp.MustCompile(`![A-Za-z0-9_-]{36,}(\.\.\.)?`), "!ROOM"},
	{regexp.MustCompile(`#_bh_irc_p_[a-z0-9]+`), "#ALIAS"},
	{regexp.MustCompile(` +\n`), "\n"},
}

func normal(text, dir string) string {
	text = strings.ReplaceAll(text, dir+string(filepath.Separator), "")
	for _, v := range variable {
		text = v.from.ReplaceAllString(text, v.to)
	}
	return text
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s (write it anew with -update):\n%s", path, got)
	}
}

// TestSpecItselfIsWrong holds what is said about mistakes in specs.
func TestSpecItselfIsWrong(t *testing.T) {
	for _, c := range []struct{ name, spec, want string }{
		{"no sentence", `require "bridge.test"`, "there is no t.it in it"},
		{"syntax", "local t = (", "x_spec.lua:1: unexpected symbol near end of file"},
		{"outside of a sentence", `local t = require "bridge.test" t.load("x.lua")`, "t.load was called outside of a sentence"},
		{"misspelt function", `local t = require "bridge.test" t.descibe("x", function() end)`, "did you mean 'describe'"},
		{"no such script", `local t = require "bridge.test" t.it("x", function() t.load("x.lua") end)`, "there is no script at"},
		{"script with a mistake", `local t = require "bridge.test"
t.it("x", function() t.load("bad.lua") end)`, "bad.lua:1: unknown global 'nothing'"},
		{"tables that differ", `local t = require "bridge.test"
t.it("x", function() t.eq({ a = { 1 } }, { a = { 2 } }) end)`, `x_spec.lua:2: got {"a":[1]}, expected {"a":[2]}`},
		{"no error where one is expected", `local t = require "bridge.test"
t.it("x", function() t.raises(function() end) end)`, "expected to raise"},
		{"hook outside", `local t = require "bridge.test" t.before_each(function() end)`, "t.before_each stands inside of t.describe"},
		{"answers itself", `local t = require "bridge.test"
t.it("x", function() local a = t.load("self.lua"):user("a") a:say(a:room(), "go") end)`, "without any time passing"},
		{"what follows a sentence that failed", `local t = require "bridge.test"
t.describe("d", function() t.after_each(function() print("cleaned up") end) t.it("x", function() error("no") end) end)`, "cleaned up"},
		{"mistake in the first of two scripts", `local t = require "bridge.test"
t.it("x", function() local a = t.load("handler.lua"):user("a") t.load("self.lua") a:say(a:room(), "go") end)`, "handler.lua:2: attempt to index"},
		{"mistake in a handler", `local t = require "bridge.test"
t.it("x", function() local a = t.load("handler.lua"):user("a") a:say(a:room(), "go") end)`, "handler.lua:2: attempt to index"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			const invite = `local bridge = require "bridge" bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)` + "\n"
			for name, text := range map[string]string{"x_spec.lua": c.spec, "bad.lua": "print(nothing.x)",
				"self.lua":    invite + `bridge.on("message", { own = true }, function(evt) intent:send_text(evt.room_id, "again") end)`,
				"handler.lua": invite + `bridge.on("message", function(evt) local x print(x.y) end)`} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if text, err := run(t, dir); err == nil || !strings.Contains(text, c.want) {
				t.Errorf("want %q, got (%v):\n%s", c.want, err, text)
			}
		})
	}
}

// TestEndedRunStopsBetweenSentences: Ctrl-C.
func TestEndedRunStopsBetweenSentences(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out strings.Builder
	if err := host.Test(ctx, host.TestOptions{Args: []string{examples}, Out: &out, Log: hclog.NewNullLogger()}); err != nil {
		t.Error(err)
	}
	if strings.Contains(out.String(), "passed") {
		t.Errorf("ran on:\n%s", out.String())
	}
}

// TestTheManualsExamplePasses runs the script and the spec of docs/testing.md.
func TestTheManualsExamplePasses(t *testing.T) {
	text, err := os.ReadFile("../../docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, block := range regexp.MustCompile("(?s)```lua\n-- (\\w+\\.lua)\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if err := os.WriteFile(filepath.Join(dir, block[1]), []byte(block[2]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := run(t, dir); err != nil || !strings.Contains(got, "3 passed") || !strings.Contains(got, "(virtual time 10 min)") {
		t.Errorf("%v\n%s", err, got)
	}
}
