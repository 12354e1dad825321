package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"
)

// How long files must be left alone before they are read. Source: SCRIPTING §5, what
// editors really do to a file.
const (
	quietTime  = 100 * time.Millisecond
	quietMost  = time.Second
	pollPeriod = time.Second
)

// Watcher tells when files below a folder have changed and are left alone again. It
// watches folders and never files: a watch on a file ends when an editor replaces it.
type Watcher struct {
	root    string
	changed func()
	clock   clockwork.Clock
	log     hclog.Logger
	fs      *fsnotify.Watcher
	done    chan struct{}
	ended   sync.WaitGroup
	once    sync.Once
}

// Watch watches root and the folders below it. changed is called, from one goroutine, when
// something has changed and then nothing for 100 ms (a second at most, longer while
// git is at work). It may be called for changes that mean nothing: compare hashes.
// With poll, folders are also looked at every second, for file systems without events.
func Watch(root string, poll bool, clock clockwork.Clock, log hclog.Logger, changed func()) (*Watcher, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", root, err)
	}
	watcher := &Watcher{root: root, changed: changed, clock: clock, log: log, fs: w, done: make(chan struct{})}
	if err := watcher.addTree(root); err != nil {
		w.Close()
		return nil, fmt.Errorf("watch %s: %w", root, err)
	}
	watcher.ended.Add(1)
	go watcher.loop(poll)
	return watcher, nil
}

// Close ends the watching; changed is not called any more when it returns.
func (w *Watcher) Close() {
	w.once.Do(func() { close(w.done); w.fs.Close() })
	w.ended.Wait()
}

func (w *Watcher) addTree(dir string) error {
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) && p != w.root {
				return nil
			}
			return err
		}
		if !d.IsDir() {
			return nil
		}
		if p != dir && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		return w.fs.Add(p)
	})
}

func (w *Watcher) loop(poll bool) {
	defer w.ended.Done()
	quiet, most := stopped(w.clock), stopped(w.clock)
	ticker := w.clock.NewTicker(pollPeriod)
	defer ticker.Stop()
	before := w.stamp()
	missed := false
	touch := func() {
		if !quiet.armed {
			most.reset(quietMost)
		}
		quiet.reset(quietTime)
	}
	fire := func() {
		if w.gitAtWork() {
			quiet.reset(quietTime)
			return
		}
		quiet.stop()
		most.stop()
		before = w.stamp()
		w.changed()
	}
	for {
		select {
		case <-w.done:
			return
		case e, ok := <-w.fs.Events:
			if ok && w.matters(e) {
				touch()
			}
		case err, ok := <-w.fs.Errors:
			if ok {
				w.log.Warn("a change may have been missed", "folder", w.root, "err", err)
				touch()
			}
		case <-quiet.timer.Chan():
			quiet.armed = false
			fire()
		case <-most.timer.Chan():
			fire()
		case <-ticker.Chan():
			now := w.stamp()
			if now == before || quiet.armed {
				continue
			}
			if !missed && !poll {
				missed = true
				w.log.Warn("this folder gives no events for changes; it is looked at every second", "folder", w.root)
			}
			before = now
			touch()
		}
	}
}

// matters leaves out what cannot change a script, and adds watches for new folders.
func (w *Watcher) matters(e fsnotify.Event) bool {
	if e.Op == fsnotify.Chmod {
		return false
	}
	name := filepath.Base(e.Name)
	if e.Has(fsnotify.Create) {
		if info, err := os.Stat(e.Name); err == nil && info.IsDir() && !strings.HasPrefix(name, ".") {
			if err := w.addTree(e.Name); err != nil {
				w.log.Warn("a new folder is not watched", "folder", e.Name, "err", err)
			}
			return true
		}
	}
	if isSource(name) {
		return true
	}
	// A folder that went away has no ending to go by.
	return (e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename)) && filepath.Ext(name) == "" && !ignored(name)
}

func (w *Watcher) gitAtWork() bool {
	for dir := w.root; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".git", "index.lock")); err == nil {
			return true
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
}

// stamp is a text that changes when a source file is changed, added or removed.
func (w *Watcher) stamp() string {
	var b strings.Builder
	_ = filepath.WalkDir(w.root, func(p string, d fs.DirEntry, err error) error { // what cannot be read is not there
		if err != nil {
			return nil
		}
		if d.IsDir() {
			if p != w.root && strings.HasPrefix(d.Name(), ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if info, err := d.Info(); err == nil && isSource(d.Name()) {
			fmt.Fprintf(&b, "%s\x00%d\x00%d\n", p, info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	return b.String()
}

// alarm is a timer that knows whether it is set.
type alarm struct {
	timer clockwork.Timer
	armed bool
}

func stopped(clock clockwork.Clock) *alarm {
	t := clock.NewTimer(time.Hour)
	t.Stop()
	return &alarm{timer: t}
}

func (a *alarm) reset(d time.Duration) { a.timer.Reset(d); a.armed = true }

func (a *alarm) stop() { a.timer.Stop(); a.armed = false }
