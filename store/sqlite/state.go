package sqlite

import (
	"fmt"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"bridgehost/intent"
	"bridgehost/matrix"
)

// state is what is known of rooms and users: the rooms in use in memory, what
// changed in them written behind, in the next transaction of anybody or after
// stateWait by itself.
type state struct {
	db *DB

	mu         sync.Mutex
	rooms      map[matrix.RoomID]*loaded
	registered map[matrix.UserID]bool
	dirty      *changes // not written yet
	flying     *changes // in the transaction that runs
	timer      clockwork.Timer
	loads      uint64
	uses       uint64
	closed     bool
}

type loaded struct {
	*intent.Room
	base uint64 // makes versions differ between two loads of one room
	used uint64
}

// changes names what differs from the disk.
type changes struct {
	users map[matrix.UserID]bool // newly registered
	rooms map[matrix.RoomID]*roomChange
}

type roomChange struct {
	room, all bool
	users     map[matrix.UserID]bool
}

const stateWait = 100 * time.Millisecond

func newChanges() *changes {
	return &changes{users: map[matrix.UserID]bool{}, rooms: map[matrix.RoomID]*roomChange{}}
}

func newState(db *DB) *state {
	s := &state{db: db, rooms: map[matrix.RoomID]*loaded{}, registered: map[matrix.UserID]bool{}, dirty: newChanges()}
	db.w.each, db.w.eachDone = s.write, s.written
	return s
}

// with runs f on a room, loading it first. s.mu is held meanwhile.
func (s *state) with(room matrix.RoomID, f func(r *loaded) intent.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	r := s.rooms[room]
	if r == nil {
		s.loads++
		r = &loaded{Room: intent.NewRoom(s.db.opts.Owns), base: s.loads << 32}
		if err := s.db.read(func(c *conn) error { return loadRoom(c, room, r.Room) }); err != nil {
			return fmt.Errorf("state of room %s: %w", room, err)
		}
		r.Loaded()
		s.evict()
		s.rooms[room] = r
	}
	s.uses++
	r.used = s.uses
	if c := f(r); c.Any() {
		s.dirty.add(room, c)
		s.writeSoon()
	}
	return nil
}

func (ch *changes) add(room matrix.RoomID, c intent.Change) {
	d := ch.rooms[room]
	if d == nil {
		d = &roomChange{users: map[matrix.UserID]bool{}}
		ch.rooms[room] = d
	}
	d.room = d.room || c.Room
	d.all = d.all || c.AllMembers
	for _, u := range c.Users {
		d.users[u] = true
	}
}

// writeSoon makes sure that some transaction comes. s.mu is held.
func (s *state) writeSoon() {
	if s.timer == nil {
		s.timer = s.db.clock.AfterFunc(stateWait, func() {
			if err := s.db.w.do(background, func(*writer) error { return nil }, nil); err != nil {
				s.db.log.Error("state of rooms not written", "err", err)
			}
		})
	}
}

// evict makes place: of a few rooms the one unused for longest goes, unless it
// has something to write.
func (s *state) evict() {
	for len(s.rooms) >= s.db.opts.MaxRooms {
		var oldest matrix.RoomID
		seen := 0
		for id, r := range s.rooms {
			busy := s.dirty.rooms[id] != nil || (s.flying != nil && s.flying.rooms[id] != nil)
			if !busy && (oldest == "" || r.used < s.rooms[oldest].used) {
				oldest = id
			}
			if seen++; seen >= 16 && oldest != "" {
				break
			}
		}
		if oldest == "" {
			return
		}
		delete(s.rooms, oldest)
	}
}

func loadRoom(c *conn, room matrix.RoomID, r *intent.Room) error {
	var id int64
	found, err := c.one(func(x row) {
		id, r.Full = x.int(0), x.bool(1)
		r.Levels, r.Create = x.bytes(2), x.bytes(3)
		if e := x.bytes(4); e != nil {
			r.EncryptionKnown = true
			if len(e) > 0 {
				r.Encryption = e
			}
		}
	}, "SELECT id, full_members, power_levels, create_event, encryption FROM rooms WHERE room = ?", string(room))
	if err != nil || !found {
		return err
	}
	return c.query(func(x row) error {
		r.Members[matrix.UserID(x.str(0))] = intent.Member{Membership: x.str(1), DisplayName: x.str(2), AvatarURL: x.str(3)}
		return nil
	}, "SELECT user, membership, displayname, avatar FROM members WHERE room = ?", id)
}

