package engine

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
	gitMost    = 30 * time.Second // a lock that is older was left behind by a git that crashed
	pollPeriod = time.Second
)

// Watcher tells when files below a folder have changed and are left alone again. It
// watches folders and never files: a watch on a file ends when an editor replaces it.
type Watcher struct {
	root    string
	files   func() []string // what is looked at; nil: the sources below root
	changed func()
	poll    bool
	clock   clockwork.Clock
	log     hclog.Logger
	fs      *fsnotify.Watcher
	done    chan struct{}
	ended   sync.WaitGroup
	once    sync.Once

	// of the loop
	quiet, most *alarm
	git         time.Time // since when git is waited for
	seen        snapshot  // the files when changed was last called
	unseen      snapshot  // files that differ from seen, of which no event told; nil: none
	deaf        bool      // the folder gives no events: said once
	unwatched   string    // why a folder is not watched, as it was last said
}

// Watch watches root and the folders below it, also those that links lead to. changed is
// called, from one goroutine, when something has changed and then nothing for 100 ms (a
// second at most, longer while git is at work). It may be called for changes that mean
// nothing: compare hashes. Folders are also looked at every second, with poll in full: for
// file systems that tell of no changes.
func Watch(root string, poll bool, clock clockwork.Clock, log hclog.Logger, changed func()) (*Watcher, error) {
	if _, err := os.ReadDir(root); err != nil {
		return nil, fmt.Errorf("watch %s: %w", root, err)
	}
	return watchFrom(root, nil, poll, clock, log, changed)
}

// WatchFiles is Watch for single files, which need not be there. It asks which they are
// whenever it has called changed.
func WatchFiles(files func() []string, poll bool, clock clockwork.Clock, log hclog.Logger, changed func()) (*Watcher, error) {
	root := "."
	if list := files(); len(list) > 0 {
		root = filepath.Dir(list[0])
	}
	return watchFrom(root, files, poll, clock, log, changed)
}

func watchFrom(root string, files func() []string, poll bool, clock clockwork.Clock, log hclog.Logger, changed func()) (*Watcher, error) {
	if abs, err := filepath.Abs(root); err == nil { // git's lock is looked for further up
		root = abs
	}
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", root, err)
	}
	w := &Watcher{root: root, files: files, changed: changed, poll: poll, clock: clock, log: log, fs: notify, done: make(chan struct{}),
		quiet: stopped(clock), most: stopped(clock)}
	w.watchAll()
	w.seen = w.look(nil)
	w.ended.Add(1)
	go w.loop()
	return w, nil
}

// Close ends the watching; changed is not called any more when it returns.
func (w *Watcher) Close() {
	w.once.Do(func() { close(w.done); w.fs.Close() })
	w.ended.Wait()
}

// watchAll watches every folder that has sources or can get some. To watch one again is
// no harm, and needed when it was replaced by another of the same name.
func (w *Watcher) watchAll() {
	var problem error
	add := func(dir string) {
		if err := w.fs.Add(dir); err != nil && problem == nil {
			problem = fmt.Errorf("%s: %w", dir, err)
		}
	}
	err := w.watchFolders(add)
	if problem == nil {
		problem = err
	}
	before := w.unwatched
	w.unwatched = ""
	if problem != nil {
		if w.unwatched = problem.Error(); w.unwatched != before {
			w.log.Warn("a folder is not watched; it is looked at every second", "folder", w.root, "err", problem)
		}
	}
}

// watchFolders adds every folder that matters.
func (w *Watcher) watchFolders(add func(dir string)) error {
	if w.files != nil {
		for _, path := range w.files() {
			add(filepath.Dir(path))
			if target, err := filepath.EvalSymlinks(path); err == nil && filepath.Dir(target) != filepath.Dir(path) {
				add(filepath.Dir(target))
			}
		}
		return nil
	}
	add(w.root)
	return walk(w.root, func(path, _ string, info fs.FileInfo) (bool, error) {
		switch {
		case info.IsDir():
			add(path)
		case isSource(info.Name()):
			if target, err := filepath.EvalSymlinks(path); err == nil && filepath.Dir(target) != filepath.Dir(path) {
				add(filepath.Dir(target))
			}
		}
		return true, nil
	})
}

func (w *Watcher) loop() {
	defer w.ended.Done()
	ticker := w.clock.NewTicker(pollPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-w.done:
			return
		case e, ok := <-w.fs.Events:
			if ok && w.matters(e) {
				w.touch()
			}
		case err, ok := <-w.fs.Errors:
			if ok {
				w.log.Warn("a change may have been missed", "folder", w.root, "err", err)
				w.touch()
			}
		case <-w.quiet.timer.Chan():
			w.quiet.armed = false
			w.fire()
		case <-w.most.timer.Chan():
			w.most.armed = false
			w.fire()
		case <-ticker.Chan():
			w.tick()
		}
	}
}

