package devserver

import (
	"encoding/json"
	"net/http"
	"sort"
	"strings"

	"bridgehost/matrix"
)

// joinAny joins by id or alias.
func joinAny(c *call) (any, *refusal) { return c.enter("join") }

func knockAny(c *call) (any, *refusal) { return c.enter("knock") }

func (c *call) enter(action string) (any, *refusal) {
	var in map[string]any
	if r := c.object(&in, true); r != nil {
		return nil, r
	}
	rm, r := c.s.find(c.args[0])
	if r != nil {
		return nil, r
	}
	if action == "join" && c.s.faults.ForbidJoin {
		return nil, forbidden("You are not allowed to join this room (fault)")
	}
	extra := object{}
	for k, v := range in {
		if k != "third_party_signed" && k != "membership" {
			extra[k] = v
		}
	}
	ts, r := c.ts()
	if r != nil {
		return nil, r
	}
	if _, r := c.s.change(rm, change{action: action, sender: c.user, target: c.user, extra: extra, ts: ts}); r != nil {
		return nil, r
	}
	return object{"room_id": rm.id}, nil
}

// find looks a room up by id or alias. s.mu is held.
func (s *Server) find(idOrAlias string) (*room, *refusal) {
	switch {
	case strings.HasPrefix(idOrAlias, "#"):
		if a := s.aliases[matrix.RoomAlias(idOrAlias)]; a != nil {
			return a.room, nil
		}
		return nil, notFound("Room alias %s not found", idOrAlias)
	case strings.HasPrefix(idOrAlias, "!"):
		if rm := s.rooms[matrix.RoomID(idOrAlias)]; rm != nil {
			return rm, nil
		}
		return nil, fail(http.StatusNotFound, "M_UNKNOWN", "Can't join remote room because no servers that are in the room have been provided.")
	}
	return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "%s was not legal room ID or room alias", idOrAlias)
}

// membershipCall is invite, leave, kick, ban and unban.
func membershipCall(action string) func(*call) (any, *refusal) {
	return func(c *call) (any, *refusal) {
		var in struct {
			UserID matrix.UserID   `json:"user_id"`
			Reason json.RawMessage // anything
		}
		if r := c.object(&in, true); r != nil {
			return nil, r
		}
		target := c.user
		if action != "leave" {
			if in.UserID == "" {
				return nil, fail(http.StatusBadRequest, "M_MISSING_PARAM", "Missing params: ['user_id']")
			}
			target = in.UserID
		}
		rm := c.s.rooms[matrix.RoomID(c.args[0])]
		switch {
		case rm == nil && memberships[action] == "leave":
			return nil, fail(http.StatusNotFound, "M_UNKNOWN", "Not a known room")
		case rm == nil:
			return nil, forbidden("Unknown room")
		}
		extra := object{}
		if in.Reason != nil {
			extra["reason"] = in.Reason
		}
		ts, r := c.ts()
		if r != nil {
			return nil, r
		}
		if _, r := c.s.change(rm, change{action: action, sender: c.user, target: target, extra: extra, ts: ts}); r != nil {
			return nil, r
		}
		return object{}, nil
	}
}

// forget is nothing for who never was in the room, as on Synapse.
func forget(c *call) (any, *refusal) {
	rm := c.s.rooms[matrix.RoomID(c.args[0])]
	if rm == nil {
		return object{}, nil
	}
	switch rm.membership(c.user) {
	case "join", "invite", "knock":
		return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "User %s in room %s", c.user, rm.id)
	case "leave", "ban":
		rm.forgotten[c.user] = true
	}
	return object{}, nil
}

func joinedRooms(c *call) (any, *refusal) {
	out := []string{}
	for id := range c.s.account(c.user).joined {
		out = append(out, string(id))
	}
	sort.Strings(out)
	return object{"joined_rooms": out}, nil
}

// readable finds a room that the caller may read: joined, or left and not forgotten.
func (c *call) readable() (*room, *refusal) {
	rm := c.s.rooms[matrix.RoomID(c.args[0])]
	if rm != nil {
		m := rm.membership(c.user)
		if m == "join" || m == "leave" && !rm.forgotten[c.user] ||
			rm.stateString("m.room.history_visibility", "history_visibility", "shared") == "world_readable" {
			return rm, nil
		}
	}
	return nil, forbidden("User %s not in room %s, and room previews are disabled", c.user, c.args[0])
}

// joinedMembers lets an application service read a room that any of its users is in.
func joinedMembers(c *call) (any, *refusal) {
	rm := c.s.rooms[matrix.RoomID(c.args[0])]
	switch {
	case rm == nil || c.svc == nil && !rm.joined[c.user]:
		return nil, unstable("NOT_JOINED", "User %s not in room %s", c.user, c.args[0])
	case c.svc != nil && rm.serviceIn[c.svc] == 0:
		return nil, forbidden("Appservice not in room")
	}
	out := object{}
	for u := range rm.joined {
		var m struct {
			Displayname any `json:"displayname"`
			AvatarURL   any `json:"avatar_url"`
		}
		_ = json.Unmarshal(rm.state[stateID{"m.room.member", string(u)}].content, &m) // odd profiles show as null
		out[string(u)] = object{"display_name": m.Displayname, "avatar_url": m.AvatarURL}
	}
	return object{"joined": out}, nil
}

func members(c *call) (any, *refusal) {
	q := c.r.URL.Query()
	var state snapshot
	rm, r := c.readable()
	if at := q.Get("at"); at != "" {
		state, r = c.stateAt(at)
	} else if r == nil {
		state = rm.stateFor(c.user)
	}
	if r != nil {
		return nil, r
	}
	want, not := q.Get("membership"), q.Get("not_membership")
	chunk := []json.RawMessage{}
	for _, e := range state.inOrder() {
		if e.typ == "m.room.member" && (want == "" || e.membership == want) && (not == "" || e.membership != not) {
			chunk = append(chunk, c.s.wire(e))
		}
	}
	return object{"chunk": chunk}, nil
}
