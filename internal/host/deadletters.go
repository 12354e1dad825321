package host

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"bridgehost/control"
	"bridgehost/delivery"
	"bridgehost/diag"
)

// DeadlettersCall chooses dead letters.
type DeadlettersCall struct {
	Script string  `json:"script,omitempty"`
	IDs    []int64 `json:"ids,omitempty"`
	All    bool    `json:"all,omitempty"`
	DryRun bool    `json:"dry_run,omitempty"`
}

// Deadletter is one dead letter for reading.
type Deadletter struct {
	ID       int64           `json:"id"`
	Script   string          `json:"script"`
	RoomID   string          `json:"room_id,omitempty"`
	Queue    string          `json:"queue,omitempty"` // of the script's own, in the place of a room
	Key      string          `json:"key,omitempty"`
	Died     time.Time       `json:"died"`
	Attempts int             `json:"attempts"`
	Error    *diag.Error     `json:"error"`
	Event    json.RawMessage `json:"event"` // or the value that was pushed
}

// where is the room, or the queue and the key.
func (l Deadletter) where() string {
	switch {
	case l.Queue == "":
		return l.RoomID
	case l.Key == "":
		return "queue " + l.Queue
	}
	return fmt.Sprintf("queue %s, key %s", l.Queue, l.Key)
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
	t := table{head: []string{"ID", "SCRIPT", "DIED", "TRIES", "ROOM", "ERROR"}, right: "ID TRIES"}
	for _, l := range d.Deadletters {
		t.row(l.ID, l.Script, l.Died.Local().Format("2006-01-02 15:04:05"), l.Attempts, l.where(), l.Error)
	}
	return t.String() + "\nSee one with its event: bridgehost deadletters show ID\nHandle them again: bridgehost deadletters replay --all\n"
}

// Long is everything about each.
func (d Deadletters) Long() string {
	var b strings.Builder
	for _, l := range d.Deadletters {
		fmt.Fprintf(&b, "dead letter %d of %s in %s, %s, tries: %d\n\nerror: %s\n", l.ID, l.Script, l.where(),
			l.Died.Local().Format(time.DateTime), l.Attempts, l.Error)
		for _, f := range l.Error.Trace {
			fmt.Fprintf(&b, "    %s\n", strings.TrimSpace(fmt.Sprintf("%s:%d %s", f.File, f.Line, f.Func)))
		}
		fmt.Fprintf(&b, "%s\n", indented(l.Event))
	}
	return b.String()
}

// indented is an event over several lines; what is no JSON stays as it is.
func indented(event json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, event, "    ", "  ") != nil {
		return "    " + string(event)
	}
	return "    " + b.String()
}

func (h *Host) deadletters(ctx context.Context, in DeadlettersCall) (Deadletters, error) {
	letters, err := h.chosen(ctx, in)
	out := Deadletters{Deadletters: []Deadletter{}}
	for _, l := range letters {
		one := Deadletter{ID: l.ID, Script: l.Item.Lane.Script, Died: l.Died,
			Attempts: l.Attempts, Event: l.Item.Payload, Error: &diag.Error{}}
		var queue bool
		if one.Queue, one.Key, queue = l.Item.Lane.Queue(); !queue {
			one.RoomID = l.Item.Lane.Room
		}
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

// Replayed is what a replay did, for reading.
func (d DeadlettersChanged) Replayed() string {
	return d.text("handled again", "nothing to handle again")
}

// Dropped is what a drop did, for reading.
func (d DeadlettersChanged) Dropped() string { return d.text("forgotten", "nothing to forget") }

func (d DeadlettersChanged) text(done, nothing string) string {
	are, letters := "are", "dead letters"
	if len(d.IDs) == 1 {
		are, letters = "is", "dead letter"
	}
	if d.DryRun {
		are = "would be"
	}
	if len(d.IDs) == 0 {
		return nothing + "\n"
	}
	return fmt.Sprintf("%d %s %s %s\n", len(d.IDs), letters, are, done)
}

func (h *Host) replay(ctx context.Context, in DeadlettersCall) (DeadlettersChanged, error) {
	return h.change(ctx, in, func(l delivery.DeadLetter) error {
		return h.inbox.replay(ctx, l.ID)
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
