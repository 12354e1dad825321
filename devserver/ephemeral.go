package devserver

import (
	"encoding/json"
	"net/http"
	"sort"
	"time"

	"bridgehost/matrix"
)

func typing(c *call) (any, *refusal) {
	var in struct {
		Typing  bool
		Timeout int64
	}
	if r := c.object(&in, false); r != nil {
		return nil, r
	}
	if matrix.UserID(c.args[1]) != c.user {
		return nil, fail(http.StatusBadRequest, "M_FORBIDDEN", "Cannot set another user's typing state")
	}
	rm := c.s.rooms[matrix.RoomID(c.args[0])]
	if rm == nil || !rm.joined[c.user] {
		return nil, unstable("NOT_JOINED", "User %s not in room %s", c.user, c.args[0])
	}
	timeout := min(time.Duration(in.Timeout)*time.Millisecond, 2*time.Minute)
	if in.Timeout == 0 {
		timeout = 30 * time.Second
	}
	c.s.setTyping(rm, c.user, in.Typing, timeout)
	return object{}, nil
}

// setTyping shows a user as typing until the timeout. s.mu is held.
func (s *Server) setTyping(rm *room, u matrix.UserID, on bool, timeout time.Duration) {
	_, was := rm.typing[u]
	if on {
		rm.typingNo++
		no := rm.typingNo
		rm.typing[u] = no
		s.o.Clock.AfterFunc(timeout, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if rm.typing[u] == no {
				s.setTyping(rm, u, false, 0)
			}
		})
	} else {
		delete(rm.typing, u)
	}
	if was == on {
		return
	}
	users := []string{}
	for user := range rm.typing {
		users = append(users, string(user))
	}
	sort.Strings(users)
	s.queueEphemeral(rm, u, object{"type": "m.typing", "room_id": rm.id, "content": object{"user_ids": users}})
	s.notify()
}

// Typing are the users who type in a room now, sorted.
func (s *Server) Typing(id matrix.RoomID) []matrix.UserID {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []matrix.UserID{}
	if rm := s.rooms[id]; rm != nil {
		for u := range rm.typing {
			out = append(out, u)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i] < out[j] })
	return out
}

func receipt(c *call) (any, *refusal) {
	if r := c.object(&object{}, true); r != nil {
		return nil, r
	}
	switch c.args[1] {
	case "m.read", "m.read.private", "m.fully_read":
	default:
		return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "Receipt type must be m.read, m.read.private, m.fully_read")
	}
	if c.args[1] == "m.fully_read" {
		return object{}, c.fullyRead(matrix.EventID(c.args[2]))
	}
	return object{}, c.read(matrix.EventID(c.args[2]), c.args[1] == "m.read")
}

func readMarkers(c *call) (any, *refusal) {
	var in struct {
		FullyRead   matrix.EventID `json:"m.fully_read"`
		Read        matrix.EventID `json:"m.read"`
		ReadPrivate matrix.EventID `json:"m.read.private"`
	}
	if r := c.object(&in, false); r != nil {
		return nil, r
	}
	if r := c.read(in.Read, true); r != nil {
		return nil, r
	}
	if r := c.read(in.ReadPrivate, false); r != nil {
		return nil, r
	}
	return object{}, c.fullyRead(in.FullyRead)
}

// read marks an event as read. One that is not in the room is left out, as Synapse does;
// one that the user never could see is refused. s.mu is held.
func (c *call) read(id matrix.EventID, public bool) *refusal {
	rm := c.s.rooms[matrix.RoomID(c.args[0])]
	if rm == nil || rm.byID[id] == nil {
		return nil
	}
	switch rm.membership(c.user) {
	case "join", "leave", "ban":
	default:
		return forbidden("You don't have permission to access that event.")
	}
	if public {
		c.s.setRead(rm, c.user, id)
	}
	return nil
}

// fullyRead moves the user's own mark, never back. Synapse does not look whether the user
// is in the room. s.mu is held.
func (c *call) fullyRead(id matrix.EventID) *refusal {
	if id == "" {
		return nil
	}
	rm := c.s.rooms[matrix.RoomID(c.args[0])]
	if rm == nil || rm.byID[id] == nil {
		return fail(http.StatusNotFound, "M_UNKNOWN", "Could not find event %s in room %s", id, c.args[0])
	}
	a, key := c.s.account(c.user), dataKey{rm.id, "m.fully_read"}
	var was struct {
		EventID matrix.EventID `json:"event_id"`
	}
	_ = json.Unmarshal(a.data[key], &was) // was written here, or is not there
	if old := rm.byID[was.EventID]; old == nil || old.seq < rm.byID[id].seq {
		a.keep(key, append(appendString([]byte(`{"event_id":`), string(id)), '}'))
	}
	return nil
}

// setRead tells the interested what somebody has read; an event that is not here is left
// out. s.mu is held.
func (s *Server) setRead(rm *room, u matrix.UserID, id matrix.EventID) {
	if rm.byID[id] == nil || rm.read[u] == id {
		return
	}
	rm.read[u] = id
	s.queueEphemeral(rm, u, object{"type": "m.receipt", "room_id": rm.id, "content": object{
		string(id): object{"m.read": object{string(u): object{"ts": s.now()}}},
	}})
	s.notify()
}

// Read is the last event that a user has marked as read, "" when none.
func (s *Server) Read(id matrix.RoomID, u matrix.UserID) matrix.EventID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rm := s.rooms[id]; rm != nil {
		return rm.read[u]
	}
	return ""
}
