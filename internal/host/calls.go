package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"bridgehost/control"
	"bridgehost/diag"
	"bridgehost/engine"
)

// The calls of the control socket.
const (
	CallStatus      = "status"
	CallReload      = "reload"
	CallRollback    = "rollback"
	CallStop        = "stop"
	CallStart       = "start"
	CallDeadletters = "deadletters"
	CallReplay      = "replay"
	CallDrop        = "drop"
	CallLogs        = "logs"
	CallConsole     = "console"
	CallComplete    = "console-complete"
	CallConsoleEnds = "console-ends"
	CallUses        = "uses"
	CallGrants      = "grants"
	CallRelock      = "relock"
	CallPurge       = "purge"
)

// ScriptCall names a script; "" means all.
type ScriptCall struct {
	Script string `json:"script,omitempty"`
	Color  bool   `json:"color,omitempty"` // of the errors in the answer
	DryRun bool   `json:"dry_run,omitempty"`
}

// ReloadCall asks for a reload.
type ReloadCall struct {
	Script       string `json:"script,omitempty"`
	ReplayFailed bool   `json:"replay_failed,omitempty"`
	Color        bool   `json:"color,omitempty"`
	DryRun       bool   `json:"dry_run,omitempty"`
}

// RollbackCall asks for an older generation.
type RollbackCall struct {
	Script string `json:"script"`
	To     int    `json:"to,omitempty"`
	Color  bool   `json:"color,omitempty"`
	DryRun bool   `json:"dry_run,omitempty"`
}

func (h *Host) calls() map[string]control.Func {
	return map[string]control.Func{
		CallStatus:      call(h.status),
		CallReload:      call(h.reload),
		CallRollback:    call(h.rollback),
		CallStop:        call(h.stopScript),
		CallStart:       call(h.startScript),
		CallDeadletters: call(h.deadletters),
		CallReplay:      call(h.replay),
		CallDrop:        call(h.drop),
		CallLogs:        asked(h.sendLogs),
		CallConsole:     asked(h.evaluate),
		CallComplete:    asked(h.complete),
		CallConsoleEnds: call(h.consoleEnds),
		CallUses:        call(h.usesOf),
		CallGrants:      call(h.regrant),
		CallRelock:      call(h.relock),
		CallPurge:       call(h.purge),
	}
}

// call makes a control.Func of a typed one. What was begun is brought to its end, also
// when whoever asked has gone.
func call[In, Out any](f func(context.Context, In) (Out, error)) control.Func {
	return asked(func(ctx context.Context, in In) (Out, error) { return f(context.WithoutCancel(ctx), in) })
}

// asked is call for what ends when whoever asked goes away.
func asked[In, Out any](f func(context.Context, In) (Out, error)) control.Func {
	return func(ctx context.Context, raw json.RawMessage) (any, error) {
		var in In
		if err := json.Unmarshal(raw, &in); err != nil {
			return nil, fmt.Errorf("the call is not understood: %w", err)
		}
		return f(ctx, in)
	}
}

// named lists the scripts that a call is about.
func (h *Host) named(name string) ([]*script, error) {
	if name == "" {
		return h.all(), nil
	}
	if s := h.script(name); s != nil {
		return []*script{s}, nil
	}
	var names []string
	for _, s := range h.all() {
		names = append(names, s.Name)
	}
	hint := "there is none"
	if len(names) > 0 {
		hint = "there are " + strings.Join(names, ", ")
	}
	if s := diag.Suggest(name, names); s != "" {
		hint = fmt.Sprintf("did you mean %q?", s)
	}
	return nil, &control.Error{Message: fmt.Sprintf("no script %q runs here; %s", name, hint), Exit: 2}
}

// Reloaded is what became of one script.
type Reloaded struct {
	Script     string `json:"script"`
	Generation int    `json:"generation"` // that runs now
	Error      string `json:"error,omitempty"`
	Replayed   int    `json:"replayed,omitempty"`
	Would      string `json:"would,omitempty"` // of a dry run
	Later      bool   `json:"later,omitempty"` // it is not at fault, and is loaded again by itself
}

// ReloadAnswer is what became of the scripts that were asked for.
type ReloadAnswer struct {
	Scripts []Reloaded `json:"scripts"`
	// Restart are keys of the configuration that changed and take effect at the next start.
	Restart []string `json:"restart,omitempty"`
	DryRun  bool     `json:"dry_run,omitempty"`
}

