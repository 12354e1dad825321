package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"
)

// desk is a folder of scripts on disk that is watched, with the script "s" in it.
type desk struct {
	*bench
	root    string // the folder that is watched
	time    *clockwork.FakeClock
	log     strings.Builder // read it after a barrier only
	marks   int
	calls   chan string // for each call of changed: what the barrier file said
	watcher *Watcher
}

// newDesk writes files (relative to the script's folder), loads the script and watches.
func newDesk(t *testing.T, files map[string]string) *desk {
	d := &desk{bench: newBench(t), root: t.TempDir(), time: clockwork.NewFakeClock(), calls: make(chan string, 100)}
	for name, text := range files {
		d.write("s/"+name, text)
	}
	d.watch(d.root, false)
	d.reload()
	d.news = make(chan struct{}, 10000)
	return d
}

func (d *desk) watch(root string, poll bool) {
	d.t.Helper()
	log := hclog.New(&hclog.LoggerOptions{Output: &d.log, Level: hclog.Warn})
	w, err := Watch(root, poll, d.time, log, func() {
		mark, _ := os.ReadFile(filepath.Join(root, "barrier.lua"))
		d.reload()
		d.calls <- string(mark)
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.watcher = w
	d.t.Cleanup(w.Close)
}

// reload is what a host does when files changed.
func (d *desk) reload() {
	src, err := ReadSource("s", filepath.Join(d.root, "s"))
	if errors.Is(err, ErrNoScript) {
		return
	} else if err != nil {
		d.t.Error(err)
	}
	_ = d.script.Reload(context.Background(), src, ReasonSaved) // OnLoad hears of it
}

// barrier returns when everything that was done to the files before has been seen. It says
// how often changed was called for it; only the last call may have come for the barrier itself.
func (d *desk) barrier() (calls int) { return d.barrierIn("barrier.lua") }

func (d *desk) barrierIn(file string) (calls int) {
	d.t.Helper()
	d.marks++
	mark := fmt.Sprint(d.marks)
	d.write(file, mark)
	for {
		d.armed()
		d.time.Advance(quietTime)
		calls++
		if d.called() == mark {
			return calls
		}
	}
}

// armed returns when the watcher waits for the files to be left alone.
func (d *desk) armed() {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 20*time.Second)
	defer cancel()
	if err := d.time.BlockUntilContext(ctx, 3); err != nil { // ticker, quiet, most
		d.t.Fatal("no event was seen")
	}
}

// armedOrCalled is armed, and false when changed was called meanwhile.
func (d *desk) armedOrCalled() bool {
	d.t.Helper()
	for range 400 {
		ctx, cancel := context.WithTimeout(d.t.Context(), 50*time.Millisecond)
		err := d.time.BlockUntilContext(ctx, 3)
		cancel()
		if len(d.calls) > 0 {
			return false
		}
		if err == nil {
			return true
		}
	}
	d.t.Fatal("no event was seen")
	return false
}

// called returns at the next call of changed, with what the barrier file said then.
func (d *desk) called() string {
	d.t.Helper()
	select {
	case mark := <-d.calls:
		return mark
	case <-time.After(20 * time.Second):
		d.t.Fatal("changed is not called")
		return ""
	}
}

// results are the loads so far: a number for one that began, "failed" for the others.
func (d *desk) results() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for _, l := range d.loads {
		if l.Err != nil {
			all = append(all, "failed")
		} else {
			all = append(all, fmt.Sprint(l.Number))
		}
	}
	return strings.Join(all, " ")
}

func (d *desk) path(name string) string { return filepath.Join(d.root, filepath.FromSlash(name)) }

// write is one plain write; missing folders are made.
func (d *desk) write(name, text string) {
	d.t.Helper()
	d.do(os.MkdirAll(filepath.Dir(d.path(name)), 0o755), os.WriteFile(d.path(name), []byte(text), 0o644))
}

