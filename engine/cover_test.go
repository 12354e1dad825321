package engine

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"bridgehost/diag"
)

// expected are the runs that a source says of its own lines: "-- 2" at the end of one.
func expected(source string) string {
	end := regexp.MustCompile(`-- (\d+)$`)
	var want []string
	for i, line := range strings.Split(source, "\n") {
		if m := end.FindStringSubmatch(line); m != nil {
			want = append(want, fmt.Sprintf("%d:%s", i+1, m[1]))
		}
	}
	return strings.Join(want, " ")
}

func covered(c *Coverage) map[string]string {
	got := map[string]string{}
	for _, f := range c.Files() {
		var lines []string
		for _, l := range f.Lines {
			lines = append(lines, fmt.Sprintf("%d:%d", l.Line, l.Runs))
		}
		got[f.File] = strings.Join(lines, " ")
	}
	return got
}

func loadCovered(t *testing.T, c *Coverage, source string, more ...string) {
	t.Helper()
	vm := newVM(t, Config{Program: compile(t, source, more...), Cover: c})
	if err := vm.Load(t.Context()); err != nil {
		t.Fatal(diag.Render(err, vm.cfg.Program, diag.Options{}))
	}
	vm.Close()
}

func TestCoverageCountsLines(t *testing.T) {
	for name, source := range map[string]string{
		"branches": `
local function sign(n)      -- 1
  if n < 0 then             -- 2
    return "minus"          -- 0
  elseif n > 0 then         -- 2
    return "plus"           -- 2
  else
    return "zero"           -- 0
  end
end
sign(1)                     -- 1
sign(2)                     -- 1`,
		"loops": `
for i = 1, 3 do             -- 4
  local x = i               -- 3
end
for _ in pairs({}) do       -- 1
  local y = 1               -- 0
end
while true do
  local z = 1               -- 1
  break                     -- 1
end
repeat
  local w = 1               -- 1
until w                     -- 1`,
		"an end that is not reached is no line": `
local function f()          -- 1
  do return 1 end           -- 1
end
f()                         -- 1`,
		"what a closure keeps does not matter": `
local a, b = 1, 2           -- 1
local function f()          -- 1
  return a + b              -- 0
end
return f                    -- 1`,
		"protected calls, coroutines and callbacks": `
local function boom()       -- 1
  error("x")                -- 1
  print("never")            -- 0
end
pcall(boom)                 -- 1
local co = coroutine.wrap(function()   -- 1
  coroutine.yield(1)        -- 1
  coroutine.yield(2)        -- 1
  coroutine.yield(3)        -- 0
end)
co() co()                   -- 1
table.sort({ 1, 2 }, function(x, y)    -- 1
  return x < y              -- 2
end)
string.gsub("ab", ".", function(c)      -- 1
  return c                  -- 2
end)`,
	} {
		c := NewCoverage()
		loadCovered(t, c, source)
		if got := covered(c)["main.lua"]; got != expected(source) {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, expected(source))
		}
	}
}

func TestCoverageIsOfAllFilesAndManyVMs(t *testing.T) {
	c := NewCoverage()
	main, lib, other := "require('lib')()", "return function()\n  return 1\nend", "print(1)"
	for range 3 {
		loadCovered(t, c, main, "lib.lua", lib, "other.lua", other)
	}
	loadCovered(t, c, main, "lib.lua", "return function() end", "other.lua", other) // its lines are others
	want := map[string]string{"main.lua": "1:4", "lib.lua": "1:3 2:3", "other.lua": "1:0"}
	if got := covered(c); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCoverageLeavesChunksOut(t *testing.T) {
	c := NewCoverage()
	loadCovered(t, c, `loadstring("local x = 1\nlocal y = 2", "main.lua")()`)
	if got := covered(c)["main.lua"]; got != "1:1" {
		t.Errorf("got %s", got)
	}
}

func TestCoverageKeepsBudgets(t *testing.T) {
	now := time.Now()
	vm := newVM(t, Config{Program: compile(t, "while true do pcall(function() end) end"), Cover: NewCoverage(),
		Limits: Limits{CPU: time.Second}, Computing: func() time.Time { now = now.Add(100 * time.Millisecond); return now }})
	if err := vm.Load(context.Background()); err == nil || err.Code != "E_CPU" {
		t.Errorf("ended with %v", err)
	}
}
