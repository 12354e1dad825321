package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"bridgehost/control"
	"bridgehost/delivery"
	"bridgehost/diag"
	"bridgehost/engine"
)

// The calls of the control socket.
const (
	CallStatus      = "status"
	CallReload      = "reload"
	CallRollback    = "rollback"
	CallDeadletters = "deadletters"
	CallReplay      = "replay"
	CallDrop        = "drop"
)

// ScriptCall names a script; "" means all.
type ScriptCall struct {
	Script string `json:"script,omitempty"`
}

// ReloadCall asks for a reload.
type ReloadCall struct {
	Script       string `json:"script,omitempty"`
	ReplayFailed bool   `json:"replay_failed,omitempty"`
}

// RollbackCall asks for an older generation.
type RollbackCall struct {
	Script string `json:"script"`
	To     int    `json:"to,omitempty"`
}

// DeadlettersCall chooses dead letters.
type DeadlettersCall struct {
	Script string  `json:"script,omitempty"`
	IDs    []int64 `json:"ids,omitempty"`
	All    bool    `json:"all,omitempty"`
	DryRun bool    `json:"dry_run,omitempty"`
}

func (h *Host) calls() map[string]control.Func {
	return map[string]control.Func{
		CallStatus:      call(h.status),
		CallReload:      call(h.reload),
		CallRollback:    call(h.rollback),
		CallDeadletters: call(h.deadletters),
		CallReplay:      call(h.replay),
		CallDrop:        call(h.drop),
	}
}

// call makes a control.Func of a typed one.
func call[In, Out any](f func(context.Context, In) (Out, error)) control.Func {
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
}

// ReloadAnswer is what became of the scripts that were asked for.
type ReloadAnswer struct {
	Scripts []Reloaded `json:"scripts"`
}

// Text is the answer for reading.
func (a ReloadAnswer) Text() string {
	var b strings.Builder
	for _, s := range a.Scripts {
		switch {
		case s.Error == "":
			fmt.Fprintf(&b, "%s: generation %d runs\n", s.Script, s.Generation)
		case s.Generation == 0:
			fmt.Fprintf(&b, "%s: not loaded; nothing runs, its events wait\n\n%s\n", s.Script, s.Error)
		default:
			fmt.Fprintf(&b, "%s: not loaded; generation %d keeps running\n\n%s\n", s.Script, s.Generation, s.Error)
		}
		if s.Replayed > 0 {
			fmt.Fprintf(&b, "%s: %d dead letters are handled again\n", s.Script, s.Replayed)
		}
	}
	return b.String()
}

// Failed is an error when a script did not load.
func (a ReloadAnswer) Failed() error {
	for _, s := range a.Scripts {
		if s.Error != "" {
			return fmt.Errorf("%w: %w", ErrShown, &scriptError{text: s.Error})
		}
	}
	return nil
}

