package sqlite

import (
	"context"
	"encoding/json"
	"slices"

	"bridgehost/intent"
	"bridgehost/matrix"
)

// The methods of intent.StateStore. The rules are intent.Room's.

// look runs f on a room without changing it.
func (s *state) look(room matrix.RoomID, f func(r *loaded)) error {
	return s.with(room, func(r *loaded) intent.Change { f(r); return intent.Change{} })
}

// IsRegistered implements intent.StateStore.
func (db *DB) IsRegistered(_ context.Context, user matrix.UserID) (known bool, err error) {
	s := db.state
	s.mu.Lock()
	known = s.registered[user]
	s.mu.Unlock()
	if known {
		return true, nil
	}
	err = db.read(func(c *conn) error {
		known, err = c.one(func(row) {}, "SELECT 1 FROM registered WHERE user = ?", string(user))
		return err
	})
	if known {
		s.mu.Lock()
		s.registered[user] = true
		s.mu.Unlock()
	}
	return known, err
}

// Registered implements intent.StateStore.
func (db *DB) Registered(_ context.Context, user matrix.UserID) error {
	s := db.state
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if !s.registered[user] {
		s.registered[user] = true
		s.dirty.users[user] = true
		s.writeSoon()
	}
	return nil
}

// Member implements intent.StateStore.
func (db *DB) Member(_ context.Context, room matrix.RoomID, user matrix.UserID) (found *intent.Member, err error) {
	err = db.state.look(room, func(r *loaded) {
		if m, ok := r.Members[user]; ok {
			found = &m
		}
	})
	return found, err
}

// SetMember implements intent.StateStore.
func (db *DB) SetMember(_ context.Context, room matrix.RoomID, user matrix.UserID, m intent.Member) error {
	return db.state.with(room, func(r *loaded) intent.Change { return r.SetMember(user, m) })
}

// SetMembership implements intent.StateStore.
func (db *DB) SetMembership(_ context.Context, room matrix.RoomID, user matrix.UserID, membership string) error {
	return db.state.with(room, func(r *loaded) intent.Change { return r.SetMembership(user, membership) })
}

// Members implements intent.StateStore.
func (db *DB) Members(_ context.Context, room matrix.RoomID, memberships ...string) (out map[matrix.UserID]intent.Member, err error) {
	err = db.state.look(room, func(r *loaded) { out = r.Filter(memberships...) })
	return out, err
}

// SetMembers implements intent.StateStore.
func (db *DB) SetMembers(_ context.Context, room matrix.RoomID, members map[matrix.UserID]intent.Member, only string) error {
	return db.state.with(room, func(r *loaded) intent.Change { return r.SetMembers(members, only) })
}

// HasFullMemberList implements intent.StateStore.
func (db *DB) HasFullMemberList(_ context.Context, room matrix.RoomID) (full bool, err error) {
	err = db.state.look(room, func(r *loaded) { full = r.Full })
	return full, err
}

// KnowsMembers implements intent.StateStore.
func (db *DB) KnowsMembers(_ context.Context, room matrix.RoomID) (known bool, err error) {
	err = db.state.look(room, func(r *loaded) { known = len(r.Room.Members) > 0 })
	return known, err
}

// OwnMembers implements intent.StateStore.
func (db *DB) OwnMembers(_ context.Context, room matrix.RoomID) (joined, invited []matrix.UserID, version uint64, err error) {
	err = db.state.look(room, func(r *loaded) {
		joined, invited, version = r.OwnMembers()
		version += r.base
	})
	return joined, invited, version, err
}

// SharedRooms implements intent.StateStore.
func (db *DB) SharedRooms(ctx context.Context, user matrix.UserID) (rooms []matrix.RoomID, err error) {
	// What waits in memory goes to disk first.
	if err := db.write(ctx, func(*writer) error { return nil }); err != nil {
		return nil, err
	}
	err = db.read(func(c *conn) error {
		return c.query(func(r row) error { rooms = append(rooms, matrix.RoomID(r.str(0))); return nil },
			"SELECT r.room FROM members m JOIN rooms r ON r.id = m.room WHERE m.user = ? AND m.membership = 'join'", string(user))
	})
	slices.Sort(rooms)
	return rooms, err
}

// PowerLevels implements intent.StateStore.
func (db *DB) PowerLevels(_ context.Context, room matrix.RoomID) (content json.RawMessage, ok bool, err error) {
	err = db.state.look(room, func(r *loaded) { content = r.Levels })
	return content, content != nil, err
}

// SetPowerLevels implements intent.StateStore.
func (db *DB) SetPowerLevels(_ context.Context, room matrix.RoomID, content json.RawMessage) error {
	return db.state.with(room, func(r *loaded) intent.Change { return r.SetLevels(content) })
}

// Create implements intent.StateStore.
func (db *DB) Create(_ context.Context, room matrix.RoomID) (event json.RawMessage, ok bool, err error) {
	err = db.state.look(room, func(r *loaded) { event = r.Create })
	return event, event != nil, err
}

// SetCreate implements intent.StateStore.
func (db *DB) SetCreate(_ context.Context, room matrix.RoomID, event json.RawMessage) error {
	return db.state.with(room, func(r *loaded) intent.Change { return r.SetCreate(event) })
}

// EncryptionInfo implements intent.StateStore.
func (db *DB) EncryptionInfo(_ context.Context, room matrix.RoomID) (content json.RawMessage, ok bool, err error) {
	err = db.state.look(room, func(r *loaded) { content, ok = r.Encryption, r.EncryptionKnown })
	return content, ok, err
}

// SetEncryptionInfo implements intent.StateStore.
func (db *DB) SetEncryptionInfo(_ context.Context, room matrix.RoomID, content json.RawMessage) error {
	return db.state.with(room, func(r *loaded) intent.Change { return r.SetEncryption(content) })
}

// UpdateState implements intent.StateStore.
func (db *DB) UpdateState(_ context.Context, e *matrix.Event) error {
	if e.RoomID == "" || !e.IsState() {
		return nil
	}
	return db.state.with(e.RoomID, func(r *loaded) intent.Change { return r.UpdateState(e) })
}

// Forget implements intent.StateStore.
func (db *DB) Forget(_ context.Context, room matrix.RoomID) error {
	return db.state.with(room, func(r *loaded) intent.Change { return r.Forget() })
}

// ForgetMember implements intent.StateStore.
func (db *DB) ForgetMember(_ context.Context, room matrix.RoomID, user matrix.UserID) error {
	return db.state.with(room, func(r *loaded) intent.Change { return r.ForgetMember(user) })
}
