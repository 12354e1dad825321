package broker

import (
	"fmt"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"bridgehost/mqtt"
)

func (b *Broker) say(format string, args ...any) {
	b.said = append(b.said, fmt.Sprintf(format, args...))
}

// Said is all that happened, for reading.
func (b *Broker) Said() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.said...)
}

// Published are the messages of clients that were not taken yet, oldest first.
func (b *Broker) Published() []mqtt.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]mqtt.Message(nil), b.news...)
}

// Take forgets the first n of Published.
func (b *Broker) Take(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.news = b.news[n:]
}

// Connections is how many there were.
func (b *Broker) Connections() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.conns)
}

// Unconfirmed is how many messages of QoS 1 and 2 a client has not confirmed yet.
func (b *Broker) Unconfirmed(clientID string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.sessions[clientID]; s != nil {
		return len(s.unsent)
	}
	return 0
}

// Subscribed tells whether a client has subscribed to a filter.
func (b *Broker) Subscribed(clientID, filter string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.sessions[clientID]
	if s == nil {
		return false
	}
	_, ok := s.subs[filter]
	return ok
}

// Standing is how many connections are open.
func (b *Broker) Standing() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.conns {
		select {
		case <-c.gone:
		default:
			n++
		}
	}
	return n
}

// HangUp closes all connections.
func (b *Broker) HangUp() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.conns {
		c.hangUp()
	}
}

func withID(kind byte, id uint16) packets.ControlPacket {
	p := packets.NewControlPacket(kind)
	switch p := p.(type) {
	case *packets.PubackPacket:
		p.MessageID = id
	case *packets.PubrecPacket:
		p.MessageID = id
	case *packets.PubrelPacket:
		p.MessageID = id
	case *packets.PubcompPacket:
		p.MessageID = id
	case *packets.SubackPacket:
		p.MessageID = id
	case *packets.UnsubackPacket:
		p.MessageID = id
	}
	return p
}

func (c *conn) send(p packets.ControlPacket) {
	c.mu.Lock()
	c.out = append(c.out, p)
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// write sends what there is to send, and at the end closes the connection.
func (c *conn) write() {
	defer c.Close()
	for last := false; ; {
		c.mu.Lock()
		out := c.out
		c.out = nil
		c.mu.Unlock()
		for _, p := range out {
			if p.Write(c.Conn) != nil {
				return
			}
		}
		if last {
			return
		}
		select {
		case <-c.wake:
		case <-c.gone:
			last = true
		}
	}
}

// hangUp closes the connection once all is sent.
func (c *conn) hangUp() { c.once.Do(func() { close(c.gone) }) }
