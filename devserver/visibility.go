package devserver

import (
	"encoding/json"

	"bridgehost/matrix"
)

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

// at is the state event that stood in e's place after the event of an index; nil when
// there was none.
func (e *event) at(index int) *event {
	for e != nil && e.index > index {
		e = e.prev
	}
	return e
}
