package host

import (
	"context"
	"fmt"

	"bridgehost/control"
	"bridgehost/store/sqlite"
)

func errStopped(script string) error {
	return &control.Error{Message: fmt.Sprintf("%s is stopped; start it: bridgehost start %s", script, script), Exit: ExitFailed}
}

// StopAnswer is what became of a script that was to be stopped.
type StopAnswer struct {
	Script  string `json:"script"`
	Already bool   `json:"already,omitempty"`
}

// Text says so.
func (a StopAnswer) Text() string {
	if a.Already {
		return a.Script + " was stopped before\n"
	}
	return a.Script + " is stopped, also over restarts; its events wait\n"
}

// stopScript ends a script until it is started: services end, handlers finish, events wait
// on disk. What it keeps in memory is gone.
func (h *Host) stopScript(ctx context.Context, in ScriptCall) (StopAnswer, error) {
	s, err := h.one(in.Script)
	if err != nil {
		return StopAnswer{}, err
	}
	s.loading.Lock()
	defer s.loading.Unlock()
	if s.stopped || h.script(s.Name) != s {
		return StopAnswer{Script: s.Name, Already: true}, nil
	}
	if err := h.setStopped(ctx, s.Name, true); err != nil {
		return StopAnswer{}, err
	}
	s.Close(shutdownLimit)
	if err := h.replace(s, true); err != nil {
		return StopAnswer{}, err
	}
	h.log.Info("script stopped", "script", s.Name)
	return StopAnswer{Script: s.Name}, nil
}

// startScript runs a script that was stopped.
func (h *Host) startScript(ctx context.Context, in ScriptCall) (ReloadAnswer, error) {
	s, err := h.one(in.Script)
	if err != nil {
		return ReloadAnswer{}, err
	}
	if s.stopped {
		if err := h.setStopped(ctx, s.Name, false); err != nil {
			return ReloadAnswer{}, err
		}
		if err := h.replace(s, false); err != nil {
			return ReloadAnswer{}, err
		}
		s = h.script(s.Name)
		if err := h.start(ctx, s); err != nil {
			return ReloadAnswer{}, err
		}
	}
	err = s.Refused()
	if s.Current() == nil && err == nil {
		err = fmt.Errorf("there is nothing to load at %s", s.found.path)
	}
	return ReloadAnswer{[]Reloaded{h.loaded(s, err, in.Color)}}, nil
}

// one is the script of that name.
func (h *Host) one(name string) (*script, error) {
	scripts, err := h.named(name)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, &control.Error{Message: "which script?", Exit: 2}
	}
	return scripts[0], nil
}

func (h *Host) setStopped(ctx context.Context, script string, stopped bool) error {
	flags, err := h.db.ScriptFlags(ctx, script)
	if err != nil {
		return err
	}
	return h.db.SetFlags(ctx, script, sqlite.Flags{Stopped: stopped, Pinned: flags.Pinned})
}

// replace puts a script that has loaded nothing in the place of one that has ended. From
// then on what comes for it waits on disk.
func (h *Host) replace(s *script, stopped bool) error {
	fresh, err := h.newScript(s.found, nil)
	if err != nil {
		return err
	}
	fresh.stopped = stopped
	h.inbox.mu.Lock()
	h.mu.Lock()
	delete(h.inbox.resumed, s.Name)
	delete(h.inbox.queues, s.Name)
	h.scripts[s.Name] = fresh
	h.mu.Unlock()
	h.inbox.mu.Unlock()
	h.router.ScriptsChanged()
	h.routesChanged()
	return nil
}
