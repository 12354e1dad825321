package mqtt

import (
	"crypto/sha256"
	"sync"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// recent is how many confirmations a Session remembers.
const recent = 1000

// Session is our side of a session that the broker keeps: it goes from one connection to the
// next (Options.Session), so that what was done on the one and, for want of its confirmation,
// comes again on the other is not done twice. A broker that has lost its side makes it forget.
type Session struct {
	mu       sync.Mutex
	done     []confirmation  // of QoS 1, the oldest first: the broker may not have got them
	pinging  bool            // a ping is not answered yet
	received map[uint16]bool // QoS 2: not released yet; true when it is done
}

// confirmation is one message that was confirmed.
type confirmation struct {
	id    uint16
	sum   [sha256.Size]byte
	asked bool // a ping went out behind it: with its answer the broker has it
}

// NewSession makes one that remembers nothing.
func NewSession() *Session { return &Session{received: map[uint16]bool{}} }

// attach begins a new connection; kept tells whether the broker has its side.
func (s *Session) attach(kept bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !kept {
		s.done = nil
	}
	for id, done := range s.received {
		if !kept || !done {
			delete(s.received, id) // it comes again, as if it never had
		}
	}
	s.pinging = false
	for i := range s.done {
		s.done[i].asked = false
	}
}

func sum(topic string, payload []byte) [sha256.Size]byte {
	return sha256.Sum256(append([]byte(topic+"\x00"), payload...))
}

// known tells whether a message was done before, and is only to be confirmed again, or will be
// (pending). Source: MQTT 3.1.1, 4.3 and 4.4.
func (s *Session) known(p *packets.PublishPacket) (done, pending bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch p.Qos {
	case 1:
		return p.Dup && s.find(p.MessageID, sum(p.TopicName, p.Payload)), false
	case 2:
		was, known := s.received[p.MessageID]
		if !known {
			s.received[p.MessageID] = false
		}
		return known && was, known && !was
	}
	return false, false
}

func (s *Session) find(id uint16, sum [sha256.Size]byte) bool {
	for _, c := range s.done {
		if c.id == id && c.sum == sum {
			return true
		}
	}
	return false
}

// finished remembers that a message was done.
func (s *Session) finished(d *Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch d.QoS {
	case 1:
		if len(s.done) == recent {
			s.done = s.done[1:]
		}
		s.done = append(s.done, confirmation{id: d.id, sum: sum(d.Topic, d.Payload)})
	case 2:
		if _, known := s.received[d.id]; known {
			s.received[d.id] = true
		}
	}
}

func (s *Session) released(id uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.received, id)
}

// pinged says that a ping goes out, and answered that its answer came: what was confirmed
// before the ping has arrived.
func (s *Session) pinged() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.done {
		s.done[i].asked = s.done[i].asked || !s.pinging
	}
	s.pinging = true
}

func (s *Session) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pinging = false
	kept := s.done[:0]
	for _, c := range s.done {
		if !c.asked {
			kept = append(kept, c)
		}
	}
	s.done = kept
}