// roomWrite is a copy of what has to be written of one room.
type roomWrite struct {
	room       matrix.RoomID
	all        bool
	meta       *intent.Room
	users      map[matrix.UserID]*intent.Member // nil: gone
	encryption []byte
}

// write runs in every transaction, on the writer's goroutine.
func (s *state) write(w *writer) error {
	s.mu.Lock()
	if len(s.dirty.users) == 0 && len(s.dirty.rooms) == 0 {
		s.mu.Unlock()
		return nil
	}
	s.flying, s.dirty = s.dirty, newChanges()
	users, list := s.flying.users, make([]roomWrite, 0, len(s.flying.rooms))
	for id, ch := range s.flying.rooms {
		list = append(list, s.copyOf(id, ch))
	}
	s.mu.Unlock()
	for u := range users {
		if _, err := w.exec("INSERT OR IGNORE INTO registered (user) VALUES (?)", string(u)); err != nil {
			return err
		}
	}
	for _, x := range list {
		if err := w.writeRoom(x); err != nil {
			return fmt.Errorf("state of room %s: %w", x.room, err)
		}
	}
	return nil
}

func (s *state) copyOf(id matrix.RoomID, ch *roomChange) roomWrite {
	r := s.rooms[id]
	x := roomWrite{room: id, all: ch.all, users: map[matrix.UserID]*intent.Member{}}
	if ch.room {
		x.meta = &intent.Room{Full: r.Full, Levels: r.Levels, Create: r.Create}
		if r.EncryptionKnown {
			x.encryption = append([]byte{}, r.Encryption...)
		}
	}
	for u := range ch.users {
		x.users[u] = nil
		if m, ok := r.Members[u]; ok {
			x.users[u] = &m
		}
	}
	if ch.all {
		for u, m := range r.Members {
			x.users[u] = &m
		}
	}
	return x
}

func (w *writer) writeRoom(x roomWrite) error {
	id, err := w.room(x.room)
	if err != nil {
		return err
	}
	if x.meta != nil {
		_, err = w.exec("UPDATE rooms SET full_members = ?, power_levels = ?, create_event = ?, encryption = ? WHERE id = ?",
			x.meta.Full, []byte(x.meta.Levels), []byte(x.meta.Create), x.encryption, id)
		if err != nil {
			return err
		}
	}
	if x.all {
		if _, err = w.exec("DELETE FROM members WHERE room = ?", id); err != nil {
			return err
		}
	}
	for u, m := range x.users {
		if m == nil {
			_, err = w.exec("DELETE FROM members WHERE room = ? AND user = ?", id, string(u))
		} else {
			_, err = w.exec("INSERT OR REPLACE INTO members (room, user, membership, displayname, avatar) VALUES (?, ?, ?, ?, ?)",
				id, string(u), m.Membership, m.DisplayName, m.AvatarURL)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// room gives the number of a room, making one for a new room.
func (w *writer) room(room matrix.RoomID) (id int64, err error) {
	if id, ok := w.rooms[string(room)]; ok {
		return id, nil
	}
	found, err := w.one(func(r row) { id = r.int(0) }, "SELECT id FROM rooms WHERE room = ?", string(room))
	if err == nil && !found {
		_, err = w.one(func(r row) { id = r.int(0) }, "INSERT INTO rooms (room) VALUES (?) RETURNING id", string(room))
	}
	if err != nil {
		return 0, err
	}
	if len(w.rooms) > maxBatch {
		clear(w.rooms)
	}
	w.rooms[string(room)] = id
	return id, nil
}

// written tells what became of the transaction of write.
func (s *state) written(ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil && ok {
		s.timer.Stop()
		s.timer = nil
	}
	if flying := s.flying; flying != nil && !ok {
		for u := range flying.users {
			s.dirty.users[u] = true
		}
		for id, ch := range flying.rooms {
			c := intent.Change{Room: ch.room, AllMembers: ch.all}
			for u := range ch.users {
				c.Users = append(c.Users, u)
			}
			s.dirty.add(id, c)
		}
	}
	s.flying = nil
	if len(s.dirty.rooms)+len(s.dirty.users) > 0 {
		if !ok {
			s.timer = nil // its job may have been the one that failed
		}
		if !s.closed {
			s.writeSoon()
		}
	}
}

// flush writes what is waiting and refuses everything later.
func (s *state) flush() error {
	err := s.db.w.do(background, func(*writer) error { return nil }, nil)
	s.mu.Lock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	return err
}
