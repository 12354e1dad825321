package engine

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"bridgehost/diag"
)

const consoleScript = `
local counter = 0
local codec = { encode = function(s) return "<" .. s .. ">" end }
local unseen = 1
on("message", function(e) counter = counter + 1; print(codec.encode(e)) end)
`

func newConsole(t *testing.T, text string) (*bench, *Console) {
	b := newBench(t)
	b.start(text)
	return b, b.script.NewConsole()
}

func TestConsoleShowsValues(t *testing.T) {
	_, c := newConsole(t, "local t = setmetatable({}, {__index = function() return 1 end})")
	for _, v := range []struct{ typed, want string }{
		{`1 + 1`, `2`},
		{`"a\n\"b\"\0é"`, `"a\n\"b\"\000é"`},
		{`{1, "x", {a = true}}`, `{ 1, "x", { a = true } }`},
		{`{["a b"] = 1, ["end"] = 2, [7] = 3}`, `{ [7] = 3, ["a b"] = 1, ["end"] = 2 }`},
		{`nil, "gone"`, `nil, "gone"`},
		{`return 3`, `3`},
		{`x = 5`, ``},
		{`x, x + 1`, `5, 6`},
		{`for i = 1, 2 do print(i, "a") end`, "1\ta\n2\ta\n"},
		{`(function() end)()`, ``},
		{`loop = {}; loop.me = loop; return loop`, `{ me = { … } }`},
		{`{{{{{{{1}}}}}}}`, `{ { { { { {…} } } } } }`},
		{`  -- nothing`, ``},
		{``, ``},
	} {
		got := c.Eval(t.Context(), v.typed, true)
		if got.Err != nil || got.Printed+got.Results != v.want {
			t.Errorf("%s: %q%q (%v), want %q", v.typed, got.Printed, got.Results, got.Err, v.want)
		}
	}
	long := c.Eval(t.Context(), `local t = {}; for i = 1, 1000 do t[i] = ("x"):rep(10000) end; return t`, true)
	if n := len(long.Results); n > 4*displayBytes || !strings.Contains(long.Results, "…") || !strings.Contains(long.Results, "(10000 bytes)") {
		t.Errorf("a large table is shown in %d bytes", n)
	}
	if much := c.Eval(t.Context(), `for i = 1, 1e5 do print(i) end`, true); len(much.Printed) > consolePrintMost+10 || !strings.HasSuffix(much.Printed, "…\n") {
		t.Errorf("%d bytes were printed", len(much.Printed))
	}
}

func TestConsoleReadsTheScript(t *testing.T) {
	b, c := newConsole(t, consoleScript)
	b.event("!r", "message a")
	b.printed("<message a>")
	b.script.Quiet()
	for _, v := range []struct{ typed, want string }{
		{`counter`, `1`},
		{`codec.encode("x")`, `"<x>"`},
		{`counter = 10`, ``},
		{`counter`, `10`}, // the console's own from now on
	} {
		if got := c.Eval(t.Context(), v.typed, true); got.Err != nil || got.Results != v.want {
			t.Errorf("%s: %q (%v), want %q", v.typed, got.Results, got.Err, v.want)
		}
	}
	if got := c.Eval(t.Context(), `unseen`, true); got.Err == nil || !strings.Contains(got.Err.Message, "unknown global 'unseen'") {
		t.Errorf("a local that nothing holds: %q, %v", got.Results, got.Err)
	}
	b.event("!r", "message b")
	b.printed("<message b>")
	if got := b.script.NewConsole().Eval(t.Context(), `counter`, true); got.Results != "2" {
		t.Errorf("the script's counter is %s", got.Results)
	}
}