// touch begins the quiet time, or begins it again.
func (w *Watcher) touch() {
	if !w.most.armed && !w.quiet.armed {
		w.most.reset(quietMost)
	}
	w.quiet.reset(quietTime)
}

// fire calls changed, unless git is still at work.
func (w *Watcher) fire() {
	if w.gitAtWork() {
		w.quiet.reset(quietTime)
		return
	}
	w.quiet.stop()
	w.most.stop()
	w.watchAll()
	w.seen, w.unseen = w.look(w.seen), nil
	w.changed()
	if w.files != nil { // others may count now
		w.watchAll()
		for path, s := range w.look(w.seen) {
			if _, known := w.seen[path]; !known {
				w.seen[path] = s
			}
		}
	}
}

// tick looks at the files. What an event is on its way for is left to the event: a change
// counts as missed when none came until the next tick.
func (w *Watcher) tick() {
	now := w.look(w.seen)
	if w.quiet.armed || now.equal(w.seen) {
		w.unseen = nil
		return
	}
	if !w.poll && !w.deaf && w.unwatched == "" {
		if w.unseen == nil {
			w.unseen = now
			return
		}
		w.deaf = true
		w.log.Warn("this folder gives no events for changes; it is looked at every second", "folder", w.root)
	}
	w.touch()
}

// matters leaves out what cannot change a script, and adds watches for new folders.
func (w *Watcher) matters(e fsnotify.Event) bool {
	if e.Op == fsnotify.Chmod {
		return false
	}
	name := filepath.Base(e.Name)
	if w.files != nil {
		return w.isWatched(name)
	}
	if e.Name == w.root {
		return true
	}
	if e.Has(fsnotify.Create) && !strings.HasPrefix(name, ".") {
		if info, err := os.Stat(e.Name); err == nil && info.IsDir() {
			w.watchAll()
			return true
		}
	}
	if isSource(name) {
		return true
	}
	// A folder that went away has no ending to go by.
	return (e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename)) && filepath.Ext(name) == "" && !ignored(name)
}

// isWatched tells the names of the files and of what they are links to. A name with two
// dots is what such links are replaced by where secrets are mounted.
func (w *Watcher) isWatched(name string) bool {
	return strings.HasPrefix(name, "..") || slices.ContainsFunc(w.files(), func(path string) bool {
		target, err := filepath.EvalSymlinks(path)
		return filepath.Base(path) == name || err == nil && filepath.Base(target) == name
	})
}

// gitAtWork tells whether a checkout is under way in root's working tree.
func (w *Watcher) gitAtWork() bool {
	for dir := w.root; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".git", "index.lock")); err == nil {
			if w.git.IsZero() {
				w.git = w.clock.Now()
			}
			return w.clock.Since(w.git) < gitMost
		}
		if dir == filepath.Dir(dir) {
			w.git = time.Time{}
			return false
		}
	}
}

// snapshot is what the source files of a folder are.
type snapshot map[string]stamp

type stamp struct {
	size     int64
	modified time.Time
	hash     [sha256.Size]byte
}

// look reads the files that differ in size or time from those in before, or all when
// nothing but their content is to be trusted.
func (w *Watcher) look(before snapshot) snapshot {
	now := snapshot{}
	stampOf := func(path string, info fs.FileInfo) stamp {
		s := stamp{size: info.Size(), modified: info.ModTime()}
		if old, ok := before[path]; ok && !w.poll && !w.deaf && old.size == s.size && old.modified.Equal(s.modified) {
			s.hash = old.hash
		} else if text, err := os.ReadFile(path); err == nil && len(text) <= MaxSource {
			s.hash = sha256.Sum256(text)
		}
		return s
	}
	if w.files != nil {
		for _, path := range w.files() {
			if info, err := os.Stat(path); err == nil && !info.IsDir() {
				now[path] = stampOf(path, info)
			}
		}
		return now
	}
	_ = walk(w.root, func(path, _ string, info fs.FileInfo) (bool, error) { // what cannot be read is not there
		if info.IsDir() || !isSource(info.Name()) {
			return true, nil
		}
		now[path] = stampOf(path, info)
		return false, nil
	})
	return now
}

// equal compares contents; a file that was only touched is the same.
func (s snapshot) equal(other snapshot) bool {
	if len(s) != len(other) {
		return false
	}
	for path, a := range s {
		if b, ok := other[path]; !ok || a.hash != b.hash {
			return false
		}
	}
	return true
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
