package devserver

import (
	"encoding/json"
	"net/http"
	"net/url"
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
	q := c.r.URL.Query()
	if !q.Has("limit") {
		return otherwise, nil
	}
	n, err := strconv.Atoi(q.Get("limit"))
	switch {
	case err != nil:
		return 0, fail(http.StatusBadRequest, "M_INVALID_PARAM", "Query parameter limit must be an integer")
	case n < 0:
		return 0, fail(http.StatusBadRequest, "M_INVALID_PARAM", "Query parameter limit must be a positive integer.")
	}
	return n, nil
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
	out["chunk"] = c.s.wires(seen)
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
		for _, s := range rm.stateInOrder() {
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
	return object{"event": c.s.wire(e), "events_before": c.s.wires(before), "events_after": c.s.wires(after),
		"state": c.s.wires(kept), "start": token(start), "end": token(end)}, nil
}

func (s *Server) wires(events []*event) []json.RawMessage {
	out := []json.RawMessage{}
	for _, e := range events {
		out = append(out, s.wire(e))
	}
	return out
}

// at is the state event that stood in e's place after the event of an index; nil when
// there was none.
func (e *event) at(index int) *event {
	for e != nil && e.index > index {
		e = e.prev
	}
	return e
}

// visible are those of the events that the caller may see: by the history's visibility
// and the caller's membership, both as they were at the event. peeking is who is not in
// the room.
func (c *call) visible(events []*event, peeking bool) []*event {
	out := []*event{}
	for _, e := range events {
		if e.visibleTo(c.user, peeking) {
			out = append(out, e)
		}
	}
	return out
}

func (e *event) visibleTo(user matrix.UserID, peeking bool) bool {
	rm := e.room
	visibility := visibilityOf(rm.state[stateID{"m.room.history_visibility", ""}].at(e.index))
	if e.typ == "m.room.history_visibility" && e.key != nil && *e.key == "" {
		visibility = looser(visibility, visibilityOf(e.prev))
	}
	if visibility == "world_readable" || visibility == "shared" && !peeking {
		return true
	}
	membership := membershipOf(rm.state[stateID{"m.room.member", string(user)}].at(e.index))
	if e.typ == "m.room.member" && e.key != nil && *e.key == string(user) {
		was := membershipOf(e.prev)
		if membership == "leave" && (was == "join" || was == "invite") {
			return true
		}
		if was == "join" || was == "invite" && membership != "join" {
			membership = was
		}
	}
	return membership == "join" || visibility == "invited" && membership == "invite"
}

func membershipOf(e *event) string {
	if e == nil {
		return ""
	}
	return e.membership
}

// visibilities are what history_visibility may be, the loosest first.
var visibilities = []string{"world_readable", "shared", "invited", "joined"}

func visibilityOf(e *event) string {
	if e != nil {
		var c struct {
			Visibility string `json:"history_visibility"`
		}
		_ = json.Unmarshal(e.content, &c) // what is no string counts as shared, too
		for _, v := range visibilities {
			if v == c.Visibility {
				return v
			}
		}
	}
	return "shared"
}

func looser(a, b string) string {
	for _, v := range visibilities {
		if v == a || v == b {
			return v
		}
	}
	return a
}

// eventFilter is a RoomEventFilter.
type eventFilter struct {
	Types           []string        `json:"types"`
	NotTypes        []string        `json:"not_types"`
	Senders         []matrix.UserID `json:"senders"`
	NotSenders      []matrix.UserID `json:"not_senders"`
	Rooms           []matrix.RoomID `json:"rooms"`
	NotRooms        []matrix.RoomID `json:"not_rooms"`
	ContainsURL     *bool           `json:"contains_url"`
	LazyLoadMembers bool            `json:"lazy_load_members"`
}

// filter reads a filter. Synapse decodes it once more than the query is decoded anyway.
func (c *call) filter(name string) (f eventFilter, r *refusal) {
	text := c.r.URL.Query().Get(name)
	if text == "" {
		return f, nil
	}
	if plain, err := url.PathUnescape(text); err == nil {
		text = plain
	}
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return f, fail(http.StatusBadRequest, "M_NOT_JSON", "Query parameter %s must be a valid JSON object", name)
	}
	return f, nil
}

func (f eventFilter) keeps(e *event) bool {
	if f.ContainsURL != nil {
		var c struct{ URL *string }
		_ = json.Unmarshal(e.content, &c) // what is no string is no URL
		if (c.URL != nil) != *f.ContainsURL {
			return false
		}
	}
	return allows(f.Types, f.NotTypes, e.typ, matchesType) && allows(f.Senders, f.NotSenders, e.sender, equal) &&
		allows(f.Rooms, f.NotRooms, e.room.id, equal)
}

// allows tells whether a list of what is wanted, nil for everything, and one of what is
// not let something through.
func allows[T any](want, not []T, v T, match func(T, T) bool) bool {
	for _, n := range not {
		if match(n, v) {
			return false
		}
	}
	for _, w := range want {
		if match(w, v) {
			return true
		}
	}
	return want == nil
}

func equal[T comparable](a, b T) bool { return a == b }

// matchesType knows * at the end of a type.
func matchesType(want, typ string) bool {
	if start, wild := strings.CutSuffix(want, "*"); wild {
		return strings.HasPrefix(typ, start)
	}
	return want == typ
}

// senders are the member events of those who sent something, as they were after the event of
// an index.
func (f eventFilter) senders(rm *room, events []*event, index int) []*event {
	out, known := []*event{}, map[matrix.UserID]bool{}
	for _, e := range events {
		if m := rm.state[stateID{"m.room.member", string(e.sender)}].at(index); m != nil && !known[e.sender] {
			known[e.sender] = true
			out = append(out, m)
		}
	}
	return out
}
