package host

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"bridgehost/bundle"
	"bridgehost/control"
)

// worldHost is a host that runs what is installed in a world.
func worldHost(t *testing.T) (*world, *Host) {
	t.Helper()
	w := newWorld(t)
	w.now = time.Now().UTC().Truncate(time.Second)
	h, _ := quietHost(t)
	h.cfg.Path, h.cfg.Data, h.cfg.Scripts.Dir = w.cfg.Path, w.cfg.Data, w.cfg.Scripts.Dir
	return w, h
}

func (w *world) installInto(h *Host, url string, accept ...string) error {
	o := w.options(url)
	o.Accept, o.Accepted, o.direct = accept, true, h.relock
	_, err := Install(w.t.Context(), w.cfg, o)
	return err
}

// runs is the version that a script runs, and what it may do.
func runs(h *Host, name string) string {
	s := h.script(name)
	if s == nil {
		return "not there"
	}
	g := s.Current()
	if g == nil {
		return "nothing"
	}
	var granted []string
	for _, one := range s.lua.Grants().List() {
		granted = append(granted, one.String())
	}
	return g.Program.Version + " with " + strings.Join(granted, ", ")
}

func (w *world) locked(name string) bundle.Locked {
	w.t.Helper()
	l, err := readLock(w.cfg.lockPath())
	if err != nil {
		w.t.Fatal(err)
	}
	k, _ := l.Find(name)
	return k
}

func TestUpdatesByItself(t *testing.T) {
	w, h := worldHost(t)
	const kv = "[permissions]\n\"kv\" = \"x\"\n"
	w.publish("good", thing{id: "org.example.other", more: kv})
	if err := w.installInto(h, "other", "kv"); err != nil {
		t.Fatal(err)
	}
	if got := runs(h, "other"); got != "1.0.0 with kv" {
		t.Error(got)
	}
	for _, c := range []struct {
		a          thing
		runs, lock string
	}{
		{thing{version: "1.1.0", more: kv}, "1.1.0 with kv", "1.1.0"},
		{thing{version: "1.2.0", more: kv, lua: "error 'it does not load'"}, "1.1.0 with kv", "1.1.0"},
		{thing{version: "1.3.0"}, "1.3.0 with ", "1.3.0"},
		{thing{version: "1.4.0", more: kv + "\"matrix:raw\" = \"x\"\n"}, "1.3.0 with ", "1.3.0"},
	} {
		c.a.id = "org.example.other"
		w.publish("good", c.a)
		for range 2 { // the second time nothing changes
			h.updateAll(t.Context())
			if got := runs(h, "other"); got != c.runs || w.locked("other").Version != c.lock {
				t.Errorf("%s: %s, the lock has %s", c.a.version, got, w.locked("other").Version)
			}
		}
	}
	if loads := h.script("other").Loads(); len(loads) != 4 { // 1.2.0 was tried once
		t.Errorf("%d loads", len(loads))
	}
}

