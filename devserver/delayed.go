package devserver

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"bridgehost/matrix"
)

// What Synapse's configuration names: the longest delay, and how many delayed events a user may have.
const (
	maxDelay   = 24 * time.Hour
	maxDelayed = 100
)

// delayed is an event that is sent later (MSC4140). Guarded by Server.mu.
type delayed struct {
	id    string
	seq   int // among all of the server
	room  *room
	draft draft
	delay time.Duration
	at    int64 // when it is due, milliseconds since 1970
}

// later keeps an event for as long as the query parameter says. Whether it may be sent is
// looked at when it is due. asked is false for a request without that parameter.
func (c *call) later(d draft) (out any, r *refusal, asked bool) {
	const parameter = "org.matrix.msc4140.delay"
	if !c.r.URL.Query().Has(parameter) {
		return nil, nil, false
	}
	ms, r := c.number(parameter, 0)
	if r != nil {
		return nil, r, true
	}
	if int64(ms) > maxDelay.Milliseconds() {
		return nil, fail(http.StatusBadRequest, "ORG.MATRIX.MSC4140_DELAY_TOO_LARGE",
			"The requested delay (%dms) exceeds the allowed maximum (%dms)", ms, maxDelay.Milliseconds()), true
	}
	rm := c.s.rooms[matrix.RoomID(c.args[0])]
	if rm == nil {
		return nil, notFound("Could not find room version for %s", c.args[0]), true
	}
	if d.content, r = checkContent(d.content); r != nil {
		return nil, r, true
	}
	own, first := 0, int64(0)
	for _, other := range c.s.delayed {
		if other.draft.sender == d.sender {
			if own++; first == 0 || other.at < first {
				first = other.at
			}
		}
	}
	if own >= maxDelayed {
		r := limited(time.Duration(max(first-c.s.now(), 1)) * time.Millisecond)
		r.text = "The maximum number of delayed events has been reached."
		return nil, r, true
	}
	c.s.delays++
	one := &delayed{id: "syd_" + randomID(20), seq: c.s.delays, room: rm, draft: d, delay: time.Duration(ms) * time.Millisecond}
	c.s.delayed[one.id] = one
	c.s.start(one)
	return object{"delay_id": one.id}, nil, true
}

// start begins the delay, or begins it anew. s.mu is held.
func (s *Server) start(one *delayed) {
	one.at = s.now() + one.delay.Milliseconds()
	s.o.Clock.AfterFunc(one.delay, s.sendDue)
}

// sendDue sends all that is due, in the order of its times.
func (s *Server) sendDue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return
	}
	now := s.now()
	var due []*delayed
	for _, one := range s.delayed {
		if one.at <= now {
			due = append(due, one)
		}
	}
	slices.SortFunc(due, func(a, b *delayed) int { return cmp.Or(cmp.Compare(a.at, b.at), a.seq-b.seq) })
	for _, one := range due {
		if s.delayed[one.id] == nil {
			continue // another one of them has changed the same state
		}
		if r := s.sendDelayed(one); r != nil {
			s.o.Log.Info("a delayed event was not sent", "delay_id", one.id, "err", r)
		}
	}
}

// sendDelayed sends one now; it is done with even when it may not be sent. s.mu is held.
func (s *Server) sendDelayed(one *delayed) *refusal {
	delete(s.delayed, one.id)
	var r *refusal
	if one.draft.key != nil {
		_, r = s.sendState(one.room, one.draft)
	} else {
		_, r = s.send(one.room, one.draft)
	}
	return r
}

// dropDelayed forgets what others wanted to do to a piece of state that somebody has
// changed meanwhile. s.mu is held.
func (s *Server) dropDelayed(e *event) {
	for id, one := range s.delayed {
		if d := one.draft; d.key != nil && one.room == e.room && d.typ == e.typ && *d.key == *e.key && d.sender != e.sender {
			delete(s.delayed, id)
		}
	}
}

// updateDelayed takes everybody who knows the id, with or without a token.
func updateDelayed(c *call) (any, *refusal) {
	if c.r.Header.Get("Authorization") != "" || c.r.URL.Query().Has("access_token") {
		if r := c.authenticate(false); r != nil {
			return nil, r
		}
	}
	var in struct{ Action *string }
	if r := c.object(&in, false); r != nil {
		return nil, r
	}
	if in.Action == nil {
		return nil, fail(http.StatusBadRequest, "M_MISSING_PARAM", "'action' is missing")
	}
	if !slices.Contains([]string{"cancel", "restart", "send"}, *in.Action) {
		return nil, fail(http.StatusBadRequest, "M_INVALID_PARAM", "'action' is not one of 'cancel', 'restart', 'send'")
	}
	one := c.s.delayed[c.args[0]]
	if one == nil {
		return nil, notFound("Delayed event not found")
	}
	switch *in.Action {
	case "cancel":
		delete(c.s.delayed, one.id)
	case "restart":
		c.s.start(one)
	case "send":
		if r := c.s.sendDelayed(one); r != nil {
			return nil, r
		}
	}
	return object{}, nil
}