func TestConsoleTellsOfErrors(t *testing.T) {
	_, c := newConsole(t, consoleScript)
	got := c.Eval(t.Context(), "local a\nreturn a.b", true)
	text := diag.Render(got.Err, diag.Files(got.Sources), diag.Options{})
	if got.Err == nil || !strings.HasPrefix(text, "error: console:2: attempt to index local 'a' (a nil value)") || !strings.Contains(text, "return a.b") {
		t.Errorf("a run-time error:\n%s", text)
	}
	if got := c.Eval(t.Context(), "x = = 2", true); got.Err == nil || !strings.HasPrefix(got.Err.Error(), "console:1:") {
		t.Errorf("a syntax error: %v", got.Err)
	}
	if got := c.Eval(t.Context(), `on("message", function() end)`, true); got.Err == nil || got.Err.Code != "E_TOP_LEVEL" {
		t.Errorf("a declaration: %v", got.Err)
	}
	if got := c.Eval(t.Context(), `1`, true); got.Results != "1" {
		t.Errorf("after all that: %v", got.Err)
	}
}

func TestConsoleAsksForMore(t *testing.T) {
	_, c := newConsole(t, "")
	for _, text := range []string{"for i = 1, 2 do", "f(1,", "x = ", "1 +", "[[ab", "function f()\n  if x then"} {
		if got := c.Eval(t.Context(), text, false); !got.More || got.Err != nil {
			t.Errorf("%q: %+v", text, got)
		}
		if got := c.Eval(t.Context(), text, true); got.More || got.Err == nil {
			t.Errorf("%q, and that is all: %+v", text, got)
		}
	}
	for _, text := range []string{"x = 1", "end", "1 )", "'abc"} {
		if got := c.Eval(t.Context(), text, false); got.More {
			t.Errorf("%q is not complete?", text)
		}
	}
}

func TestConsoleFollowsAReload(t *testing.T) {
	b, c := newConsole(t, `local v = "one"; on("message", function() print(v) end)`)
	if got := c.Eval(t.Context(), "mine = 1; return v", true); got.Generation != 1 || got.Results != `"one"` {
		t.Errorf("%+v", got)
	}
	if err := b.save(`local v = "two"; on("message", function() print(v) end)`); err != nil {
		t.Fatal(err)
	}
	if got := c.Eval(t.Context(), "v", true); got.Generation != 2 || got.Results != `"two"` || !got.Fresh {
		t.Errorf("%+v", got)
	}
	if got := c.Eval(t.Context(), "mine", true); got.Err == nil || got.Fresh {
		t.Errorf("a variable of a generation that is gone: %+v", got)
	}
}

func TestConsoleEndsWithItsCaller(t *testing.T) {
	_, c := newConsole(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan Evaluated)
	go func() { done <- c.Eval(ctx, "input()", true) }()
	cancel()
	if got := <-done; got.Err == nil || got.Err.Kind != diag.KindStopping {
		t.Errorf("%+v", got)
	}
	if got := newBench(t).script.NewConsole().Eval(t.Context(), "1", true); got.Err == nil || !strings.Contains(got.Err.Message, "nothing of s runs") {
		t.Errorf("without a generation: %+v", got)
	}
}

func TestConsoleCompletes(t *testing.T) {
	_, c := newConsole(t, consoleScript)
	c.Eval(t.Context(), `mine = { alpha = 1, beta = function() end }`, true)
	for _, v := range []struct {
		text  string
		start int
		want  string
	}{
		{"cod", 0, "[codec]"},
		{"1 + coun", 4, "[counter]"},
		{"codec.e", 6, "[encode]"},
		{"mine.", 5, "[alpha beta]"},
		{"mine:", 5, "[beta]"},
		{"x = min", 4, "[mine]"},
		{"table.ins", 6, "[insert]"},
		{"nothing.at.all", 11, "[]"},
		{"(", 1, "[]"},
		{"", 0, "[]"},
	} {
		if start, names := c.Complete(t.Context(), v.text); start != v.start || fmt.Sprint(names) != v.want {
			t.Errorf("%q: %d %v, want %d %s", v.text, start, names, v.start, v.want)
		}
	}
}

func FuzzConsole(f *testing.F) {
	for _, s := range []string{"1", "x = {", `"a`, "a.b:", `require "br`, "\x00", "return"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		_, failed, more := compileConsole(s)
		if more && failed == nil {
			t.Error("incomplete without an error")
		}
		if at := trailing.FindStringIndex(s); at != nil && len(parts.FindAllString(s[at[0]:], -1)) == 0 {
			t.Error("a name without words")
		}
		_ = quote(s)
	})
}
