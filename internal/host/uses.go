package host

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"bridgehost/capability"
	"bridgehost/control"
	"bridgehost/store/sqlite"
)

// uses keeps, in the data folder, what capabilities scripts use and what they were refused.
type uses struct {
	h *Host

	mu      sync.Mutex
	known   map[usedBy]bool         // what is on disk; refusals are counted each time
	waiting map[string][]sqlite.Use // of a script, until the next writing
	writing bool
}

type usedBy struct {
	script string
	grant  capability.Grant
}

// usesKnown bounds what is remembered of what is on disk.
const usesKnown = 10_000

func newUses(h *Host) *uses {
	return &uses{h: h, known: map[usedBy]bool{}, waiting: map[string][]sqlite.Use{}}
}

// of is what luabind tells of one script.
func (u *uses) of(script string) func(g capability.Grant, allowed bool) {
	return func(g capability.Grant, allowed bool) {
		g.Scope = capability.Narrow(g.Name, g.Scope)
		key := usedBy{script, g}
		u.mu.Lock()
		defer u.mu.Unlock()
		if allowed && u.known[key] {
			return
		}
		if allowed {
			if len(u.known) >= usesKnown {
				clear(u.known)
			}
			u.known[key] = true
		}
		u.add(script, sqlite.Use{Capability: g.Name, Scope: g.Scope, Refused: !allowed, Times: 1, Last: u.h.clock.Now()})
		if !u.writing {
			u.writing = true
			u.h.telling.Go(u.write)
		}
	}
}

// add counts a use with those that wait; a script that is refused again and again takes no
// more room. u.mu is held.
func (u *uses) add(script string, use sqlite.Use) {
	for i, w := range u.waiting[script] {
		if w.Capability == use.Capability && w.Scope == use.Scope && w.Refused == use.Refused {
			use.Times += w.Times
			u.waiting[script][i] = use
			return
		}
	}
	if len(u.waiting[script]) < 100 {
		u.waiting[script] = append(u.waiting[script], use)
	}
}

// write puts on disk what waits. What cannot be written is lost: it is for reading only.
func (u *uses) write() {
	for {
		u.mu.Lock()
		waiting := u.waiting
		u.waiting = map[string][]sqlite.Use{}
		if len(waiting) == 0 {
			u.writing = false
			u.mu.Unlock()
			return
		}
		u.mu.Unlock()
		for script, list := range waiting {
			if err := u.h.db.AddUses(context.Background(), script, list...); err != nil {
				u.h.log.Debug("what a script used is not recorded", "script", script, "err", err)
			}
		}
	}
}

// usesOf answers what a script has used.
func (h *Host) usesOf(ctx context.Context, in ScriptCall) ([]sqlite.Use, error) {
	return h.db.Uses(ctx, in.Script)
}

// usesIn reads what was recorded in a data folder: from the host that runs there, or from disk.
func usesIn(ctx context.Context, data, script string) ([]sqlite.Use, error) {
	if _, err := os.Stat(filepath.Join(data, sqlite.FileName)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var list []sqlite.Use
	err := control.Call(ctx, data, CallUses, ScriptCall{Script: script}, &list)
	if !errors.Is(err, control.ErrNotRunning) {
		return list, err
	}
	db, err := sqlite.Open(sqlite.Options{Dir: data})
	if err != nil {
		return nil, err
	}
	list, err = db.Uses(ctx, script)
	return list, errors.Join(err, db.Close())
}