func (d *desk) do(errs ...error) {
	d.t.Helper()
	if err := errors.Join(errs...); err != nil {
		d.t.Fatal(err)
	}
}

// through opens a file with flags and writes texts to it, one write each.
func (d *desk) through(name string, flags int, texts ...string) {
	d.t.Helper()
	f, err := os.OpenFile(d.path(name), flags, 0o644)
	d.do(err)
	for _, text := range texts {
		_, err := f.WriteString(text)
		d.do(err)
	}
	d.do(f.Close())
}

const (
	textOne = `on("message", function() print("one") end)`
	textTwo = `on("message", function() print("two") end) -- saved`
)

// TestEveryEditorsWayOfSaving replays what editors do; SCRIPTING §5 has the measured list.
func TestEveryEditorsWayOfSaving(t *testing.T) {
	truncated := os.O_WRONLY | os.O_TRUNC | os.O_CREATE
	for name, c := range map[string]struct {
		save func(d *desk)
		want string // the loads after the first
	}{
		"plain write":         {func(d *desk) { d.write("s/main.lua", textTwo) }, "2"},
		"truncate then write": {func(d *desk) { d.do(os.Truncate(d.path("s/main.lua"), 0)); d.write("s/main.lua", textTwo) }, "2"},
		"in pieces":           {func(d *desk) { d.through("s/main.lua", truncated, textTwo[:10], textTwo[10:20], textTwo[20:]) }, "2"},
		"vim in place": {func(d *desk) {
			d.write("s/4913", "")
			d.do(os.Remove(d.path("s/4913")))
			d.write("s/.main.lua.swp", "b0VIM")
			d.write("s/.main.lua.swx", "")
			d.do(os.Remove(d.path("s/.main.lua.swx")))
			d.through("s/main.lua", truncated, textTwo)
			d.do(os.Chmod(d.path("s/main.lua"), 0o600), os.Remove(d.path("s/.main.lua.swp")))
		}, "2"},
		"vim, backup renamed": {func(d *desk) {
			d.do(os.Rename(d.path("s/main.lua"), d.path("s/main.lua~")))
			d.through("s/main.lua", truncated|os.O_EXCL, textTwo)
			d.do(os.Remove(d.path("s/main.lua~")))
		}, "2"},
		"emacs": {func(d *desk) {
			d.do(os.Symlink("user@host.123:456", d.path("s/.#main.lua")))
			d.write("s/#main.lua#", textTwo[:9])
			d.do(os.Rename(d.path("s/main.lua"), d.path("s/main.lua~")))
			d.write("s/main.lua", textTwo)
			d.do(os.Remove(d.path("s/.#main.lua")), os.Remove(d.path("s/#main.lua#")))
		}, "2"},
		"atomic save": {func(d *desk) {
			d.write("s/.main.lua.x7Yz", textTwo)
			d.do(os.Rename(d.path("s/.main.lua.x7Yz"), d.path("s/main.lua")))
		}, "2"},
		"temporary file without a dot": {func(d *desk) {
			d.write("s/main.lua.tmp", textTwo)
			d.do(os.Rename(d.path("s/main.lua.tmp"), d.path("s/main.lua")))
		}, "2"},
		"sed -i": {func(d *desk) {
			d.write("s/sedAb3dEf", textTwo)
			d.do(os.Rename(d.path("s/sedAb3dEf"), d.path("s/main.lua")))
		}, "2"},
		"rsync from elsewhere": {func(d *desk) {
			d.write("other", textTwo)
			d.do(os.Rename(d.path("other"), d.path("s/main.lua")))
		}, "2"},
		"removed and written": {func(d *desk) { d.do(os.Remove(d.path("s/main.lua"))); d.write("s/main.lua", textTwo) }, "2"},
		"the whole folder replaced": {func(d *desk) {
			d.write("new/main.lua", textTwo)
			d.do(os.Rename(d.path("s"), d.path("old")), os.Rename(d.path("new"), d.path("s")))
		}, "2"},

		"the same text again": {func(d *desk) { d.write("s/main.lua", textOne) }, ""},
		"there and back":      {func(d *desk) { d.write("s/main.lua", textTwo); d.write("s/main.lua", textOne) }, ""},
		"touch": {func(d *desk) {
			at := time.Now().Add(time.Hour)
			d.do(os.Chtimes(d.path("s/main.lua"), at, at))
		}, ""},
		"chmod": {func(d *desk) { d.do(os.Chmod(d.path("s/main.lua"), 0o600)) }, ""},
		"noise": {func(d *desk) {
			for _, name := range []string{".main.lua.swp", ".main.lua.swx", "4913", "#main.lua#", "main.lua~", ".#main.lua", "sedQq11Zz", "notes.txt"} {
				d.write("s/"+name, "not Lua (")
			}
		}, ""},
		"specs":   {func(d *desk) { d.write("s/main_spec.lua", "it("); d.write("s/spec/x.lua", "it(") }, ""},
		"gone":    {func(d *desk) { d.do(os.Remove(d.path("s/main.lua"))) }, ""},
		"emptied": {func(d *desk) { d.do(os.Truncate(d.path("s/main.lua"), 0)) }, ""},
		"emptied, and written much later": {func(d *desk) {
			d.do(os.Truncate(d.path("s/main.lua"), 0))
			d.barrier()
			d.write("s/main.lua", textTwo)
		}, "2"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, map[string]string{"main.lua": textOne})
			c.save(d)
			d.barrier()
			if got := strings.TrimSpace("1 " + c.want); d.results() != got {
				t.Errorf("loads: %q, want %q", d.results(), got)
			}
			t.Logf("%-30s %d reloads", name, len(strings.Fields(d.results()))-1)
			if c.want == "" && d.script.Refused() != nil {
				t.Error(d.script.Refused())
			}
			// The folder is still watched, however it was saved.
			d.write("s/main.lua", textTwo+" again")
			d.barrier()
			if n := len(strings.Fields(d.results())); n != len(strings.Fields(c.want))+2 || strings.Contains(d.results(), "failed") {
				t.Errorf("loads with a further save: %q", d.results())
			}
		})
	}
}

