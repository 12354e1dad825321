package host

import (
	"context"
	"encoding/json"
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
	h *Host

	mu      sync.Mutex                      // one transaction at a time: events keep their order
	unknown map[matrix.RoomID][]sqlite.Held // rooms whose members are being asked for, with what waits
	asking  sync.WaitGroup
}

func newInbox(h *Host) *inbox {
	return &inbox{h: h, unknown: map[matrix.RoomID][]sqlite.Held{}}
}

// Seen implements appservice.TransactionLog.
func (in *inbox) Seen(ctx context.Context, key string) (bool, error) {
	return in.h.db.Seen(ctx, key)
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
	return nil
}

// room waits until the inbox has room.
func (in *inbox) room(ctx context.Context) error {
	for in.h.backlog() >= inboxMost {
		select {
		case <-in.h.clock.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
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

func (in *inbox) deliver(items []delivery.Item) {
	for _, item := range items {
		if s := in.h.script(item.Lane.Script); s != nil {
			s.Deliver(item)
		}
	}
}

// ask lets the members of rooms be asked for, once a room. in.mu is held.
func (in *inbox) ask(held []sqlite.Held) {
	for _, e := range held {
		room := matrix.RoomID(e.Room)
		waiting := in.unknown[room]
		in.unknown[room] = append(waiting, e)
		if len(waiting) == 0 {
			in.asking.Go(func() { in.askAndRoute(room) })
		}
	}
}

// askAndRoute asks for the members of a room and then routes what waited for them.
func (in *inbox) askAndRoute(room matrix.RoomID) {
	ctx := in.h.running
	pause := time.Second
	for {
		err := in.h.router.AskMembers(ctx, room)
		if err == nil {
			break
		}
		in.h.log.Warn("the members of a room cannot be asked for; its events wait", "room_id", room, "err", err)
		select {
		case <-in.h.clock.After(pause):
			pause = min(2*pause, time.Minute)
		case <-ctx.Done():
			return
		}
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, held := range in.unknown[room] {
		if err := in.routeHeld(ctx, held); err != nil {
			in.h.log.Error("an event waits for the next start", "room_id", room, "err", err)
			return
		}
	}
	delete(in.unknown, room)
}

func (in *inbox) routeHeld(ctx context.Context, held sqlite.Held) error {
	e, err := matrix.ParseEvent(json.RawMessage(held.Event))
	if err != nil {
		return err
	}
	scripts, _, err := in.h.router.Route(ctx, e)
	if err != nil {
		return err
	}
	items, err := in.h.db.Route(ctx, held.Seq, scripts)
	if err != nil {
		return err
	}
	in.deliver(items)
	return nil
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

// resumeScript puts the unfinished items of a script into its lanes.
func (h *Host) resumeScript(ctx context.Context, name string, deliver func(...delivery.Item)) error {
	lanes, err := h.db.Lanes(ctx, name)
	if err != nil {
		return err
	}
	for _, lane := range lanes {
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
