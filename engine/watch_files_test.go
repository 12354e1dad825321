package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

// TestFilesAreWatched: a change of a single file is told in each way in which it is saved,
// and what else lies beside it is not.
func TestFilesAreWatched(t *testing.T) {
	for name, save := range map[string]func(d *filesDesk){
		"plain write":         func(d *filesDesk) { d.write("c.toml", "two") },
		"truncate then write": func(d *filesDesk) { d.do(os.Truncate(d.path("c.toml"), 0)); d.write("c.toml", "two") },
		"a file moved in place": func(d *filesDesk) {
			d.write(".c.toml.tmp", "two")
			d.do(os.Rename(d.path(".c.toml.tmp"), d.path("c.toml")))
		},
		"vim, backup renamed": func(d *filesDesk) {
			d.do(os.Rename(d.path("c.toml"), d.path("c.toml~")))
			d.write("c.toml", "two")
			d.do(os.Remove(d.path("c.toml~")))
		},
		"a file that was not there": func(d *filesDesk) { d.write("c.toml", "two") },
		"a mounted secret": func(d *filesDesk) { // the folder behind two links is replaced
			d.write("..2/c.toml", "two")
			d.do(os.Symlink("..2", d.path("..data_tmp")), os.Rename(d.path("..data_tmp"), d.path("..data")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFilesDesk(t)
			switch name {
			case "a file that was not there":
				d.do(os.Remove(d.path("c.toml")))
			case "a mounted secret":
				d.do(os.Remove(d.path("c.toml")))
				d.write("..1/c.toml", "one")
				d.do(os.Symlink("..1", d.path("..data")), os.Symlink("..data/c.toml", d.path("c.toml")))
			}
			d.watchFiles("c.toml", "barrier")
			save(d)
			d.barrierIn("barrier")
			if text, _ := os.ReadFile(d.path("c.toml")); string(text) != "two" {
				t.Fatalf("the file says %q", text)
			}
			d.mu.Lock()
			last := d.last
			d.mu.Unlock()
			if last != "two" {
				t.Errorf("changed read %q last", last)
			}
			d.write("data.db", strings.Repeat("x", 1000))
			d.do(os.Chmod(d.path("c.toml"), 0o600))
			if n := d.barrierIn("barrier"); n != 1 {
				t.Errorf("changed was called %d times for what is none of its files", n)
			}
		})
	}
}

// What counts is asked for again after each change: a file that is referred to from now on
// is watched, in its own folder.
func TestMoreFilesCount(t *testing.T) {
	d := newFilesDesk(t)
	d.write("deep/secret", "one")
	d.watchFiles("c.toml", "barrier")
	d.write("c.toml", "two")
	d.mu.Lock()
	d.more = []string{"deep/secret"}
	d.mu.Unlock()
	d.barrierIn("barrier")
	d.write("deep/secret", "two")
	d.armed()
	d.time.Advance(quietTime)
	d.called()
}

// filesDesk is a folder of which single files are watched.
type filesDesk struct {
	*desk
	last string   // what c.toml said when changed was called last
	more []string // files that count beside the first ones
}

func newFilesDesk(t *testing.T) *filesDesk {
	d := &filesDesk{desk: newDesk(t, map[string]string{"main.lua": textOne})}
	d.watcher.Close()
	d.root = t.TempDir()
	d.write("c.toml", "one")
	return d
}

func (d *filesDesk) watchFiles(names ...string) {
	d.t.Helper()
	files := func() (paths []string) {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, name := range append(names, d.more...) {
			paths = append(paths, d.path(name))
		}
		return paths
	}
	w, err := WatchFiles(files, false, d.time, hclog.NewNullLogger(), func() {
		mark, _ := os.ReadFile(filepath.Join(d.root, "barrier"))
		text, _ := os.ReadFile(d.path("c.toml"))
		d.mu.Lock()
		d.last = string(text)
		d.mu.Unlock()
		d.calls <- string(mark)
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.watcher = w
	d.t.Cleanup(w.Close)
}
