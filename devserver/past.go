package devserver

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"bridgehost/matrix"
)

// snapshot is a room's state at some time.
type snapshot map[stateID]*event

// stateBefore is the state before the event of that index in the timeline.
func (rm *room) stateBefore(index int) snapshot {
	s := snapshot{}
	for id, e := range rm.state {
		if e = e.at(index - 1); e != nil {
			s[id] = e
		}
	}
	return s
}

// stateFor is the state that the user may see: the present one, or that of when it left.
func (rm *room) stateFor(user matrix.UserID) snapshot {
	if e := rm.state[stateID{"m.room.member", string(user)}]; e != nil && e.membership == "leave" {
		return rm.stateBefore(e.index + 1)
	}
	return rm.state
}

// inOrder are a snapshot's events, oldest first.
func (s snapshot) inOrder() []*event {
	out := make([]*event, 0, len(s))
	for _, e := range s {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b *event) int { return a.index - b.index })
	return out
}

// stateAt is the state at a token of messages, if the caller may see it.
func (c *call) stateAt(token string) (snapshot, *refusal) {
	rm := c.s.rooms[matrix.RoomID(c.args[0])]
	if rm == nil {
		return nil, notFound("Can't find event for token %s", token)
	}
	at, err := strconv.Atoi(strings.TrimPrefix(token, "t"))
	if err != nil || at < 0 || at > len(rm.timeline) {
		return nil, fail(http.StatusBadRequest, "M_INVALID_PARAM", "Invalid stream token")
	}
	if at == 0 {
		return nil, notFound("Can't find event for token %s", token)
	}
	state := rm.stateBefore(at)
	then := membershipOf(state[stateID{"m.room.member", string(c.user)}])
	visibility := "shared"
	if e := state[stateID{"m.room.history_visibility", ""}]; e != nil {
		visibility = stringOf(e.content, "history_visibility", visibility)
	}
	if then == "join" || visibility == "world_readable" || visibility != "joined" && then == "invite" || visibility == "shared" && rm.joined[c.user] {
		return state, nil
	}
	return nil, fail(http.StatusForbidden, "M_FORBIDDEN", "User %s not allowed to view events in room %s at token %s", c.user, rm.id, token)
}
