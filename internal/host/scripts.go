package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"bridgehost/delivery"
	"bridgehost/diag"
	"bridgehost/engine"
	"bridgehost/luabind"
	"bridgehost/store/scriptdb"
)

// script is one script with all that it works with.
type script struct {
	*engine.Script
	found found
	lua   *luabind.Script
	sql   *scriptdb.DB

	loading sync.Mutex             // from reading its files until they run or are refused
	gone    bool                   // its files are, and that was said
	unread  atomic.Pointer[string] // why its files could not be read, as it was said; nil: they can be
	before  *found                 // the bundle whose place the present one has taken
	may     *permitted             // what a bundle may do
	files   bundleAssets           // of a bundle
	stopped bool                   // by a person, until started; does not change
}

// loadAll loads the scripts of scripts.dir. One that does not load keeps none of the
// others from running.
func (h *Host) loadAll(ctx context.Context) error {
	h.scanning.Lock()
	defer h.scanning.Unlock()
	scripts, refused, err := h.discover()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	h.refuse(refused)
	if len(scripts) == 0 {
		h.log.Warn("there is no script yet; put one there and it runs", "folder", h.cfg.Scripts.Dir)
	}
	var known []*script
	for _, f := range scripts { // all of them before the first starts: events are routed by who is there
		s, err := h.enter(f)
		if err != nil {
			return err
		}
		known = append(known, s)
	}
	failed := make([]error, len(known))
	var starting sync.WaitGroup
	for i, s := range known {
		starting.Go(func() { failed[i] = h.start(ctx, s) })
	}
	starting.Wait()
	return errors.Join(failed...)
}

// discover lists the scripts that should run.
func (h *Host) discover() (scripts []found, refused []error, err error) {
	if h.opts.only != nil {
		return []found{*h.opts.only}, nil, nil
	}
	if scripts, refused, err = discover(h.cfg.Scripts.Dir); err != nil {
		return nil, nil, err
	}
	scripts, refused = h.cfg.withBundles(scripts, refused)
	return scripts, refused, nil
}

// refuse tells, once, what cannot be a script.
func (h *Host) refuse(errs []error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, err := range errs {
		if text := err.Error(); !h.refused[text] {
			h.refused[text] = true
			h.log.Warn("not a script", "err", err)
		}
	}
}

// add makes a script known and loads it.
func (h *Host) add(ctx context.Context, f found) error {
	s, err := h.enter(f)
	if err != nil {
		return err
	}
	return h.start(ctx, s)
}

// enter makes a script known.
func (h *Host) enter(f found) (*script, error) {
	s, err := h.newScript(f, nil)
	if err != nil {
		return nil, err
	}
	if err := h.forgetOthers(f); err != nil {
		return nil, fmt.Errorf("script %s: what ran under its name: %w", f.name, err)
	}
	flags, err := h.db.ScriptFlags(h.running, f.name)
	if err != nil {
		return nil, fmt.Errorf("script %s: was it stopped: %w", f.name, err)
	}
	s.stopped = flags.Stopped
	if f.bundle != nil {
		h.remember(s)
	} else if h.cfg.Path != "" {
		if err := h.cfg.noteOwn(f.name); err != nil {
			h.log.Error("whose the data of a script is, is not noted", "script", f.name, "err", err)
		}
	}
	h.mu.Lock()
	h.scripts[f.name] = s
	h.mu.Unlock()
	h.router.ScriptsChanged()
	return s, nil
}

// start loads a script for the first time. A source that does not load is no error: it
// was reported, and its events wait.
func (h *Host) start(ctx context.Context, s *script) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	if s.stopped {
		h.log.Info("script is stopped, its events wait", "script", s.Name, "start_it", "bridgehost start "+s.Name)
		return nil
	}
	if s.Current() != nil {
		return nil // a reload was asked for already
	}
	src, may, err := h.read(s)
	if err != nil {
		return nil
	}
	if err := h.resumeQueues(ctx, s); err != nil {
		return err
	}
	s.allow(may)
	if failed := s.Start(ctx, src); failed != nil && !failed.OwnFault() && s.Current() == nil {
		h.starting.Go(func() { h.startAgain(s) })
	}
	return h.resumeRunning(ctx, s)
}

// resumeRunning gives a script that runs now what waits for it on disk. What waits for one
// that does not run stays there: it takes no place in the inbox from the others. s.loading
// is held.
func (h *Host) resumeRunning(ctx context.Context, s *script) error {
	if s.Current() == nil || h.inbox.isResumed(s.Name) {
		return nil
	}
	if err := h.resumeScript(ctx, s.Name, func(items ...delivery.Item) { s.Deliver(items...) }); err != nil {
		return fmt.Errorf("script %s: its unfinished events: %w", s.Name, err)
	}
	return nil
}

// How long a script waits that could not start through no fault of its own.
const (
	startAgainFirst = 2 * time.Second
	startAgainMost  = 5 * time.Minute
)

// startAgain loads a script until it runs: a board at home boots before its homeserver.
func (h *Host) startAgain(s *script) {
	for pause := startAgainFirst; ; pause = min(2*pause, startAgainMost) {
		h.log.Info("the script is started again", "script", s.Name, "in", pause)
		select {
		case <-h.clock.After(pause):
		case <-h.running.Done():
			return
		}
		var failed *diag.Error
		if !errors.As(s.Refused(), &failed) || failed.OwnFault() || h.script(s.Name) != s {
			return // it runs, it is not there any more, or it was saved meanwhile and that is at fault
		}
		_ = h.reloadOne(h.running, s, engine.ReasonAsked) // OnLoad reported it
	}
}