func TestRelock(t *testing.T) {
	w, h := worldHost(t)
	w.publish("good", thing{id: "org.example.parser", version: "2.1.0"})
	w.publish("good", w.lounge("1.0.0", ""))
	w.publish("good", thing{id: "org.example.other"})
	for name, accept := range map[string]string{"lounge": "matrix:send", "other": ""} {
		if err := w.installInto(h, name, accept); err != nil {
			t.Fatal(err)
		}
	}
	good := w.text("bridges.lock")

	// A lock that nobody of ours wrote: all runs on, and it is said.
	w.change("bridges.lock", `granted = ["matrix:send"]`, `granted = ["matrix:everything"]`)
	var told *control.Error
	if _, err := h.relock(t.Context(), RelockCall{}); !errors.As(err, &told) || told.Exit != ExitRefused || !strings.Contains(told.Message, "there is no permission") {
		t.Errorf("%v", err)
	}
	if got := runs(h, "lounge"); got != "1.0.0 with matrix:send" {
		t.Error(got)
	}

	// One that asks for more than the bundle does: that one is refused, the other is not.
	w.write("bridges.lock", strings.Replace(good, `granted = ["matrix:send"]`, `granted = ["matrix:raw", "matrix:send"]`, 1))
	out, err := h.relock(t.Context(), RelockCall{})
	if err != nil || out.Failed() == nil || !strings.Contains(out.Failed().Error(), `it grants "matrix:raw", for which the bundle does not ask`) {
		t.Errorf("%+v, %v", out, err)
	}
	if got := runs(h, "lounge") + ", " + runs(h, "other"); got != "1.0.0 with matrix:send, 1.0.0 with " {
		t.Error(got)
	}
	w.write("bridges.lock", good)

	// A file that was changed is not loaded again; what runs goes on.
	path := w.cfg.shelf().path(w.locked("lounge").SHA256)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(raw, 'x'), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := h.reload(t.Context(), ReloadCall{Script: "lounge"}); !errors.As(err, &told) || told.Exit != ExitRefused {
		t.Errorf("%v", err)
	}
	if _, err := h.rollback(t.Context(), RollbackCall{Script: "lounge"}); !errors.As(err, &told) || told.Exit != ExitRefused {
		t.Errorf("%v", err)
	}
	st, err := h.status(t.Context(), ScriptCall{Script: "lounge"})
	if err != nil || !strings.Contains(st.Text(), "1 bytes stand behind its end") {
		t.Errorf("%v\n%s", err, st.Text())
	}
	if got := runs(h, "lounge"); got != "1.0.0 with matrix:send" {
		t.Error(got)
	}

	// Other rights for the same files: nothing is loaded again.
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	loads := len(h.script("lounge").Loads())
	w.change("bridges.lock", `granted = ["matrix:send"]`, `granted = []`)
	if _, err := h.relock(t.Context(), RelockCall{}); err != nil {
		t.Error(err)
	}
	if got := runs(h, "lounge"); got != "1.0.0 with " || len(h.script("lounge").Loads()) != loads {
		t.Errorf("%s, %d loads more", got, len(h.script("lounge").Loads())-loads)
	}

	// What is gone from the lock ends.
	w.write("bridges.lock", "version = 1\n")
	if _, err := h.relock(t.Context(), RelockCall{}); err != nil || len(h.all()) != 0 {
		t.Errorf("%v, %d scripts", err, len(h.all()))
	}
}

// TestNobodyElsesCode: what a bundle left in the database is not run with the rights of the
// script that has its name now.
func TestNobodyElsesCode(t *testing.T) {
	w, h := worldHost(t)
	if err := w.installInto(h, w.publish("good", thing{id: "org.example.other"})); err != nil {
		t.Fatal(err)
	}
	w.write("bridges.lock", "version = 1\n")
	if _, err := h.relock(t.Context(), RelockCall{}); err != nil {
		t.Fatal(err)
	}
	w.write("scripts/other.lua", "this is no Lua")
	h.rescan(t.Context())
	if got := runs(h, "other"); got != "nothing" {
		t.Errorf("it runs %s", got)
	}
	w.write("scripts/other.lua", "return 1")
	h.changed(t.Context())
	if s := h.script("other"); s.Current() == nil || s.lua.Grants() != nil {
		t.Error("the owner's script does not run as its owner's")
	}
	if generations, err := (records{h.db, "org.example.other"}).Generations(t.Context(), "other"); err != nil || len(generations) != 0 {
		t.Errorf("%d generations, %v", len(generations), err)
	}
}

