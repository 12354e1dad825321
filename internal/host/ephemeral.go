package host

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	"bridgehost/matrix"
)

// ephemeralMost is how many typing, receipt and presence events wait for a script. They
// are in memory only, and worth nothing once they are old: what comes when it is full is left out.
const ephemeralMost = 1000

// ephemeral gives the scripts what is not kept, to each in order.
type ephemeral struct {
	h *Host

	mu      sync.Mutex
	waiting map[string][]*matrix.Event // by script; an entry means that somebody hands them out
	left    map[string]int             // out since the script fell behind
}

// take routes events: those of a room to the scripts that see it, presence to those that
// share a room with the user. It never waits for a handler.
func (p *ephemeral) take(ctx context.Context, events []json.RawMessage) {
	for _, raw := range events {
		e, err := matrix.ParseEvent(raw)
		if err != nil {
			p.h.log.Debug("an ephemeral event was skipped", "err", err)
			continue
		}
		for _, s := range p.h.all() {
			if !s.lua.HearsEphemeral(s.Script, e) {
				continue
			}
			sees, err := p.sees(ctx, s.Name, e)
			if err != nil {
				p.h.log.Warn("an ephemeral event was skipped", "script", s.Name, "type", e.Type, "err", err)
			} else if sees {
				p.queue(s, e)
			}
		}
	}
}

func (p *ephemeral) sees(ctx context.Context, script string, e *matrix.Event) (bool, error) {
	rooms := []matrix.RoomID{e.RoomID}
	if e.RoomID == "" {
		var err error
		if rooms, err = p.h.db.SharedRooms(ctx, e.Sender); err != nil {
			return false, err
		}
	}
	for _, room := range rooms {
		scripts, err := p.h.router.InRoom(ctx, room)
		if err != nil || slices.Contains(scripts, script) {
			return err == nil, err
		}
	}
	return false, nil
}

func (p *ephemeral) queue(s *script, e *matrix.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting, handing := p.waiting[s.Name]
	if len(waiting) >= ephemeralMost {
		if p.left[s.Name]++; p.left[s.Name] == 1 {
			p.h.log.Warn("the script is behind: typing, receipt and presence events are left out", "script", s.Name, "waiting", len(waiting))
		}
		return
	}
	if p.waiting == nil {
		p.waiting, p.left = map[string][]*matrix.Event{}, map[string]int{}
	}
	p.waiting[s.Name] = append(waiting, e)
	if !handing {
		p.h.starting.Go(func() { p.handOut(s) })
	}
}

// handOut runs until nothing waits for s.
func (p *ephemeral) handOut(s *script) {
	for {
		p.mu.Lock()
		waiting := p.waiting[s.Name]
		if len(waiting) == 0 || p.h.running.Err() != nil {
			delete(p.waiting, s.Name)
			left := p.left[s.Name]
			delete(p.left, s.Name)
			p.mu.Unlock()
			if left > 0 {
				p.h.log.Info("the script has caught up", "script", s.Name, "left_out", left)
			}
			return
		}
		e := waiting[0]
		p.waiting[s.Name] = waiting[1:]
		p.mu.Unlock()
		_ = s.lua.Hear(p.h.running, s.Script, e) // reported already
	}
}