// reloadOne loads a script as it is on disk. A file that is gone unloads nothing.
func (h *Host) reloadOne(ctx context.Context, s *script, reason string) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	if s.stopped {
		return errStopped(s.Name)
	}
	src, may, err := h.read(s)
	gone := errors.Is(err, engine.ErrNoScript)
	said := s.gone
	s.gone = gone
	switch {
	case gone:
		if !said {
			h.log.Warn("the script's file is gone; what runs goes on", "script", s.Name, "path", s.found.path)
		}
		return fmt.Errorf("there is nothing to load at %s", s.found.path)
	case err != nil:
		return err
	}
	if err := h.resumeQueues(ctx, s); err != nil { // it may never have run
		return err
	}
	failed := s.change(may, func() *diag.Error { return s.Reload(ctx, src, reason) })
	err = h.resumeRunning(ctx, s)
	if failed != nil {
		return failed
	}
	return err
}

// rescan looks for new scripts.
func (h *Host) rescan(ctx context.Context) {
	h.scanning.Lock()
	defer h.scanning.Unlock()
	scripts, refused, err := h.discover()
	if err != nil {
		h.log.Warn("scripts are not looked for", "err", err)
		return
	}
	h.refuse(refused)
	for _, f := range scripts {
		if h.script(f.name) != nil {
			continue
		}
		if err := h.add(ctx, f); err != nil {
			h.log.Error("script not added", "script", f.name, "err", err)
		}
	}
}

// watch loads scripts again when they are saved. It begins before the first is read, so
// that no save is missed; what changes until all have started is loaded then.
func (h *Host) watch() (stop func()) {
	if h.opts.NoWatch || !h.cfg.Scripts.Watch {
		return func() {}
	}
	w, err := engine.Watch(h.cfg.Scripts.Dir, h.opts.Poll, h.clock, h.log, func() { h.changed(h.running) })
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) { // loadAll says that
			h.log.Error("saves are not noticed; use bridgehost reload", "err", err)
		}
		return func() {}
	}
	return w.Close
}

// changed is called when files have changed. One script that takes its time to load
// keeps none of the others waiting.
func (h *Host) changed(ctx context.Context) {
	h.rescan(ctx)
	var loading sync.WaitGroup
	for _, s := range h.all() {
		loading.Go(func() { _ = h.reloadOne(ctx, s, engine.ReasonSaved) }) // OnLoad reported it
	}
	loading.Wait()
}

// catchSIGHUP keeps the signal from ending the process from now on; reload answers it.
func (h *Host) catchSIGHUP() (reload func(ctx context.Context), stop func()) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	reload = func(ctx context.Context) {
		for {
			select {
			case <-hup:
				h.log.Info("SIGHUP: loading all scripts again")
				if change, err := h.takeConfig(); err != nil {
					h.refuseConfig(err)
					continue
				} else {
					h.sayRestart(change)
				}
				for _, s := range h.all() {
					_ = h.reloadOne(ctx, s, engine.ReasonAsked) // OnLoad reported it
				}
				h.rescan(ctx)
			case <-ctx.Done():
				return
			}
		}
	}
	return reload, func() { signal.Stop(hup) }
}

// Reporter shows what scripts do.
type Reporter interface {
	Loaded(r engine.LoadReport, text string)
	Failed(r engine.Report, text string)
	Printed(script, line string)
}

// onLoad tells the log, or the reporter, what became of a source.
func (h *Host) onLoad(r engine.LoadReport) {
	h.routesChanged()
	if s := h.script(r.Script); s != nil && isTakenBack(r) {
		h.telling.Go(func() { h.swappedBack(s, r.Err) })
	}
	text, still := "", running(r.Running)
	if r.Reason == engine.ReasonStart && r.Running > 0 {
		still = fmt.Sprintf("generation %d, the last that was good, runs", r.Running)
	}
	if r.Err != nil {
		text = diag.Render(r.Err, diag.Files(r.Sources), diag.Options{Color: h.opts.Color})
	}
	if h.opts.Report != nil {
		h.opts.Report.Loaded(r, text)
		return
	}
	if r.Err != nil {
		h.logWith(text, "script not loaded; "+still, "script", r.Script, "err", r.Err)
		return
	}
	if r.Reason == engine.ReasonGiven {
		h.log.Info("script has its new values", "script", r.Script, "generation", r.Number)
		return
	}
	if r.Reason == engine.ReasonTakenBack {
		h.log.Info("the file is again what runs", "script", r.Script, "generation", r.Number)
		return
	}
	h.log.Info("script loaded", "script", r.Script, "generation", r.Number, "reason", r.Reason,
		"took", r.Took.Round(time.Microsecond), "held", r.Held.Round(time.Microsecond))
}

func running(generation int) string {
	if generation == 0 {
		return "nothing runs, its events wait"
	}
	return fmt.Sprintf("generation %d keeps running", generation)
}

// renderLoad is the text of a source that did not load.
func (h *Host) renderLoad(s *script, e *diag.Error, color bool) string {
	generation := 0
	if g := s.Current(); g != nil {
		generation = g.Number
	}
	var files map[string]string
	if loads := s.Loads(); len(loads) > 0 {
		files = loads[len(loads)-1].Sources
	}
	return diag.Render(e, diag.Files(files), diag.Options{Still: running(generation), Color: color})
}