func (h *Host) reload(ctx context.Context, in ReloadCall) (ReloadAnswer, error) {
	if in.Script == "" || h.script(in.Script) == nil {
		h.rescan(ctx) // a new file may be meant
	}
	scripts, err := h.named(in.Script)
	if err != nil {
		return ReloadAnswer{}, err
	}
	var out ReloadAnswer
	for _, s := range scripts {
		r := h.loaded(s, h.reloadOne(ctx, s, engine.ReasonAsked))
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
	onDisk := ""
	if src, err := s.found.read(); err == nil {
		onDisk = src.Hash()
	}
	return ReloadAnswer{[]Reloaded{h.loaded(s, s.Rollback(ctx, in.To, onDisk))}}, nil
}

func (h *Host) loaded(s *script, err error) Reloaded {
	r := Reloaded{Script: s.Name}
	if g := s.Current(); g != nil {
		r.Generation = g.Number
	}
	if err != nil {
		r.Error = err.Error()
		var e *diag.Error
		if errors.As(err, &e) {
			r.Error = h.renderLoad(s, e)
		}
	}
	return r
}

// Deadletter is one dead letter for reading.
type Deadletter struct {
	ID       int64           `json:"id"`
	Script   string          `json:"script"`
	RoomID   string          `json:"room_id"`
	Died     time.Time       `json:"died"`
	Attempts int             `json:"attempts"`
	Error    *diag.Error     `json:"error"`
	Event    json.RawMessage `json:"event"`
}

// Deadletters is a list of them.
type Deadletters struct {
	Deadletters []Deadletter `json:"deadletters"`
}

// Text is a line for each.
func (d Deadletters) Text() string {
	if len(d.Deadletters) == 0 {
		return "no dead letters\n"
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tSCRIPT\tDIED\tROOM\tERROR")
	for _, l := range d.Deadletters {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", l.ID, l.Script, l.Died.Local().Format("2006-01-02 15:04:05"), l.RoomID, l.Error)
	}
	w.Flush()
	return b.String() + "Handle them again: bridgehost deadletters replay --all\n"
}

// Long is everything about each.
func (d Deadletters) Long() string {
	var b strings.Builder
	for _, l := range d.Deadletters {
		fmt.Fprintf(&b, "dead letter %d of %s in %s, %s, after %d tries\n%s\n", l.ID, l.Script, l.RoomID,
			l.Died.Local().Format(time.RFC1123), l.Attempts, l.Error)
		for _, f := range l.Error.Trace {
			fmt.Fprintf(&b, "    %s:%d %s\n", f.File, f.Line, f.Func)
		}
		fmt.Fprintf(&b, "%s\n", l.Event)
	}
	return b.String()
}

func (h *Host) deadletters(ctx context.Context, in DeadlettersCall) (Deadletters, error) {
	letters, err := h.chosen(ctx, in)
	out := Deadletters{Deadletters: []Deadletter{}}
	for _, l := range letters {
		one := Deadletter{ID: l.ID, Script: l.Item.Lane.Script, RoomID: l.Item.Lane.Room, Died: l.Died,
			Attempts: l.Attempts, Event: l.Item.Payload, Error: &diag.Error{}}
		if err := json.Unmarshal(l.Failure, one.Error); err != nil {
			one.Error.Message = string(l.Failure)
		}
		out.Deadletters = append(out.Deadletters, one)
	}
	return out, err
}

// chosen lists the dead letters that a call names; without ids, all of the script.
func (h *Host) chosen(ctx context.Context, in DeadlettersCall) ([]delivery.DeadLetter, error) {
	all, err := h.db.DeadLetters(ctx, in.Script)
	if err != nil || len(in.IDs) == 0 {
		return all, err
	}
	var some []delivery.DeadLetter
	for _, id := range in.IDs {
		n := len(some)
		for _, l := range all {
			if l.ID == id {
				some = append(some, l)
			}
		}
		if len(some) == n {
			return nil, &control.Error{Message: fmt.Sprintf("there is no dead letter %d", id), Exit: 2}
		}
	}
	return some, nil
}

// DeadlettersChanged says which were replayed or dropped.
type DeadlettersChanged struct {
	IDs    []int64 `json:"ids"`
	DryRun bool    `json:"dry_run,omitempty"`
}

// Text is the answer for reading.
func (d DeadlettersChanged) Text(verb string) string {
	would := ""
	if d.DryRun {
		would = "would "
	}
	return fmt.Sprintf("%s%s: %d\n", would, verb, len(d.IDs))
}

func (h *Host) replay(ctx context.Context, in DeadlettersCall) (DeadlettersChanged, error) {
	return h.change(ctx, in, func(l delivery.DeadLetter) error {
		item, err := h.db.Replay(ctx, l.ID)
		if err != nil {
			return err
		}
		h.inbox.deliver([]delivery.Item{item})
		return nil
	})
}

func (h *Host) drop(ctx context.Context, in DeadlettersCall) (DeadlettersChanged, error) {
	return h.change(ctx, in, func(l delivery.DeadLetter) error { return h.db.Drop(ctx, l.ID) })
}

func (h *Host) change(ctx context.Context, in DeadlettersCall, f func(delivery.DeadLetter) error) (DeadlettersChanged, error) {
	out := DeadlettersChanged{IDs: []int64{}, DryRun: in.DryRun}
	letters, err := h.chosen(ctx, in)
	if err != nil {
		return out, err
	}
	for _, l := range letters {
		if !in.DryRun {
			if err := f(l); err != nil {
				return out, fmt.Errorf("dead letter %d: %w", l.ID, err)
			}
		}
		out.IDs = append(out.IDs, l.ID)
	}
	return out, nil
}
