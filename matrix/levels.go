package matrix

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
)

// PowerLevels is m.room.power_levels as rooms use it. Levels may be strings in old
// rooms, or missing (SS-3).
type PowerLevels struct {
	Users                                        map[UserID]int64
	Events                                       map[string]int64
	UsersDefault, EventsDefault, StateDefault    int64
	Invite, Kick, Ban, Redact, NotificationsRoom int64
	// None: the room has no such event. State needs 0 then, and the creator has 100.
	None bool
}

// ParsePowerLevels reads the content of m.room.power_levels as Synapse does; "null" or
// nothing stands for a room without such an event. What cannot be read has its default.
func ParsePowerLevels(content json.RawMessage) *PowerLevels {
	p := &PowerLevels{StateDefault: 50, Kick: 50, Ban: 50, Redact: 50, NotificationsRoom: 50}
	if len(content) == 0 || bytes.Equal(bytes.TrimSpace(content), []byte("null")) {
		p.None, p.StateDefault = true, 0
		return p
	}
	var c map[string]json.RawMessage
	if json.Unmarshal(content, &c) != nil {
		return p
	}
	for key, to := range map[string]*int64{
		"users_default": &p.UsersDefault, "events_default": &p.EventsDefault, "state_default": &p.StateDefault,
		"invite": &p.Invite, "kick": &p.Kick, "ban": &p.Ban, "redact": &p.Redact,
	} {
		if n, ok := level(c[key]); ok {
			*to = n
		}
	}
	p.Users, p.Events = levels[UserID](c["users"]), levels[string](c["events"])
	if n, ok := levels[string](c["notifications"])["room"]; ok {
		p.NotificationsRoom = n
	}
	return p
}

func levels[K ~string](raw json.RawMessage) map[K]int64 {
	var m map[K]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	out := make(map[K]int64, len(m))
	for k, v := range m {
		if n, ok := level(v); ok {
			out[k] = n
		}
	}
	return out
}

// level reads 50, 50.0 and " 50 "; fractions are cut off, what is beyond an int64 is the nearest one.
func level(raw json.RawMessage) (int64, bool) {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return 0, false
	}
	text := string(raw)
	var s string
	if raw[0] == '"' {
		if json.Unmarshal(raw, &s) != nil {
			return 0, false
		}
		text = strings.TrimSpace(s)
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case raw[0] == '"' && strings.ContainsAny(text, ".eExXpPiInN_"):
		return 0, false // Python's int("5.0") refuses as well
	case err != nil && !math.IsInf(f, 0), math.IsNaN(f):
		return 0, false
	case f >= math.MaxInt64:
		return math.MaxInt64, true
	case f <= math.MinInt64:
		return math.MinInt64, true
	}
	return int64(f), true
}

// User is the level of user; create may be nil when it is not known. A creator from
// room version 12 on outranks every number (SS-4).
func (p *PowerLevels) User(user UserID, create *CreateInfo) int64 {
	if create != nil && create.Outranks(user) {
		return math.MaxInt64
	}
	if p.None {
		if create != nil && create.Creator == user {
			return 100
		}
		return 0
	}
	if n, ok := p.Users[user]; ok {
		return n
	}
	return p.UsersDefault
}

// Event is the level that sending an event of that type needs.
func (p *PowerLevels) Event(typ string, state bool) int64 {
	if n, ok := p.Events[typ]; ok {
		return n
	}
	if state {
		return p.StateDefault
	}
	return p.EventsDefault
}

// FillPowerLevels returns the content with every level that it leaves out at its
// default, unknown fields kept: what scripts read. Nothing or "null" gives the defaults.
func FillPowerLevels(content json.RawMessage) json.RawMessage {
	var c map[string]json.RawMessage
	if json.Unmarshal(content, &c) != nil || c == nil {
		c = map[string]json.RawMessage{}
	}
	for key, v := range map[string]string{
		"users": "{}", "users_default": "0", "events": "{}", "events_default": "0", "state_default": "50",
		"invite": "0", "kick": "50", "ban": "50", "redact": "50", "notifications": `{"room":50}`,
	} {
		if was := c[key]; len(was) == 0 || string(was) == "null" {
			c[key] = json.RawMessage(v)
		}
	}
	out, err := json.Marshal(c)
	if err != nil {
		return content
	}
	return out
}

// CreateInfo is what the m.room.create event says about rights.
type CreateInfo struct {
	RoomVersion string
	Creator     UserID   // who made the room
	Additional  []UserID // additional_creators, from room version 12 on
}

// ParseCreate reads a whole m.room.create event; nil when it cannot be used.
func ParseCreate(event json.RawMessage) *CreateInfo {
	var e struct {
		Sender  UserID `json:"sender"`
		Content struct {
			RoomVersion string   `json:"room_version"`
			Creator     UserID   `json:"creator"`
			Additional  []UserID `json:"additional_creators"`
		} `json:"content"`
	}
	if len(event) == 0 || json.Unmarshal(event, &e) != nil {
		return nil
	}
	c := &CreateInfo{RoomVersion: e.Content.RoomVersion, Creator: e.Sender, Additional: e.Content.Additional}
	if c.RoomVersion == "" {
		c.RoomVersion = "1"
	}
	if c.Creator == "" {
		c.Creator = e.Content.Creator
	}
	return c
}

// Outranks tells whether user is a creator of a room whose version sets creators
// above every number (12 and later, and the unstable version that became it).
func (c *CreateInfo) Outranks(user UserID) bool {
	n, err := strconv.Atoi(c.RoomVersion)
	if (err != nil || n < 12) && c.RoomVersion != "org.matrix.hydra.11" {
		return false
	}
	return user == c.Creator || slices.Contains(c.Additional, user)
}

// IsStateType tells whether the specification knows that type as a room's state.
func IsStateType(typ string) bool { return slices.Contains(stateTypes, typ) }

var stateTypes = []string{
	"m.room.aliases", "m.room.avatar", "m.room.canonical_alias", "m.room.create", "m.room.encryption",
	"m.room.guest_access", "m.room.history_visibility", "m.room.join_rules", "m.room.member", "m.room.name",
	"m.room.pinned_events", "m.room.power_levels", "m.room.server_acl", "m.room.third_party_invite",
	"m.room.tombstone", "m.room.topic", "m.space.child", "m.space.parent", "m.policy.rule.room",
	"m.policy.rule.server", "m.policy.rule.user", "m.bridge", "uk.half-shot.bridge",
}
