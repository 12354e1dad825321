package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"bridgehost/appservice"
	"bridgehost/delivery"
	"bridgehost/matrix"
	"bridgehost/store/sqlite"
)

// inboxMost is how many unfinished events the host takes before the homeserver is
// answered late, and after 30 s with 503: it repeats, nothing is lost.
const inboxMost = 10_000

// inbox takes transactions on disk and gives their events to the scripts that see
// them. It satisfies appservice.TransactionLog.
type inbox struct {
	h    *Host
	most int // inboxMost

	mu      sync.Mutex                      // one transaction at a time: events keep their order
	unknown map[matrix.RoomID][]sqlite.Held // rooms whose members are being asked for, with what waits
	held    int                             // how many wait there
	queues  map[string]bool                 // scripts whose lanes hold what their own queues had on disk
	resumed map[string]bool                 // scripts whose lanes hold what is on disk: what comes now goes behind
	asking  sync.WaitGroup
}

func newInbox(h *Host) *inbox {
	return &inbox{h: h, most: inboxMost, unknown: map[matrix.RoomID][]sqlite.Held{}, queues: map[string]bool{}, resumed: map[string]bool{}}
}

// Seen implements appservice.TransactionLog.
func (in *inbox) Seen(ctx context.Context, key string) (bool, error) {
	return in.h.db.Seen(ctx, key)
}

// Last implements appservice.TransactionLog.
func (in *inbox) Last() string {
	id, _, _ := strings.Cut(in.h.db.LastTxn(), " ") // of the key, which begins with it
	return id
}