// Text is what went well, for reading.
func (a ReloadAnswer) Text() string {
	var b strings.Builder
	for _, s := range a.Scripts {
		switch {
		case s.Would != "":
			fmt.Fprintf(&b, "%s: would %s\n", s.Script, s.Would)
		case s.Error == "":
			fmt.Fprintf(&b, "%s: generation %d runs\n", s.Script, s.Generation)
		}
		if s.Replayed > 0 {
			fmt.Fprintf(&b, "%s: %s", s.Script, DeadlettersChanged{IDs: make([]int64, s.Replayed), DryRun: a.DryRun}.Replayed())
		}
	}
	if len(a.Scripts) == 0 {
		b.WriteString("there is no script\n")
	}
	for _, key := range a.Restart {
		fmt.Fprintf(&b, "%s takes effect at the next start\n", key)
	}
	return b.String()
}

// Failed is an error, with the texts of all, when a script did not load.
func (a ReloadAnswer) Failed() error {
	var texts []string
	for _, s := range a.Scripts {
		if s.Error != "" {
			texts = append(texts, fmt.Sprintf("%s: not loaded; %s\n%s", s.Script, running(s.Generation), strings.TrimRight(s.Error, "\n")))
		}
	}
	if texts == nil {
		return nil
	}
	return &scriptError{text: strings.Join(texts, "\n\n")}
}

func (h *Host) reload(ctx context.Context, in ReloadCall) (ReloadAnswer, error) {
	if in.DryRun {
		return h.wouldReload(ctx, in)
	}
	if s := h.script(in.Script); s == nil {
		h.rescan(ctx) // a new file may be meant
	} else if s.found.bundle != nil {
		if _, err := h.relock(ctx, RelockCall{Script: in.Script}); err != nil {
			return ReloadAnswer{}, err
		}
	}
	scripts, err := h.named(in.Script)
	if err != nil {
		return ReloadAnswer{}, err
	}
	change, err := h.takeConfig()
	if err != nil {
		return ReloadAnswer{}, &control.Error{Message: err.Error() + "\nNothing was loaded; everything runs on.", Exit: ExitConfig}
	}
	out := ReloadAnswer{Restart: change.restart}
	h.configure(ctx, change.besides(scripts))
	for _, s := range scripts {
		if s.stopped && in.Script == "" {
			continue
		}
		if s.stopped {
			return out, errStopped(s.Name)
		}
		failed := h.reloadOne(ctx, s, engine.ReasonAsked)
		if refused := asRefused(failed); refused != failed && in.Script != "" {
			return out, refused
		}
		r := h.loaded(s, failed, in.Color)
		if in.ReplayFailed && r.Error == "" {
			changed, err := h.replay(ctx, DeadlettersCall{Script: s.Name, All: true})
			if err != nil {
				return out, err
			}
			r.Replayed = len(changed.IDs)
		}
		out.Scripts = append(out.Scripts, r)
	}
	return out, nil
}

func (h *Host) rollback(ctx context.Context, in RollbackCall) (ReloadAnswer, error) {
	scripts, err := h.named(in.Script)
	if err != nil {
		return ReloadAnswer{}, err
	}
	s := scripts[0]
	s.loading.Lock()
	defer s.loading.Unlock()
	if s.stopped {
		return ReloadAnswer{}, errStopped(s.Name)
	}
	if in.DryRun {
		return wouldRollback(ctx, s, in.To)
	}
	onDisk := ""
	if src, _, err := s.found.read(h.values(s.Name)); err == nil {
		onDisk = src.Hash()
	} else if s.found.bundle != nil {
		return ReloadAnswer{}, asRefused(err) // what it may do is not known
	}
	failed := s.Rollback(ctx, in.To, onDisk)
	if failed != nil && failed.Kind == diag.KindUsage && failed.Where == "" { // nothing was loaded
		return ReloadAnswer{}, nothingOlder(failed)
	}
	loadFailed := h.resumeRunning(ctx, s)
	if failed != nil {
		loadFailed = failed
	}
	return ReloadAnswer{Scripts: []Reloaded{h.loaded(s, loadFailed, in.Color)}}, nil
}

// loaded is what became of s, err being why it did not load.
func (h *Host) loaded(s *script, err error, color bool) Reloaded {
	r := Reloaded{Script: s.Name}
	if g := s.Current(); g != nil {
		r.Generation = g.Number
	}
	if err == nil {
		return r
	}
	r.Error = err.Error()
	var e *diag.Error
	if errors.As(err, &e) {
		r.Error = h.renderLoad(s, e, color)
		switch e.Kind {
		case diag.KindMatrix, diag.KindNet, diag.KindHTTP, diag.KindTimeout, diag.KindStopping:
			r.Later = r.Generation == 0
		}
	}
	return r
}
