// Package reload tests hot reload as a whole: the program, its database and a homeserver.
package reload

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bridgehost/spec/bridgetest"
)

// version is a script that says which version loaded.
func version(n string) string {
	return fmt.Sprintf(`local bridge = require "bridge"
local log = require "bridge.log"
bridge.on("load", function() log.info("version %s runs") end)
`, n)
}

// life saves, waits and asks, with the program and its database.
type life struct {
	*bridgetest.Host
	t *testing.T
}

func newLife(t *testing.T, more string) life {
	return life{bridgetest.NewHost(t, bridgetest.NewDevserver(t), more), t}
}

// saves writes a file of the script and returns when the log says one of messages.
func (l life) saves(name, text string, messages ...string) {
	l.t.Helper()
	since := len(l.Log())
	l.Save(l.t, name, text)
	l.WaitLog(l.t, since, messages...)
}

// runs checks which generation runs, and what status says of it.
func (l life) runs(script string, generation int, note string) {
	l.t.Helper()
	st := l.Status(l.t, script)
	if st.Generation != generation {
		l.t.Errorf("%s: generation %d runs, want %d", script, st.Generation, generation)
	}
	if text := l.Run(l.t, "status", script); !strings.Contains(text, note) {
		l.t.Errorf("status does not say %q:\n%s", note, text)
	}
}

func (l life) restart() {
	l.t.Helper()
	l.Stop(l.t)
	l.Start(l.t)
}

func TestGenerationsOverRestarts(t *testing.T) {
	l := newLife(t, "")
	l.Save(t, "echo.lua", version("a"))
	l.Start(t)
	l.runs("echo", 1, "")
	l.saves("echo.lua", version("b"), "script loaded")
	l.restart()
	l.runs("echo", 2, "")

	l.Run(t, "rollback", "echo")
	l.runs("echo", 3, "rolled back, until the next save")
	l.saves("other.lua", version("other"), "script loaded") // another script's save does not end it
	l.runs("echo", 3, "rolled back, until the next save")
	for range 2 {
		l.restart()
		l.runs("echo", 3, "rolled back, until the next save")
	}
	l.saves("echo.lua", version("c"), "script loaded")
	l.runs("echo", 4, "")

	l.saves("echo.lua", "bridge.on(", "script not loaded; generation 4 keeps running")
	l.runs("echo", 4, "reload refused")
	l.Stop(t)
	since := len(l.Log())
	l.Start(t)
	l.WaitLog(t, since, "script not loaded; generation 4, the last that was good, runs")
	l.runs("echo", 4, "reload refused")
	l.saves("echo.lua", version("d"), "script loaded")
	l.runs("echo", 5, "")
	if text := l.Run(t, "status", "echo"); strings.Contains(text, "refused") {
		t.Errorf("status after all is well again:\n%s", text)
	}
}

func TestWhatAppearsAndWhatGoes(t *testing.T) {
	l := newLife(t, "")
	l.Start(t)
	l.saves("one.lua", version("one"), "script loaded")
	l.Save(t, "two/lib/x.lua", `return "x"`)
	l.saves("two/main.lua", `print(require "lib.x")`, "script loaded")
	l.saves("two/lib/x.lua", `return "y"`, "script loaded")
	l.runs("two", 2, "")

	l.saves("two/broken.lua", `function f(`, "script loaded") // nobody requires it
	l.runs("two", 3, "")

	since := len(l.Log())
	if err := os.Remove(filepath.Join(l.Dir, "scripts", "one.lua")); err != nil {
		t.Fatal(err)
	}
	l.WaitLog(t, since, "the script's file is gone; what runs goes on")
	l.runs("one", 1, "")
	if out, code := l.Try(t, "reload", "one"); code != 4 || !strings.Contains(out, "there is nothing to load at") {
		t.Errorf("reload of what is gone: exit code %d\n%s", code, out)
	}
	l.saves("one.lua", version("back"), "script loaded")
	l.runs("one", 2, "")
}

func TestScriptsFolderThatIsALink(t *testing.T) {
	l := newLife(t, "")
	scripts, elsewhere := filepath.Join(l.Dir, "scripts"), t.TempDir()
	for _, err := range []error{os.Remove(scripts), os.Symlink(elsewhere, scripts)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	l.Save(t, "echo.lua", version("a"))
	l.Start(t)
	l.saves("echo.lua", version("b"), "script loaded")
	l.runs("echo", 2, "")
	if strings.Contains(l.Log(), "gives no events") {
		t.Error("the link's folder is not watched")
	}
}
