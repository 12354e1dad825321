package devserver

import (
	"net/http"
	"slices"
	"time"

	"bridgehost/matrix"
)

// activeFor is how long somebody counts as active after having said to be online.
const activeFor = time.Minute

func putPresence(c *call) (any, *refusal) {
	if matrix.UserID(c.args[0]) != c.user {
		return nil, forbidden("Can only set your own presence state")
	}
	var in object
	if r := c.object(&in, false); r != nil {
		return nil, r
	}
	shown, ok := in["presence"]
	status, hasStatus := in["status_msg"]
	text, isText := status.(string)
	if hasStatus && !isText {
		return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "status_msg must be a string.")
	}
	if n := len(in); !ok || hasStatus && n > 2 || !hasStatus && n > 1 {
		return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "Unable to parse state")
	}
	state, _ := shown.(string)
	if !slices.Contains([]string{"online", "offline", "unavailable", "busy"}, state) {
		return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "Invalid presence state")
	}
	a := c.s.account(c.user)
	a.presence, a.statusMsg = state, text
	if state == "online" || state == "busy" {
		a.active = c.s.o.Clock.Now()
	}
	content := c.s.presence(a)
	content["currently_active"] = state == "online"
	c.s.queueEphemeral(nil, c.user, object{"type": "m.presence", "sender": c.user, "content": content})
	return object{}, nil
}

// presence is what others see. s.mu is held.
func (s *Server) presence(a *account) object {
	out := object{"presence": "offline"}
	if a.presence != "" {
		out["presence"] = a.presence
	}
	if a.statusMsg != "" {
		out["status_msg"] = a.statusMsg
	}
	if !a.active.IsZero() {
		ago := s.o.Clock.Since(a.active)
		out["last_active_ago"] = ago.Milliseconds()
		if a.presence == "online" {
			out["currently_active"] = ago < activeFor
		}
	}
	return out
}

// getPresence is for those who are in a room with the user.
func getPresence(c *call) (any, *refusal) {
	a := c.s.accounts[matrix.UserID(c.args[0])]
	if a == nil || a.id != c.user && !shareRoom(a, c.s.account(c.user)) {
		return nil, forbidden("You are not allowed to see their presence.")
	}
	return c.s.presence(a), nil
}

func shareRoom(a, b *account) bool {
	for id := range a.joined {
		if b.joined[id] != nil {
			return true
		}
	}
	return false
}