func TestRemoveFromRunningHost(t *testing.T) {
	w, h := worldHost(t)
	for _, id := range []string{"org.example.one", "org.example.two"} {
		if err := w.installInto(h, w.publish("good", thing{id: id})); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.purge(t.Context(), PurgeCall{"one"}); err == nil || !strings.Contains(err.Error(), "is still installed") {
		t.Error(err)
	}
	if err := w.cfg.changeLock(func(l *bundle.Lock) error { l.Remove("one"); return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := h.relock(t.Context(), RelockCall{}); err != nil {
		t.Fatal(err)
	}
	if got := runs(h, "one") + ", " + runs(h, "two"); got != "not there, 1.0.0 with " {
		t.Error(got)
	}
	if _, err := h.purge(t.Context(), PurgeCall{"one"}); err != nil {
		t.Error(err)
	}
	if generations, err := h.db.Generations(t.Context(), "one"); err != nil || len(generations) != 0 {
		t.Errorf("%d generations, %v", len(generations), err)
	}
}

// TestRefusedAtStart: what was changed while no host ran does not run, and may do nothing.
func TestRefusedAtStart(t *testing.T) {
	w, h := worldHost(t)
	for _, id := range []string{"org.example.one", "org.example.two"} {
		if err := w.install(w.publish("good", thing{id: id})); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(w.cfg.shelf().path(w.locked("one").SHA256), 10); err != nil {
		t.Fatal(err)
	}
	if err := h.loadAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := runs(h, "one") + ", " + runs(h, "two"); got != "nothing, 1.0.0 with " {
		t.Error(got)
	}
	if g := h.script("one").lua.Grants(); g == nil || len(g.List()) != 0 {
		t.Errorf("%v", g)
	}
	if _, err := h.reload(t.Context(), ReloadCall{Script: "one"}); ExitCode(err) != ExitRefused {
		t.Error(err)
	}
}

// TestOwnDataStaysOwn: no bundle gets what a script of the owner's has stored under its name.
func TestOwnDataStaysOwn(t *testing.T) {
	w, h := worldHost(t)
	url := w.publish("good", thing{id: "org.example.mine"})
	w.write("scripts/mine.lua", "return 1")
	if err := h.loadAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := Remove(t.Context(), w.cfg, RemoveOptions{Name: "mine", Purge: true, Yes: true}); ExitCode(err) != 2 || !strings.Contains(err.Error(), "is a script of your own") {
		t.Error(err)
	}
	if err := os.Remove(w.path("scripts/mine.lua")); err != nil {
		t.Fatal(err)
	}
	if err := w.install(url); ExitCode(err) != ExitRefused || !strings.Contains(err.Error(), "under the name mine lies the data of a script of your own") {
		t.Error(err)
	}
	if r, err := Remove(t.Context(), w.cfg, RemoveOptions{Name: "mine", Purge: true, Yes: true, Log: hclog.NewNullLogger()}); err != nil || !r.Purged {
		t.Errorf("%+v, %v", r, err)
	}
	if err := w.install(url); err != nil {
		t.Error(err)
	}
}

// TestOneNameTwice: the owner's script keeps a name that an installed bundle has too.
func TestOneNameTwice(t *testing.T) {
	w, h := worldHost(t)
	if err := w.install(w.publish("good", thing{id: "org.example.one"})); err != nil {
		t.Fatal(err)
	}
	w.write("scripts/one.lua", "return 1")
	_, refused, err := h.discover()
	if err != nil || len(refused) != 1 || !strings.Contains(refused[0].Error(), `org.example.one in bridges.lock: there is a script "one" already`) {
		t.Errorf("%v, %v", refused, err)
	}
	if err := h.loadAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := h.script("one"); s == nil || s.found.bundle != nil {
		t.Error("the bundle runs")
	}
}

// TestUpdatedAtRest: an update while no host ran, and it does not load at the start: it is taken back.
func TestUpdatedAtRest(t *testing.T) {
	w, h := worldHost(t)
	w.publish("good", thing{id: "org.example.other"})
	if err := w.installInto(h, "other"); err != nil {
		t.Fatal(err)
	}
	good := w.text("bridges.lock")
	h.unload(h.script("other")) // as if it had ended
	w.publish("good", thing{id: "org.example.other", version: "1.1.0", lua: "error 'it does not load'"})
	if err := w.update("other"); err != nil || w.locked("other").Version != "1.1.0" {
		t.Fatalf("%v\n%s", err, w.text("bridges.lock"))
	}
	if err := h.loadAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.telling.Wait()
	if got := runs(h, "other"); got != "1.0.0 with " || w.text("bridges.lock") != good {
		t.Errorf("%s\n%s", got, w.text("bridges.lock"))
	}
	if n, err := w.cfg.readNotes(); err != nil || !strings.Contains(n.Failed["org.example.other@1.1.0"], "it does not load") {
		t.Errorf("%+v, %v", n, err)
	}
	if s := h.script("other"); s.found.bundle.entry.Version != "1.0.0" {
		t.Errorf("%+v", s.found.bundle.entry)
	}
}