// Accept implements appservice.TransactionLog.
func (in *inbox) Accept(ctx context.Context, t appservice.Accepted) error {
	if err := in.room(ctx); err != nil {
		return err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	routed := make([]sqlite.Routed, 0, len(t.Events))
	for _, raw := range t.Events {
		e, err := matrix.ParseEvent(raw)
		if err != nil {
			in.h.log.Warn("an event was skipped", "txn_id", t.TxnID, "err", err)
			continue
		}
		one, err := in.route(ctx, e)
		if err != nil {
			return err
		}
		if one.Unrouted || len(one.Scripts) > 0 {
			routed = append(routed, one)
		}
	}
	items, held, err := in.h.db.Accept(ctx, t.Key, routed)
	if err != nil {
		return err
	}
	in.deliver(items)
	in.ask(held)
	in.h.heard.take(ctx, t.Ephemeral)
	return nil
}

// room waits until the inbox has room.
func (in *inbox) room(ctx context.Context) error {
	for in.size() >= in.most {
		select {
		case <-in.h.clock.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// size is how many events are not finished, those that wait for a room's members included.
func (in *inbox) size() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.held + in.h.backlog()
}

// route takes e into the state store and asks who sees it. in.mu is held.
func (in *inbox) route(ctx context.Context, e *matrix.Event) (sqlite.Routed, error) {
	one := sqlite.Routed{Event: e.Raw, EventID: string(e.EventID), Room: string(e.RoomID)}
	if e.IsState() {
		if err := in.h.db.UpdateState(ctx, e); err != nil {
			return one, err
		}
		in.h.stateChanged(e)
	}
	if _, waits := in.unknown[e.RoomID]; waits {
		one.Unrouted = true
		return one, nil
	}
	scripts, known, err := in.h.router.Route(ctx, e)
	one.Scripts, one.Unrouted = scripts, !known
	if one.Unrouted {
		in.unknown[e.RoomID] = []sqlite.Held{}
	}
	return one, err
}

// deliver puts items into their lanes. Those of a script that does not run yet are found on
// disk when it does: they must not come twice. in.mu is held.
func (in *inbox) deliver(items []delivery.Item) {
	for _, item := range items {
		resumed := in.resumed
		if item.Kind == delivery.KindQueue {
			resumed = in.queues
		}
		if s := in.h.script(item.Lane.Script); s != nil && resumed[s.Name] {
			s.Deliver(item)
		}
	}
}

// replay takes a dead letter back into its lane.
func (in *inbox) replay(ctx context.Context, id int64) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	item, err := in.h.db.Replay(ctx, id)
	if err != nil {
		return err
	}
	in.deliver([]delivery.Item{item})
	return nil
}

// ask lets the members of rooms be asked for, once a room. in.mu is held.
func (in *inbox) ask(held []sqlite.Held) {
	for _, e := range held {
		room := matrix.RoomID(e.Room)
		waiting := in.unknown[room]
		in.unknown[room] = append(waiting, e)
		in.held++
		if len(waiting) == 0 {
			in.asking.Go(func() { in.askAndRoute(room) })
		}
	}
}

// askAndRoute asks for the members of a room and then routes what waited for them. Until
// both have succeeded that room waits, and no other.
func (in *inbox) askAndRoute(room matrix.RoomID) {
	ctx := in.h.running
	asked := false
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		var err error
		if !asked {
			err = in.h.router.AskMembers(ctx, room)
			asked = err == nil
		}
		if err == nil {
			err = in.routeWaiting(ctx, room)
		}
		if err == nil {
			return
		}
		in.h.log.Warn("the events of a room wait: who is in it is not known, or they cannot be stored", "room_id", room, "in", pause, "err", err)
		select {
		case <-in.h.clock.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// routeWaiting routes what waits in a room; after an error the rest still waits.
func (in *inbox) routeWaiting(ctx context.Context, room matrix.RoomID) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.unknown[room]) > 0 {
		if err := in.routeHeld(ctx, in.unknown[room][0]); err != nil {
			return err
		}
		in.unknown[room] = in.unknown[room][1:]
		in.held--
	}
	delete(in.unknown, room)
	return nil
}

// routeHeld gives one event to the scripts that see it. in.mu is held.
func (in *inbox) routeHeld(ctx context.Context, held sqlite.Held) error {
	var scripts []string
	e, err := matrix.ParseEvent(json.RawMessage(held.Event))
	if err != nil {
		in.h.log.Error("an event was skipped", "room_id", held.Room, "err", err) // waiting would not make it better
	} else if scripts, _, err = in.h.router.Route(ctx, e); err != nil {
		return err
	}
	items, err := in.h.db.Route(ctx, held.Seq, scripts)
	if err != nil && !errors.Is(err, sqlite.ErrNotFound) { // not found: it was routed already
		return err
	}
	in.deliver(items)
	return nil
}

// isResumed tells whether a script's lanes hold what is on disk.
func (in *inbox) isResumed(script string) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.resumed[script]
}

// resume brings back what an earlier run left: items in their lanes, events without a route.
func (in *inbox) resume(ctx context.Context) error {
	held, err := in.h.db.Unrouted(ctx)
	if err != nil {
		return err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.ask(held)
	return nil
}

// resumeScript puts the unfinished items of a script into its lanes. No transaction is
// accepted meanwhile: its events come behind, and none twice.
func (h *Host) resumeScript(ctx context.Context, name string, deliver func(...delivery.Item)) error {
	h.inbox.mu.Lock()
	defer h.inbox.mu.Unlock()
	// Again, now that nothing is being routed: what was remembered since the script became
	// known may be without it.
	h.router.ScriptsChanged()
	err := h.unfinished(ctx, name, false, deliver)
	if err == nil {
		h.inbox.resumed[name] = true
	}
	return err
}

// resumeQueues puts what waits in a script's own queues into its lanes. That is done before
// its first version runs, which may push more: that comes behind, and none twice.
func (h *Host) resumeQueues(ctx context.Context, s *script) error {
	h.inbox.mu.Lock()
	defer h.inbox.mu.Unlock()
	if h.inbox.queues[s.Name] {
		return nil
	}
	err := h.unfinished(ctx, s.Name, true, func(items ...delivery.Item) { s.Deliver(items...) })
	if err != nil {
		return fmt.Errorf("script %s: what waits in its queues: %w", s.Name, err)
	}
	h.inbox.queues[s.Name] = true
	return nil
}

// unfinished delivers what is on disk for a script: the items of its queues, or all others.
func (h *Host) unfinished(ctx context.Context, name string, queues bool, deliver func(...delivery.Item)) error {
	lanes, err := h.db.Lanes(ctx, name)
	if err != nil {
		return err
	}
	for _, lane := range lanes {
		if _, _, queue := lane.Queue(); queue != queues {
			continue
		}
		for after := int64(0); ; {
			items, err := h.db.Next(ctx, lane, after, 1000)
			if err != nil {
				return err
			}
			if len(items) == 0 {
				break
			}
			deliver(items...)
			after = items[len(items)-1].Seq
		}
	}
	return nil
}