func TestASlowWriterCostsAFailedLoadAtMost(t *testing.T) {
	d := newDesk(t, map[string]string{"main.lua": textOne})
	d.through("s/main.lua", os.O_WRONLY|os.O_TRUNC, textTwo[:15])
	d.armed()
	d.time.Advance(quietTime)
	d.called()
	d.event("!r", "message a")
	d.printed("one")
	d.time.Advance(quietTime / 2)
	d.through("s/main.lua", os.O_WRONLY|os.O_APPEND, textTwo[15:])
	d.barrier()
	d.event("!r", "message b")
	d.printed("two")
	if d.results() != "1 failed 2" || d.script.Refused() != nil {
		t.Errorf("loads: %q; refused: %v", d.results(), d.script.Refused())
	}
}

func TestAWriterThatNeverRestsIsReadAfterASecond(t *testing.T) {
	d := newDesk(t, map[string]string{"main.lua": textOne})
	d.write("s/main.lua", textTwo)
	for n := 0; n < 40 && d.armedOrCalled(); n++ {
		d.write("s/log.lua", fmt.Sprintf("-- %d", n))
		d.time.Advance(quietTime / 2)
	}
	if d.called(); d.results() != "1 2" {
		t.Errorf("loads: %q", d.results())
	}
}

// TestGitCheckout removes and writes many files while git holds its lock.
func TestGitCheckout(t *testing.T) {
	files := map[string]string{"main.lua": `require "m1"`}
	for n := 1; n <= 40; n++ {
		files[fmt.Sprintf("m%d.lua", n)] = fmt.Sprintf(`return require "m%d"`, n+1)
	}
	files["m41.lua"] = "return 1"
	d := newDesk(t, files)
	d.write(".git/index.lock", "")
	for name := range files {
		d.do(os.Remove(d.path("s/" + name)))
		if name != "m41.lua" {
			d.write("s/"+name, files[name]+" -- other branch")
		}
	}
	for range 8 {
		d.armed()
		d.time.Advance(quietTime)
	}
	d.write("s/m41.lua", "return 2")
	d.armed()
	if d.results() != "1" || len(d.calls) > 0 {
		t.Errorf("while git holds its lock: loads %q, %d calls", d.results(), len(d.calls))
	}
	d.do(os.Remove(d.path(".git/index.lock")))
	d.time.Advance(quietTime)
	d.called()
	d.barrier()
	if d.results() != "1 2" {
		t.Errorf("loads: %q", d.results())
	}
}

