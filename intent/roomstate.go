package intent

import (
	"bytes"
	"encoding/json"
	"slices"

	"bridgehost/matrix"
)

// Room is what is known of one room: the pure core of every StateStore. It does no
// locking and no I/O; a store guards it and writes down what a method's Change names.
// The fields may be read, and filled in by a store that loads the room from disk
// (then call Loaded); everything else goes through the methods.
type Room struct {
	Members map[matrix.UserID]Member
	Full    bool // Members holds everybody who is in the room

	// Levels is the content of m.room.power_levels, Create the whole m.room.create
	// event; nil when unknown. Levels is "null" when the room is known to have no such event.
	Levels json.RawMessage
	Create json.RawMessage
	// Encryption is the content of m.room.encryption; nil with EncryptionKnown means
	// that the room is known not to be encrypted.
	Encryption      json.RawMessage
	EncryptionKnown bool

	owns    func(matrix.UserID) bool
	version uint64
	joined  []matrix.UserID // own users, sorted; computed when stale is set
	invited []matrix.UserID
	stale   bool
}

// Change tells a store what a method changed, so that it writes no more than that.
type Change struct {
	Users      []matrix.UserID // whose entry changed or went away (absent from Members then)
	AllMembers bool            // the whole of Members was replaced
	Room       bool            // Full, Levels, Create or Encryption changed
}

// Any tells whether there is anything to write.
func (c Change) Any() bool { return len(c.Users) > 0 || c.AllMembers || c.Room }

// NewRoom makes a room of which nothing is known. owns tells which users are of our
// namespace (OwnMembers); nil: none.
func NewRoom(owns func(matrix.UserID) bool) *Room {
	if owns == nil {
		owns = func(matrix.UserID) bool { return false }
	}
	return &Room{Members: map[matrix.UserID]Member{}, owns: owns, version: 1}
}

// Loaded must be called after a store has filled in Members by itself.
func (r *Room) Loaded() { r.stale = true; r.version++ }

// OwnMembers returns the joined and the invited users of our namespace, sorted. The
// slices must not be changed. version changes whenever the answer does.
func (r *Room) OwnMembers() (joined, invited []matrix.UserID, version uint64) {
	if r.stale {
		r.joined, r.invited, r.stale = nil, nil, false
		for u, m := range r.Members {
			switch {
			case m.Membership == "join" && r.owns(u):
				r.joined = append(r.joined, u)
			case m.Membership == "invite" && r.owns(u):
				r.invited = append(r.invited, u)
			}
		}
		slices.Sort(r.joined)
		slices.Sort(r.invited)
	}
	return r.joined, r.invited, r.version
}

// Filter returns the members with one of the memberships; none named: all.
func (r *Room) Filter(memberships ...string) map[matrix.UserID]Member {
	out := make(map[matrix.UserID]Member, len(r.Members))
	for u, m := range r.Members {
		if len(memberships) == 0 || slices.Contains(memberships, m.Membership) {
			out[u] = m
		}
	}
	return out
}

// SetMember replaces what is known of user, profile included.
func (r *Room) SetMember(user matrix.UserID, m Member) Change {
	was, known := r.Members[user]
	if known && was == m {
		return Change{}
	}
	r.Members[user] = m
	c := Change{Users: []matrix.UserID{user}}
	if was.Membership != m.Membership && r.owns(user) {
		r.ownChanged()
		if was.Membership == "join" && r.Full {
			if joined, _, _ := r.OwnMembers(); len(joined) == 0 {
				// Nobody of ours hears of later changes (SS-5).
				r.Full, c.Room = false, true
			}
		}
	}
	return c
}

// unheard drops what may change now that nobody of ours is in the room and hears of it
// (SS-5). What becomes of our own users is heard of even so; who made the room, and that
// it is encrypted, does not change.
func (r *Room) unheard() Change {
	for u := range r.Members {
		if !r.owns(u) {
			delete(r.Members, u)
		}
	}
	r.Full, r.Levels = false, nil
	return Change{AllMembers: true, Room: true}
}

// SetMembership changes the membership and keeps the profile (SS-1).
func (r *Room) SetMembership(user matrix.UserID, membership string) Change {
	m := r.Members[user]
	m.Membership = membership
	return r.SetMember(user, m)
}

