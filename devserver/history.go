package devserver

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"bridgehost/matrix"
)

// page is what a call wants of a room's history. A token "t5" stands before the event
// of index 5.
type page struct {
	forward  bool
	from, to string
	limit    int
}

// page reads what messages and relations have in common.
func (c *call) page(defaultDir string, defaultLimit int) (page, *refusal) {
	q := c.r.URL.Query()
	dir := q.Get("dir")
	if !q.Has("dir") {
		dir = defaultDir
	}
	if dir != "f" && dir != "b" {
		return page{}, fail(http.StatusBadRequest, "M_INVALID_PARAM", "Query parameter 'dir' must be one of ['f', 'b']")
	}
	p := page{forward: dir == "f", from: q.Get("from"), to: q.Get("to")}
	for name, token := range map[string]string{"from": p.from, "to": p.to} {
		if !tokenMeansSomething(token) {
			return page{}, fail(http.StatusBadRequest, "M_UNKNOWN", "'%s' parameter is invalid", name)
		}
	}
	var r *refusal
	p.limit, r = c.limit(defaultLimit)
	p.limit = min(p.limit, 1000)
	return p, r
}

func (c *call) limit(otherwise int) (int, *refusal) {
	n, r := c.integer("limit", int64(otherwise))
	return int(min(n, 1<<20)), r
}

func tokenMeansSomething(token string) bool {
	if token == "" {
		return true
	}
	digits, ok := strings.CutPrefix(token, "t")
	n, err := strconv.Atoi(digits)
	return ok && err == nil && n >= 0
}

func token(index int) string { return "t" + strconv.Itoa(index) }

// bounds are where a page begins and where it ends at the latest.
func (p page) bounds(events int) (at, to int) {
	at, to = events, 0
	if p.forward {
		at, to = to, at
	}
	if p.from != "" {
		at, _ = strconv.Atoi(p.from[1:]) // was looked at when it was read
	}
	if p.to != "" {
		to, _ = strconv.Atoi(p.to[1:])
	}
	return min(at, events), min(to, events)
}

// walk goes from one place in the timeline towards another, takes what is kept until
// there is enough, and tells where the last one that was taken ends.
func (rm *room) walk(forward bool, at, to, limit int, keep func(*event) bool) (taken []*event, end int) {
	for end = at; len(taken) < limit && (forward && at < to || !forward && at > to); {
		i := at - 1
		if forward {
			i = at
			at++
		} else {
			at--
		}
		if e := rm.timeline[i]; keep(e) {
			taken = append(taken, e)
			end = at
		}
	}
	return taken, end
}

// messages pages through the timeline.
func messages(c *call) (any, *refusal) {
	p, r := c.page("f", 10)
	if r != nil {
		return nil, r
	}
	f, r := c.filter("filter")
	if r != nil {
		return nil, r
	}
	rm, r := c.readable()
	if r != nil {
		return nil, r
	}
	at, to := p.bounds(len(rm.timeline))
	if left := rm.state[stateID{"m.room.member", string(c.user)}]; !p.forward && left != nil && left.membership == "leave" {
		at = min(at, left.index+1)
	}
	taken, end := rm.walk(p.forward, at, to, p.limit, f.keeps)
	out := object{"start": token(at), "chunk": []json.RawMessage{}}
	if len(taken) == 0 && p.limit > 0 {
		return out, nil // that is the end
	}
	out["end"] = token(end)
	seen := c.visible(taken, rm.membership(c.user) == "")
	out["chunk"] = c.allShown(seen)
	if f.LazyLoadMembers && len(seen) > 0 {
		out["state"] = c.s.wires(f.senders(rm, seen, seen[0].index))
	}
	return out, nil
}

// context is an event with those around it. Synapse looks for the event first, and asks
// only then whether the user may see it.
func eventContext(c *call) (any, *refusal) {
	limit, r := c.limit(10)
	if r != nil {
		return nil, r
	}
	f, r := c.filter("filter")
	if r != nil {
		return nil, r
	}
	rm := c.s.rooms[matrix.RoomID(c.args[0])]
	if rm == nil || rm.byID[matrix.EventID(c.args[1])] == nil {
		return nil, notFound("Event not found.")
	}
	e, peeking := rm.byID[matrix.EventID(c.args[1])], !rm.joined[c.user]
	if len(c.visible([]*event{e}, peeking)) == 0 {
		return nil, forbidden("You don't have permission to access that event.")
	}
	before, start := rm.walk(false, e.index, 0, limit/2, f.keeps)
	after, end := rm.walk(true, e.index+1, len(rm.timeline), limit-limit/2, f.keeps)
	before, after = c.visible(before, peeking), c.visible(after, peeking)
	last := e.index
	if len(after) > 0 {
		last = after[len(after)-1].index
	}
	around := append(append(append([]*event{}, before...), e), after...)
	state := []*event{}
	if f.LazyLoadMembers {
		state = f.senders(rm, around, last)
	} else {
		for _, s := range rm.state.inOrder() {
			if s = s.at(last); s != nil {
				state = append(state, s)
			}
		}
	}
	kept := []*event{}
	for _, s := range state {
		if f.keeps(s) {
			kept = append(kept, s)
		}
	}
	return object{"event": c.shown(e), "events_before": c.allShown(before), "events_after": c.allShown(after),
		"state": c.s.wires(kept), "start": token(start), "end": token(end)}, nil
}

func (s *Server) wires(events []*event) []json.RawMessage {
	out := []json.RawMessage{}
	for _, e := range events {
		out = append(out, s.wire(e))
	}
	return out
}