func TestALockThatGitLeftBehindDoesNotStopReloads(t *testing.T) {
	d := newDesk(t, map[string]string{"main.lua": textOne})
	d.write(".git/index.lock", "")
	d.write("s/main.lua", textTwo)
	began := d.time.Now()
	d.armed()
	for len(d.calls) == 0 && d.time.Since(began) < 2*gitMost {
		d.time.Advance(quietTime)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_ = d.time.BlockUntilContext(ctx, 2) // ticker and quiet; one when changed was called
		cancel()
	}
	d.called()
	if waited := d.time.Since(began); waited < gitMost || d.results() != "1 2" {
		t.Errorf("loads: %q, after %s", d.results(), waited)
	}
}

func TestAFolderScriptIsAllItsFiles(t *testing.T) {
	d := newDesk(t, map[string]string{"main.lua": `local x = require "lib.x"; on("message", function() print(x.text) end)`,
		"lib/x.lua": `return { text = "one" }`, "unused.lua": "this is no Lua"})
	d.event("!r", "message a")
	d.printed("one")
	d.write("s/lib/x.lua", `return { text = "two" }`)
	d.barrier()
	d.event("!r", "message b")
	d.printed("two")
	d.write("s/new/deep/y.lua", `return { text = "three" }`)
	d.write("s/lib/x.lua", `return require "new.deep.y"`)
	d.barrier()
	d.event("!r", "message c")
	d.printed("three")
	d.write("s/new/deep/y.lua", `return { text = "four" }`)
	d.barrier()
	d.event("!r", "message d")
	d.printed("four")
	if d.results() != "1 2 3 4" {
		t.Errorf("loads: %q", d.results())
	}

	d.do(os.Remove(d.path("s/new/deep/y.lua")))
	d.barrier()
	err := d.script.Refused()
	if err == nil || !strings.Contains(err.Error(), "lib/x.lua:1: module 'new.deep.y' not found") {
		t.Errorf("with a required file removed: %v", err)
	}
	d.event("!r", "message e")
	d.wait("the old generation answers", func() bool { return strings.Count(strings.Join(d.out, " "), "four") == 2 })
	d.do(os.RemoveAll(d.path("s/new")))
	d.write("s/lib/x.lua", `return { text = "five" }`)
	d.barrier()
	if d.results() != "1 2 3 4 failed 5" {
		t.Errorf("loads: %q", d.results())
	}
}

func TestABrokenFileCountsOnlyWhenItIsRequired(t *testing.T) {
	d := newDesk(t, map[string]string{"main.lua": `on("message", function() require("late") end)`,
		"late.lua": "return {}", "old.lua": "function f("})
	if d.results() != "1" {
		t.Fatalf("loads: %q, %v", d.results(), d.script.Refused())
	}
	d.write("s/late.lua", "function f(")
	d.barrier()
	if err := d.script.Refused(); err == nil || !strings.HasPrefix(err.Error(), "late.lua:1: ") {
		t.Errorf("a broken file that is required by name, if later: %v", err)
	}
	d.write("s/main.lua", `local name = "late"; on("message", function() require(name) end)`)
	d.barrier()
	d.event("!r", "message a")
	d.wait("a report", func() bool { return len(d.reports) == 1 })
	if e := d.reports[0].Err; e.Where != "late.lua:1" || !strings.Contains(e.Message, "expected") {
		t.Errorf("required when it runs: %v", e)
	}
	if d.results() != "1 failed 2" {
		t.Errorf("loads: %q", d.results())
	}
}

