package devserver

import (
	"cmp"
	"encoding/json"
	"slices"
)

// shown is an event as a user reads it in a room's history: with what came to be about
// it, the latest edit, the references to it and its thread.
func (c *call) shown(e *event) json.RawMessage {
	bundled := object{}
	if e.key != nil || e.relates != nil && (e.relates.typ == "m.annotation" || e.relates.typ == "m.replace") {
		return c.s.wire(e)
	}
	if edits := e.about("m.replace"); e.redactedBy == nil {
		edits = slices.DeleteFunc(edits, func(edit *event) bool { return edit.typ != e.typ || edit.sender != e.sender })
		if len(edits) > 0 {
			bundled["m.replace"] = c.s.wire(slices.MaxFunc(edits, func(a, b *event) int { return cmp.Or(cmp.Compare(a.ts, b.ts), cmp.Compare(a.id, b.id)) }))
		}
	}
	references := []object{}
	for _, r := range e.about("m.reference") {
		references = append(references, object{"event_id": r.id})
	}
	if len(references) > 0 {
		bundled["m.reference"] = object{"chunk": references}
	}
	if thread := e.about("m.thread"); len(thread) > 0 && e.relates == nil {
		bundled["m.thread"] = object{"count": len(thread), "latest_event": c.shown(thread[len(thread)-1]),
			"current_user_participated": e.sender == c.user || slices.ContainsFunc(thread, func(r *event) bool { return r.sender == c.user })}
	}
	raw := c.s.wire(e)
	if len(bundled) == 0 {
		return raw
	}
	b, _ := json.Marshal(bundled) // made of valid JSON
	return append(append(append(raw[:len(raw)-len("}}")], `,"m.relations":`...), b...), "}}"...)
}

func (c *call) allShown(events []*event) []json.RawMessage {
	out := []json.RawMessage{}
	for _, e := range events {
		out = append(out, c.shown(e))
	}
	return out
}

// about are the events that have a relation to one, the oldest first.
func (e *event) about(relation string) (out []*event) {
	for _, r := range e.room.related[e.id] {
		if r.relates.typ == relation {
			out = append(out, r)
		}
	}
	return out
}
