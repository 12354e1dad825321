package host

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"bridgehost/bundle"
	"bridgehost/control"
	"bridgehost/diag"
	"bridgehost/engine"
)

// RelockCall asks the host to run what bridges.lock says now.
type RelockCall struct {
	Script string `json:"script,omitempty"` // the one to tell of; "" for all that changed
	Color  bool   `json:"color,omitempty"`
}

// relock runs what bridges.lock says now: what is new in it is loaded, what has changed takes the
// place of what runs, what is gone ends. Nothing else is touched.
func (h *Host) relock(ctx context.Context, in RelockCall) (ReloadAnswer, error) {
	h.scanning.Lock()
	defer h.scanning.Unlock()
	var out ReloadAnswer
	if _, err := readLock(h.cfg.lockPath()); err != nil {
		return out, asRefused(err)
	}
	change, err := h.takeConfig()
	if err != nil {
		return out, &control.Error{Message: err.Error(), Exit: ExitConfig}
	}
	h.sayRestart(change)
	scripts, refused, err := h.discover()
	if err != nil {
		return out, err
	}
	h.refuse(refused)
	there := map[string]*installed{}
	for _, f := range scripts {
		if f.bundle != nil {
			there[f.name] = f.bundle
		}
	}
	for _, s := range h.all() {
		if s.found.bundle != nil && there[s.Name] == nil {
			h.unload(s)
		}
	}
	var loaded []*script // with the values of now
	for _, f := range scripts {
		if f.bundle == nil {
			continue
		}
		s := h.script(f.name)
		var failed error
		switch {
		case s == nil:
			failed = h.add(ctx, f)
			if s = h.script(f.name); s != nil {
				loaded = append(loaded, s)
			}
			if failed == nil && s != nil && s.problem() == "" {
				failed = s.Refused()
			}
		case s.found.bundle == nil || s.found.bundle.same(f.bundle):
			continue
		case s.found.bundle.sameFiles(f.bundle):
			failed = h.reallow(s, f)
		default:
			failed = h.exchange(ctx, s, f)
			loaded = append(loaded, s)
		}
		if s != nil && s.problem() != "" && failed == nil {
			failed = &bundle.Refused{Reason: s.problem()}
		}
		if s != nil && (in.Script == "" || in.Script == s.Name) {
			out.Scripts = append(out.Scripts, h.loaded(s, failed, in.Color))
		}
	}
	h.configure(ctx, change.besides(loaded))
	return out, nil
}

// asRefused gives a refusal its exit code over the control socket.
func asRefused(err error) error {
	var no *bundle.Refused
	if errors.As(err, &no) {
		return &control.Error{Message: err.Error(), Exit: ExitRefused}
	}
	return err
}

// exchange puts a bundle in the place of what runs, as a save does: if it does not load, what
// ran goes on.
func (h *Host) exchange(ctx context.Context, s *script, next found) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	before := s.found
	src, may, err := next.read(h.values(s.Name))
	if err != nil {
		return err
	}
	s.found = next
	s.unread.Store(nil)
	if s.stopped {
		return nil
	}
	if failed := s.change(may, func() *diag.Error { return s.Reload(ctx, src, engine.ReasonAsked) }); failed != nil {
		s.found = before
		return failed
	}
	s.before = &before
	h.log.Info("bundle exchanged", "script", s.Name, "version", next.bundle.entry.Version, "before", before.bundle.entry.Version)
	return h.resumeRunning(ctx, s)
}

// reallow takes what the lock says now that a bundle may do. Nothing is loaded again.
func (h *Host) reallow(s *script, next found) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	_, may, err := next.read(h.values(s.Name))
	if err != nil {
		return err
	}
	s.found = next
	s.allow(may)
	h.log.Info("permissions changed", "script", s.Name, "granted", strings.Join(may.list, ", "))
	return nil
}

// unload ends a script that is not installed any more. What it has on disk stays.
func (h *Host) unload(s *script) {
	s.loading.Lock()
	defer s.loading.Unlock()
	h.inbox.mu.Lock()
	h.mu.Lock()
	delete(h.inbox.resumed, s.Name)
	delete(h.scripts, s.Name)
	h.mu.Unlock()
	h.inbox.mu.Unlock()
	h.router.ScriptsChanged()
	s.Close(shutdownLimit)
	h.routesChanged()
	h.log.Info("bundle removed", "script", s.Name)
}

// isTakenBack tells whether the engine runs the version before an update: its services kept failing, or
// it did not load when the host started.
func isTakenBack(r engine.LoadReport) bool {
	return r.Err != nil && (r.Reason == engine.ReasonSwapBack || r.Reason == engine.ReasonStart && r.Running > 0)
}

// remember finds what the last update of a bundle took the place of: it may have been while no host ran.
func (h *Host) remember(s *script) {
	n, err := h.cfg.readNotes()
	if err != nil {
		h.log.Error("what was installed before is not known", "err", err)
		return
	}
	b, ok := n.Before[s.Name]
	if ok && b.Entry.ID == s.found.bundle.entry.ID && b.Entry.SHA256 != s.found.bundle.entry.SHA256 {
		was := (&installed{s.found.bundle.shelf, b.Entry, b.Libraries}).found()
		s.before = &was
	}
}

// swappedBack is told that the version before an update runs again: bridges.lock follows.
func (h *Host) swappedBack(s *script, why *diag.Error) {
	s.loading.Lock()
	defer s.loading.Unlock()
	if s.before == nil || s.found.bundle == nil {
		return
	}
	failed := s.found
	s.found, s.before = *s.before, nil
	if _, may, err := s.found.read(h.values(s.Name)); err == nil {
		s.allow(may)
	}
	h.log.Error("an update was taken back", "script", s.Name, "version", failed.bundle.entry.Version,
		"runs", s.found.bundle.entry.Version, "err", why)
	if err := h.cfg.takeBack(s.found.bundle, failed.bundle, why.Error()); err != nil {
		h.log.Error("what is installed is not as it runs", "script", s.Name, "file", bundle.LockFile, "err", err)
	}
}

// takeBack puts an entry back into the lock, if the one that failed still stands there, and
// remembers that it failed. was is nil for a first install.
func (c *Config) takeBack(was, failed *installed, why string) error {
	err := c.changeLock(func(l *bundle.Lock) error {
		k, ok := l.Find(failed.entry.Name())
		switch {
		case !ok || k.SHA256 != failed.entry.SHA256:
			return nil
		case was == nil:
			l.Remove(k.Name())
		default:
			l.Put(was.entry, was.libraries...)
		}
		return nil
	})
	if err != nil || was == nil {
		return err
	}
	return c.changeNotes(func(n *notes) {
		n.Failed[failed.entry.ID+"@"+failed.entry.Version] = fmt.Sprintf("%.300s", why)
	})
}

// PurgeCall asks to forget the data of a script that is not there any more.
type PurgeCall struct {
	Script string `json:"script"`
}

func (h *Host) purge(ctx context.Context, in PurgeCall) (struct{}, error) {
	h.scanning.Lock()
	defer h.scanning.Unlock()
	if h.script(in.Script) != nil {
		return struct{}{}, &control.Error{Message: in.Script + " is still installed", Exit: ExitFailed}
	}
	return struct{}{}, errors.Join(h.db.Purge(ctx, in.Script), forgetDatabase(h.cfg.Data, in.Script))
}
