package intent

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	"bridgehost/matrix"
)

// MemoryStore is a StateStore that survives nothing: for tests and for `dev`.
type MemoryStore struct {
	owns func(matrix.UserID) bool

	mu         sync.RWMutex
	registered map[matrix.UserID]bool
	rooms      map[matrix.RoomID]*Room
}

var _ StateStore = (*MemoryStore)(nil)

// NewMemoryStore makes an empty store. owns tells which users are of our namespace; nil: none.
func NewMemoryStore(owns func(matrix.UserID) bool) *MemoryStore {
	return &MemoryStore{owns: owns, registered: map[matrix.UserID]bool{}, rooms: map[matrix.RoomID]*Room{}}
}

// read runs f on a room, an empty one when nothing is known.
func (s *MemoryStore) read(room matrix.RoomID, f func(*Room)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.rooms[room]
	if r == nil {
		r = NewRoom(s.owns)
	}
	f(r)
}

func (s *MemoryStore) write(room matrix.RoomID, f func(*Room)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[room]
	if r == nil {
		r = NewRoom(s.owns)
		s.rooms[room] = r
	}
	f(r)
}

// IsRegistered implements StateStore.
func (s *MemoryStore) IsRegistered(_ context.Context, user matrix.UserID) (bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.registered[user], nil
}

// Registered implements StateStore.
func (s *MemoryStore) Registered(_ context.Context, user matrix.UserID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.registered[user] = true
	return nil
}

// Member implements StateStore.
func (s *MemoryStore) Member(_ context.Context, room matrix.RoomID, user matrix.UserID) (found *Member, err error) {
	s.read(room, func(r *Room) {
		if m, ok := r.Members[user]; ok {
			found = &m
		}
	})
	return found, nil
}

// SetMember implements StateStore.
func (s *MemoryStore) SetMember(_ context.Context, room matrix.RoomID, user matrix.UserID, m Member) error {
	s.write(room, func(r *Room) { r.SetMember(user, m) })
	return nil
}

// SetMembership implements StateStore.
func (s *MemoryStore) SetMembership(_ context.Context, room matrix.RoomID, user matrix.UserID, membership string) error {
	s.write(room, func(r *Room) { r.SetMembership(user, membership) })
	return nil
}

// Members implements StateStore.
func (s *MemoryStore) Members(_ context.Context, room matrix.RoomID, memberships ...string) (out map[matrix.UserID]Member, err error) {
	s.read(room, func(r *Room) { out = r.Filter(memberships...) })
	return out, nil
}

// SetMembers implements StateStore.
func (s *MemoryStore) SetMembers(_ context.Context, room matrix.RoomID, members map[matrix.UserID]Member, only string) error {
	s.write(room, func(r *Room) { r.SetMembers(members, only) })
	return nil
}

// HasFullMemberList implements StateStore.
func (s *MemoryStore) HasFullMemberList(_ context.Context, room matrix.RoomID) (full bool, err error) {
	s.read(room, func(r *Room) { full = r.Full })
	return full, nil
}

// KnowsMembers implements StateStore.
func (s *MemoryStore) KnowsMembers(_ context.Context, room matrix.RoomID) (known bool, err error) {
	s.read(room, func(r *Room) { known = len(r.Members) > 0 })
	return known, nil
}

// OwnMembers implements StateStore.
func (s *MemoryStore) OwnMembers(_ context.Context, room matrix.RoomID) (joined, invited []matrix.UserID, version uint64, err error) {
	// A write lock: the room computes and keeps its answer.
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rooms[room]; r != nil {
		joined, invited, version = r.OwnMembers()
	}
	return joined, invited, version, nil
}

// SharedRooms implements StateStore.
func (s *MemoryStore) SharedRooms(_ context.Context, user matrix.UserID) ([]matrix.RoomID, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []matrix.RoomID
	for id, r := range s.rooms {
		if r.Members[user].Membership == "join" {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out, nil
}

// PowerLevels implements StateStore.
func (s *MemoryStore) PowerLevels(_ context.Context, room matrix.RoomID) (content json.RawMessage, ok bool, err error) {
	s.read(room, func(r *Room) { content = r.Levels })
	return content, content != nil, nil
}

// SetPowerLevels implements StateStore.
func (s *MemoryStore) SetPowerLevels(_ context.Context, room matrix.RoomID, content json.RawMessage) error {
	s.write(room, func(r *Room) { r.SetLevels(content) })
	return nil
}

// Create implements StateStore.
func (s *MemoryStore) Create(_ context.Context, room matrix.RoomID) (event json.RawMessage, ok bool, err error) {
	s.read(room, func(r *Room) { event = r.Create })
	return event, event != nil, nil
}

// SetCreate implements StateStore.
func (s *MemoryStore) SetCreate(_ context.Context, room matrix.RoomID, event json.RawMessage) error {
	s.write(room, func(r *Room) { r.SetCreate(event) })
	return nil
}

// EncryptionInfo implements StateStore.
func (s *MemoryStore) EncryptionInfo(_ context.Context, room matrix.RoomID) (content json.RawMessage, ok bool, err error) {
	s.read(room, func(r *Room) { content, ok = r.Encryption, r.EncryptionKnown })
	return content, ok, nil
}

// SetEncryptionInfo implements StateStore.
func (s *MemoryStore) SetEncryptionInfo(_ context.Context, room matrix.RoomID, content json.RawMessage) error {
	s.write(room, func(r *Room) { r.SetEncryption(content) })
	return nil
}

// UpdateState implements StateStore.
func (s *MemoryStore) UpdateState(_ context.Context, e *matrix.Event) error {
	if e.RoomID != "" && e.IsState() {
		s.write(e.RoomID, func(r *Room) { r.UpdateState(e) })
	}
	return nil
}

// Forget implements StateStore.
func (s *MemoryStore) Forget(_ context.Context, room matrix.RoomID) error {
	s.write(room, func(r *Room) { r.Forget() })
	return nil
}

// ForgetMember implements StateStore.
func (s *MemoryStore) ForgetMember(_ context.Context, room matrix.RoomID, user matrix.UserID) error {
	s.write(room, func(r *Room) { r.ForgetMember(user) })
	return nil
}
