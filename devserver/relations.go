package devserver

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"unicode/utf8"

	"bridgehost/matrix"
)

// relation is what an event says of the event that it is about.
type relation struct {
	typ    string
	parent matrix.EventID
	key    *string // of an annotation
}

// relationOf reads a content; nil when it has no relation that counts.
func relationOf(content json.RawMessage) *relation {
	if !bytes.Contains(content, []byte(`"m.relates_to"`)) { // most have none, and there are many
		return nil
	}
	var c, m map[string]json.RawMessage
	if json.Unmarshal(content, &c) != nil || json.Unmarshal(c["m.relates_to"], &m) != nil {
		return nil
	}
	var r relation
	typ, parent := text(m["rel_type"]), text(m["event_id"])
	if typ == nil || parent == nil {
		return nil
	}
	r.typ, r.parent = *typ, matrix.EventID(*parent)
	if r.typ == "m.annotation" {
		r.key = text(m["key"])
	}
	return &r
}

// text is a JSON string; nil when it is something else.
func text(raw json.RawMessage) *string {
	var s *string
	if json.Unmarshal(raw, &s) != nil {
		return nil
	}
	return s
}

// checkRelation refuses relations that make no sense. s.mu is held.
func (s *Server) checkRelation(rm *room, d draft) *refusal {
	r := relationOf(d.content)
	if r == nil {
		return nil
	}
	bad := func(text string) *refusal { return fail(http.StatusBadRequest, "M_UNKNOWN", "%s", text) }
	if rm.byID[r.parent] == nil {
		for _, other := range s.rooms {
			if other.byID[r.parent] != nil {
				return bad("Relations must be in the same room")
			}
		}
		return bad("Can't send relation to unknown event")
	}
	switch r.typ {
	case "m.annotation":
		switch {
		case r.key == nil:
			return bad("Missing aggregation key")
		case utf8.RuneCountInString(*r.key) > 500:
			return bad("Aggregation key is too long")
		}
		for _, e := range rm.related[r.parent] {
			if e.sender == d.sender && e.typ == d.typ && e.relates.typ == r.typ && e.relates.key != nil && *e.relates.key == *r.key {
				return fail(http.StatusBadRequest, "M_DUPLICATE_ANNOTATION", "Can't send same reaction twice")
			}
		}
	case "m.thread":
		if rm.byID[r.parent].relates != nil {
			return bad("Cannot start threads from an event with a relation")
		}
	}
	return nil
}

// relate notes what a new event is about.
func (rm *room) relate(e *event) {
	if e.relates = relationOf(e.content); e.relates != nil {
		rm.related[e.relates.parent] = append(rm.related[e.relates.parent], e)
	}
}

// unrelate forgets what an event was about that was redacted.
func (rm *room) unrelate(e *event) {
	if e.relates == nil {
		return
	}
	parent := e.relates.parent
	rm.related[parent] = slices.DeleteFunc(rm.related[parent], func(other *event) bool { return other == e })
	e.relates = nil
}

// relations are the events that relate to one, maybe of one relation and one type only.
func relations(c *call) (any, *refusal) {
	p, r := c.page("b", 5)
	if r != nil {
		return nil, r
	}
	rm, r := c.readable()
	if r != nil {
		return nil, r
	}
	parent := rm.byID[matrix.EventID(c.args[1])]
	if parent == nil {
		return nil, fail(http.StatusNotFound, "M_UNKNOWN", "Unknown parent event.")
	}
	if len(c.visible([]*event{parent}, !rm.joined[c.user])) == 0 {
		return nil, forbidden("You don't have permission to access that event.")
	}
	keep := func(e *event) bool {
		return e.relates != nil && e.relates.parent == parent.id && (len(c.args) < 3 || e.relates.typ == c.args[2]) && (len(c.args) < 4 || e.typ == c.args[3])
	}
	at, to := p.bounds(len(rm.timeline))
	taken, end := rm.walk(p.forward, at, to, p.limit, keep)
	out := object{}
	if more, _ := rm.walk(p.forward, end, to, 1, keep); len(more) > 0 {
		out["next_batch"] = token(end)
	}
	if p.from != "" {
		out["prev_batch"] = p.from
	}
	if parent.redactedBy != nil { // edits would show what was taken back
		taken = slices.DeleteFunc(taken, func(e *event) bool { return e.relates.typ == "m.replace" })
	}
	out["chunk"] = c.allShown(c.visible(taken, rm.membership(c.user) == ""))
	return out, nil
}