// SetMembers replaces the members of that membership, or all when only is "". The
// list is full afterwards when it told all, or all who are joined.
func (r *Room) SetMembers(members map[matrix.UserID]Member, only string) Change {
	next := make(map[matrix.UserID]Member, len(members))
	if only != "" {
		for u, m := range r.Members {
			if m.Membership != only {
				next[u] = m
			}
		}
	}
	for u, m := range members {
		next[u] = m
	}
	r.Members = next
	r.Full = r.Full || only == "" || only == "join"
	r.ownChanged()
	return Change{AllMembers: true, Room: true}
}

// ForgetMember drops what is known of one member (SS-5).
func (r *Room) ForgetMember(user matrix.UserID) Change {
	if _, known := r.Members[user]; !known {
		return Change{}
	}
	delete(r.Members, user)
	r.Full = false
	if r.owns(user) {
		r.ownChanged()
	}
	return Change{Users: []matrix.UserID{user}, Room: true}
}

// Forget drops all that is known of the room (SS-5).
func (r *Room) Forget() Change {
	r.Members, r.Full = map[matrix.UserID]Member{}, false
	r.Levels, r.Create, r.Encryption, r.EncryptionKnown = nil, nil, nil, false
	r.ownChanged()
	return Change{AllMembers: true, Room: true}
}

// SetLevels remembers the content of m.room.power_levels; nil or null: there is no such event.
func (r *Room) SetLevels(content json.RawMessage) Change {
	r.Levels = cloneOr(content, "null")
	return Change{Room: true}
}

// SetCreate remembers the whole m.room.create event.
func (r *Room) SetCreate(event json.RawMessage) Change {
	r.Create = cloneOr(event, "{}")
	return Change{Room: true}
}

// SetEncryption remembers the content of m.room.encryption; nil: not encrypted.
func (r *Room) SetEncryption(content json.RawMessage) Change {
	r.Encryption, r.EncryptionKnown = bytes.Clone(content), true
	return Change{Room: true}
}

// UpdateState takes a state event in: membership, power levels, create, encryption,
// tombstone. Other events, and those whose content cannot be used, change nothing.
func (r *Room) UpdateState(e *matrix.Event) Change {
	if e.StateKey == nil {
		return Change{}
	}
	if e.Type == "m.room.member" {
		m, ok := MemberFromContent(e.Content)
		if !ok || *e.StateKey == "" {
			return Change{}
		}
		user := matrix.UserID(*e.StateKey)
		c := r.SetMember(user, m)
		if joined, _, _ := r.OwnMembers(); len(joined) == 0 && r.owns(user) && (m.Membership == "leave" || m.Membership == "ban") {
			return r.unheard()
		}
		return c
	}
	if *e.StateKey != "" {
		return Change{}
	}
	switch e.Type {
	case "m.room.power_levels":
		return r.SetLevels(e.Content)
	case "m.room.create":
		if raw := rawEvent(e); raw != nil {
			return r.SetCreate(raw)
		}
	case "m.room.encryption":
		return r.SetEncryption(e.Content)
	case "m.room.tombstone":
		// Servers lower everybody's rights with it: levels are asked for again (SS-5).
		r.Levels, r.Full = nil, false
		return Change{Room: true}
	}
	return Change{}
}

func (r *Room) ownChanged() { r.stale = true; r.version++ }

// MemberFromContent reads the content of an m.room.member event; ok is false when
// it has no membership. A name or avatar that is no string counts as absent.
func MemberFromContent(content json.RawMessage) (m Member, ok bool) {
	var c map[string]json.RawMessage
	if json.Unmarshal(content, &c) != nil {
		return Member{}, false
	}
	text := func(key string) (s string) { _ = json.Unmarshal(c[key], &s); return s }
	m = Member{Membership: text("membership"), DisplayName: text("displayname"), AvatarURL: text("avatar_url")}
	return m, m.Membership != ""
}

func rawEvent(e *matrix.Event) json.RawMessage {
	if e.Raw != nil {
		return e.Raw
	}
	raw, err := json.Marshal(e)
	if err != nil {
		return nil
	}
	return raw
}

func cloneOr(raw json.RawMessage, empty string) json.RawMessage {
	if len(raw) == 0 || string(raw) == "null" {
		return json.RawMessage(empty)
	}
	return bytes.Clone(raw)
}
