package mqtt

import (
	"bufio"
	"bytes"
	"time"

	"github.com/jonboulle/clockwork"
)

// ReadAll takes in packets until the first error, as a client does whose script reads all.
func ReadAll(said []byte) (n int, err error) {
	in := bufio.NewReader(bytes.NewReader(said))
	c := &Client{clock: clockwork.NewFakeClockAt(time.Unix(0, 0)), changed: make(chan struct{}), awaited: map[uint16]*exchange{}, session: NewSession()}
	for ; ; n++ {
		p, err := readPacket(in)
		if err == nil {
			err = c.accept(p)
		}
		if err != nil {
			return n, err
		}
		if d, ok, _ := c.Take(); ok {
			c.Done(d)
		}
	}
}

// Remembered is how many confirmations may not have arrived.
func (s *Session) Remembered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.done)
}

// Waiting is how many messages were not taken yet.
func (c *Client) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.queue)
}