func TestLinksAreFollowed(t *testing.T) {
	d := newDesk(t, nil)
	elsewhere, link := t.TempDir(), filepath.Join(t.TempDir(), "scripts")
	d.watcher.Close()
	d.do(os.Symlink(d.root, link), os.Mkdir(filepath.Join(elsewhere, "lib"), 0o755), os.Symlink(elsewhere, d.path("s")),
		os.WriteFile(filepath.Join(elsewhere, "main.lua"), []byte(`local x = require "lib.x"`), 0o600),
		os.WriteFile(filepath.Join(elsewhere, "lib", "real.lua"), []byte("return 1"), 0o600),
		os.Symlink("real.lua", filepath.Join(elsewhere, "lib", "x.lua")), os.Symlink("..", filepath.Join(elsewhere, "lib", "up")))
	d.watch(link, false)
	d.reload()
	if d.results() != "1" {
		t.Fatalf("loads: %q, %v", d.results(), d.script.Refused())
	}
	d.do(os.WriteFile(filepath.Join(elsewhere, "lib", "real.lua"), []byte("return 2"), 0o600))
	d.barrier()
	if d.results() != "1 2" {
		t.Errorf("loads: %q", d.results())
	}
}

// TestAFolderThatComesBack: the watch on a folder ends with it; another of its name is found.
func TestAFolderThatComesBack(t *testing.T) {
	d := newDesk(t, map[string]string{"main.lua": textOne})
	d.do(os.RemoveAll(d.root))
	d.armed()
	d.time.Advance(quietTime)
	d.called()
	d.write("s/main.lua", textTwo)
	d.time.Advance(pollPeriod)
	d.armed()
	d.time.Advance(quietTime)
	d.called()
	d.write("s/main.lua", textTwo+" more")
	d.barrier()
	if d.results() != "1 2 3" {
		t.Errorf("loads: %q", d.results())
	}
	d.watcher.Close()
	if strings.Contains(d.log.String(), "no events") {
		t.Errorf("log: %s", d.log.String())
	}
}

// TestPolling: the events are taken away, as a file system does that has none.
func TestPolling(t *testing.T) {
	for _, poll := range []bool{false, true} {
		t.Run(fmt.Sprint("forced ", poll), func(t *testing.T) {
			d := newDesk(t, map[string]string{"main.lua": textOne})
			d.watcher.Close()
			d.watch(d.root, poll)
			for _, dir := range d.watcher.fs.WatchList() {
				d.do(d.watcher.fs.Remove(dir))
			}
			info, err := os.Stat(d.path("s/main.lua"))
			d.do(err)
			d.write("s/main.lua", strings.Replace(textOne, "one", "two", 1))
			if poll { // the same size and time: only the content tells
				d.do(os.Chtimes(d.path("s/main.lua"), info.ModTime(), info.ModTime()))
			} else {
				d.tick(1)
			}
			d.tick(1)
			d.armed()
			d.time.Advance(quietTime)
			d.called()
			if d.results() != "1 2" {
				t.Errorf("loads: %q", d.results())
			}
			d.watcher.Close()
			if said := strings.Count(d.log.String(), "no events"); said != map[bool]int{true: 0, false: 1}[poll] {
				t.Errorf("said %d times that there are no events: %s", said, d.log.String())
			}
		})
	}
}

// tick lets the watcher look at the files n times.
func (d *desk) tick(n int) {
	for range n {
		d.do(d.time.BlockUntilContext(d.t.Context(), 1))
		d.time.Advance(pollPeriod)
	}
}
