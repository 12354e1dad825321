package devserver

import (
	"encoding/json"
	"maps"
	"net/http"
	"unicode/utf8"

	"bridgehost/matrix"
)

// change is a wish to change somebody's membership. action is join, invite, leave,
// kick, ban or unban; extra goes into the content.
type change struct {
	action string
	sender matrix.UserID
	target matrix.UserID
	extra  map[string]any
	ts     int64
}

var memberships = map[string]string{
	"join": "join", "invite": "invite", "leave": "leave", "kick": "leave", "ban": "ban", "unban": "leave", "knock": "knock",
}

// change follows Synapse: what makes no sense first (M_BAD_STATE), then what is
// there already, then the rules. s.mu is held.
func (s *Server) change(rm *room, c change) (*event, *refusal) {
	if _, err := matrix.ParseUserID(string(c.target)); err != nil {
		return nil, fail(http.StatusBadRequest, "M_INVALID_PARAM", "Expected UserID string to start with '@'")
	}
	is, ok := memberships[c.action]
	if !ok {
		return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "Invalid membership key")
	}
	for field, most := range map[string]int{"displayname": 256, "avatar_url": 1000} {
		if text, _ := c.extra[field].(string); utf8.RuneCountInString(text) > most {
			return nil, badJSON("%s is too long (max %d)", map[string]string{"displayname": "Displayname", "avatar_url": "Avatar URL"}[field], most)
		}
	}
	old := rm.state[stateID{"m.room.member", string(c.target)}]
	was := rm.membership(c.target)
	if c.action == "unban" && old != nil && was != "ban" {
		return nil, fail(http.StatusForbidden, "M_BAD_STATE", "Cannot unban user who was not banned (membership=%s)", was)
	}
	if was == "ban" && c.action != "ban" && c.action != "unban" && c.action != "leave" {
		return nil, fail(http.StatusForbidden, "M_BAD_STATE", "Cannot %s user who was banned", c.action)
	}
	content := s.memberContent(rm, c, is)
	if old != nil && old.sender == c.sender && sameContent(old.content, content) {
		return old, nil
	}
	if c.action == "kick" && (old == nil || was == "ban" || was == "leave") {
		return nil, forbidden("The target user is not in the room")
	}
	if r := s.mayChange(rm, c, is); r != nil {
		return nil, r
	}
	content, r := checkContent(content)
	if r != nil {
		return nil, r
	}
	key := string(c.target)
	d := draft{typ: "m.room.member", sender: c.sender, key: &key, content: content, ts: c.ts}
	if is != "invite" {
		return s.store(rm, d)
	}
	return s.storeInvite(rm, d)
}

// storeInvite sets the stripped state before the event is queued for anybody.
func (s *Server) storeInvite(rm *room, d draft) (*event, *refusal) {
	rm.inviteState = s.strippedState(rm, d.sender)
	e, r := s.store(rm, d)
	rm.inviteState = nil
	return e, r
}

// memberContent adds the profile, as Synapse does for joins, invites and knocks.
func (s *Server) memberContent(rm *room, c change, is string) json.RawMessage {
	m := map[string]any{}
	if is == "join" || is == "invite" || is == "knock" {
		if a := s.accounts[c.target]; a != nil {
			if a.displayname != "" {
				m["displayname"] = a.displayname
			}
			if a.avatarURL != "" {
				m["avatar_url"] = a.avatarURL
			}
		}
	}
	maps.Copy(m, c.extra)
	m["membership"] = is
	b, _ := json.Marshal(m) // came out of JSON, or is strings
	return b
}

// mayChange are the rules of the specification's event authorisation, with Synapse's
// texts.
func (s *Server) mayChange(rm *room, c change, is string) *refusal {
	caller, was := rm.membership(c.sender), rm.membership(c.target)
	own, theirs := rm.user(c.sender), rm.user(c.target)
	if is != "join" && is != "knock" {
		if is == "leave" && c.sender == c.target && (caller == "invite" || caller == "knock") {
			return nil
		}
		if caller != "join" {
			return unstable("NOT_JOINED", "%s not in room %s.", c.sender, rm.id)
		}
	}
	switch is {
	case "join":
		return rm.mayJoin(c, caller)
	case "invite":
		switch {
		case was == "join":
			return unstable("ALREADY_JOINED", "%s is already in the room.", c.target)
		case own < rm.levels.name("invite", 0):
			return unstable("INSUFFICIENT_POWER", "You don't have permission to invite users")
		}
	case "leave":
		switch {
		case was == "ban" && own < rm.levels.name("ban", 50):
			return unstable("INSUFFICIENT_POWER", "You cannot unban user %s.", c.target)
		case c.sender != c.target && (own < rm.levels.name("kick", 50) || own <= theirs):
			return unstable("INSUFFICIENT_POWER", "You cannot kick user %s.", c.target)
		}
	case "ban":
		switch {
		case own < rm.levels.name("ban", 50):
			return unstable("INSUFFICIENT_POWER", "You don't have permission to ban")
		case own <= theirs:
			return unstable("INSUFFICIENT_POWER", "You don't have permission to ban this user")
		}
	case "knock":
		return rm.mayKnock(caller)
	}
	return nil
}

func (rm *room) mayJoin(c change, caller string) *refusal {
	rule := rm.stateString("m.room.join_rules", "join_rule", "invite")
	known := caller == "join" || caller == "invite"
	switch {
	case c.sender != c.target:
		return forbidden("Cannot force another user to join.")
	case rule == "public" || known:
		return nil
	case rule == "restricted" && rm.version >= 8 || rule == "knock_restricted" && rm.version >= 10:
		if rm.allowed(c.target) {
			return nil
		}
		return forbidden("You do not belong to any of the required rooms/spaces to join this room.")
	case rule == "invite" || rule == "knock" && rm.version >= 7:
		return forbidden("You are not invited to this room.")
	}
	return forbidden("You are not allowed to join this room")
}

// allowed tells whether a restricted room takes a user for a membership elsewhere.
func (rm *room) allowed(u matrix.UserID) bool {
	e := rm.state[stateID{"m.room.join_rules", ""}]
	var rules struct {
		Allow []struct {
			Type   string
			RoomID matrix.RoomID `json:"room_id"`
		}
	}
	if e == nil || json.Unmarshal(e.content, &rules) != nil {
		return false
	}
	for _, a := range rules.Allow {
		if other := rm.all[a.RoomID]; a.Type == "m.room_membership" && other != nil && other.joined[u] {
			return true
		}
	}
	return false
}

func (rm *room) mayKnock(caller string) *refusal {
	rule := rm.stateString("m.room.join_rules", "join_rule", "invite")
	switch {
	case rm.version < 7 || rule != "knock" && rule != "knock_restricted":
		return forbidden("You don't have permission to knock")
	case caller == "join":
		return unstable("ALREADY_JOINED", "You cannot knock on a room you are already in")
	case caller == "invite":
		return forbidden("You are already invited to this room")
	}
	return nil
}

// inviteByForce lets whoever has the most power in the room invite a user, whether the
// room's levels allow it or not. s.mu is held.
func (s *Server) inviteByForce(rm *room, target matrix.UserID) {
	var by matrix.UserID
	for u := range rm.joined {
		if more := rm.user(u) - rm.user(by); by == "" || more > 0 || more == 0 && u < by {
			by = u
		}
	}
	c := change{action: "invite", sender: by, target: target}
	key := string(target)
	_, _ = s.storeInvite(rm, draft{typ: "m.room.member", sender: by, key: &key, content: s.memberContent(rm, c, "invite")}) // refused: the join says so
}
