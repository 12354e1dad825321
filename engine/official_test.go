package engine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// leftOut says, by file, which lines of the module's Lua tests are not run and why: a
// range of lines, the lines that contain a text, or "" for the whole file. These are
// things that scripts do not have, or that gopher-lua itself lacks.
var leftOut = map[string][][2]string{
	"_lua5.1-tests/all.lua":        {{"", "runs the other files by dofile"}},
	"_lua5.1-tests/attrib.lua":     {{"", "tests package.*, which scripts do not have"}},
	"_lua5.1-tests/big.lua":        {{"", "needs strings of 100 MB and more; ours end at 16 MiB"}},
	"_lua5.1-tests/db.lua":         {{"", "tests debug.*, which scripts do not have"}},
	"_lua5.1-tests/errors.lua":     {{"", "PUC's syntax error texts; ours are tested in engine/luasrc"}},
	"_lua5.1-tests/files.lua":      {{"", "tests io.*, which scripts do not have"}},
	"_lua5.1-tests/gc.lua":         {{"", "tests collectgarbage, weak tables and __gc"}},
	"_lua5.1-tests/main.lua":       {{"", "tests the stand-alone lua by os.execute"}},
	"_lua5.1-tests/verybig.lua":    {{"", "writes a file by io and loads it by dofile"}},
	"_lua5.1-tests/calls.lua":      {{"deep(200)", "200 calls are the limit of one protected call"}, {"226-288", "load, debug"}},
	"_lua5.1-tests/closure.lua":    {{"164-179", "setfenv, getfenv"}, {"debug.getinfo", "debug"}, {"413-422", "getfenv, debug.setfenv"}},
	"_lua5.1-tests/constructs.lua": {{"debug.getinfo", "debug"}},
	"_lua5.1-tests/events.lua":     {{"5-5", "setfenv"}, {"9-14", "setfenv"}, {"getfenv", "getfenv"}, {"setfenv(1, setmetatable({}, {__index=function", "setfenv"}, {"330-361", "debug.setmetatable on numbers and nil"}},
	"_lua5.1-tests/literals.lua":   {{"112-112", "debug"}, {"115-119", "debug"}, {"161-173", "os.setlocale"}},
	"_lua5.1-tests/locals.lua":     {{"55-83", "setfenv, getfenv"}},
	"_lua5.1-tests/math.lua":       {{"126-144", "io"}, {"164-165", "needs T, the internal tests of PUC Lua"}},
	"_lua5.1-tests/nextvar.lua":    {{"234-247", "setfenv, getfenv"}, {"371-371", "gopher-lua takes no strings as bounds of a for loop"}},
	"_glua-tests/base.lua":         {{"", "mostly dofile, load, getfenv, setfenv and their texts"}},
	"_glua-tests/issues.lua":       {{"71-115", "debug.traceback"}, {"474-496", "io"}},
	"_glua-tests/strings.lua":      {{"7-7", "%c in a replacement: an error in ours, as in Lua 5.2"}},
	"_lua5.1-tests/strings.lua":    {{"144-168", "os.setlocale"}},
	"_glua-tests/db.lua":           {{"", "tests debug.*, which scripts do not have"}},
	"_glua-tests/os.lua":           {{"", "tests os.execute, getenv, rename, which scripts do not have"}},
}

// stockText is how gopher-lua's own tests expect its own error texts. Ours are Lua
// 5.1's, so that it failed is what counts.
var stockText = regexp.MustCompile(`assert\(not ok and string\.find\(msg, .*\)\)$`)

// bigLib gives the official tests what they use of a stand-alone Lua.
type bigLib struct{}

func (bigLib) Open(vm *VM) {
	vm.SetGlobal("collectgarbage", vm.L.NewFunction(func(L *lua.LState) int { L.Push(lua.LNumber(0)); return 1 }))
	vm.SetGlobal("gcinfo", vm.L.NewFunction(func(L *lua.LState) int { L.Push(lua.LNumber(0)); return 1 }))
}

func TestOfficialLuaTests(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/yuin/gopher-lua").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := strings.TrimSpace(string(out))
	var files []string
	for _, part := range []string{"_lua5.1-tests", "_glua-tests"} {
		found, _ := filepath.Glob(filepath.Join(dir, part, "*.lua"))
		sort.Strings(found)
		files = append(files, found...)
	}
	if len(files) < 30 {
		t.Fatalf("only %d files in %s", len(files), dir)
	}
	passed, whole, lines, wording := 0, 0, 0, 0
	for _, file := range files {
		name := filepath.Join(filepath.Base(filepath.Dir(file)), filepath.Base(file))
		t.Run(name, func(t *testing.T) {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.ReplaceAll(string(source), "\r\n", "\n")
			if strings.HasPrefix(name, "_glua-tests") {
				for _, l := range strings.Split(text, "\n") {
					if stockText.MatchString(l) {
						wording++
						text = strings.Replace(text, l, stockText.ReplaceAllString(l, "assert(not ok)"), 1)
					}
				}
			}
			for _, l := range leftOut[name] {
				if l[0] == "" {
					whole++
					t.Skip("left out: " + l[1])
				}
				var n int
				if text, n = blank(text, l[0]); n == 0 {
					t.Errorf("nothing to leave out: %q", l[0])
				}
				lines += n
			}
			p, cerr := Compile("official", "main.lua", map[string]string{"main.lua": text})
			if cerr != nil {
				t.Fatal(cerr)
			}
			vm := newVM(t, Config{Program: p, Library: bigLib{}, Lenient: true, Print: func(string) {}, Limits: Limits{CPU: 2 * time.Minute, Load: 3 * time.Minute}})
			if err := vm.Load(context.Background()); err != nil {
				t.Fatalf("%v\n%v", err, err.Trace)
			}
			passed++
		})
	}
	t.Logf("%d of %d files run to their end, %d are left out, of the others %d lines; in %d lines only gopher-lua's wording is not compared", passed, len(files), whole, lines, wording)
}

// blank empties the lines that contain what, or, for "from … to …", those between.
func blank(text, what string) (string, int) {
	lines := strings.Split(text, "\n")
	n := 0
	var from, to int
	if _, err := fmt.Sscanf(what, "%d-%d", &from, &to); err == nil {
		for i := from; i <= to && i <= len(lines); i++ {
			lines[i-1] = ""
			n++
		}
		return strings.Join(lines, "\n"), n
	}
	for i, l := range lines {
		if strings.Contains(l, what) {
			lines[i] = ""
			n++
		}
	}
	return strings.Join(lines, "\n"), n
}
