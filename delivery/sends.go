package delivery

import (
	"context"
	"sync"
)

// Sends knows which calls of one script send into which room and have not returned to its
// Lua yet. A homeserver passes on what answers an event before the script has learned that
// event's id: whoever looks the id up has to wait for the call first. The zero value knows none.
type Sends struct {
	mu    sync.Mutex
	rooms map[string]map[*SendCall]bool
}

// SendCall is one call of a binding, which may send.
type SendCall struct {
	sends *Sends
	rooms []string
	over  chan struct{}
}

type sendCallKey struct{}

// Call begins one. Its context is for what the call does; Over must follow when Lua has the result.
func (s *Sends) Call(ctx context.Context) (context.Context, *SendCall) {
	c := &SendCall{sends: s}
	return context.WithValue(ctx, sendCallKey{}, c), c
}

// Sending says that the call of ctx is about to send into a room.
func Sending(ctx context.Context, room string) {
	c, _ := ctx.Value(sendCallKey{}).(*SendCall)
	if c == nil {
		return
	}
	c.sends.mu.Lock()
	defer c.sends.mu.Unlock()
	if c.over == nil {
		c.over = make(chan struct{})
	}
	if c.sends.rooms == nil {
		c.sends.rooms = map[string]map[*SendCall]bool{}
	}
	if c.sends.rooms[room] == nil {
		c.sends.rooms[room] = map[*SendCall]bool{}
	}
	c.sends.rooms[room][c] = true
	c.rooms = append(c.rooms, room)
}

// Over ends the call. c may be nil.
func (c *SendCall) Over() {
	if c == nil {
		return
	}
	c.sends.mu.Lock()
	defer c.sends.mu.Unlock()
	for _, room := range c.rooms {
		delete(c.sends.rooms[room], c)
		if len(c.sends.rooms[room]) == 0 {
			delete(c.sends.rooms, room)
		}
	}
	c.rooms = nil
	if c.over != nil {
		close(c.over)
		c.over = nil
	}
}

// Wait returns when the calls that send into the room now are over, or ctx ends.
func (s *Sends) Wait(ctx context.Context, room string) {
	s.mu.Lock()
	var over []chan struct{}
	for c := range s.rooms[room] {
		over = append(over, c.over)
	}
	s.mu.Unlock()
	for _, done := range over {
		select {
		case <-done:
		case <-ctx.Done():
			return
		}
	}
}
