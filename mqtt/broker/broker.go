// Package broker is a small MQTT broker in memory, for tests and for the specs of scripts:
// sessions, retained messages, wills, all three QoS, and the faults that a client has to bear.
//
//	b := broker.New()
//	go b.Serve(conn)
//	b.Publish(mqtt.Message{Topic: "home/lamp/state", Payload: []byte("ON")})
package broker

import (
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"bridgehost/mqtt"
)

// Faults are what goes wrong from now on.
type Faults struct {
	Refuse byte // connections are refused with this return code
	Deny   bool // subscriptions are refused
	Silent bool // nothing is answered, messages of clients are confirmed by nobody
}

// Broker holds what its clients said. All methods may be called by many at once.
type Broker struct {
	mu       sync.Mutex
	faults   Faults
	sessions map[string]*session // by client ID
	unnamed  int                 // clients that had none
	retained []mqtt.Message      // the last of each topic
	conns    []*conn
	news     []mqtt.Message // of the clients, not taken yet
	said     []string
	OnChange func() // told after each packet of a client; may be nil; set before Serve
}

// session is what is known of a client, also while it is away.
type session struct {
	clean  bool
	conn   *conn // nil: away
	subs   map[string]byte
	unsent []*packets.PublishPacket // not confirmed yet, in order
	lastID uint16
	rec    map[uint16]bool // QoS 2 of the client, not released yet
}

// conn is one connection, with the goroutine that writes to it.
type conn struct {
	net.Conn
	will *mqtt.Message

	mu   sync.Mutex
	out  []packets.ControlPacket
	wake chan struct{}
	gone chan struct{}
	once sync.Once
}

// New makes a broker without clients.
func New() *Broker { return &Broker{sessions: map[string]*session{}} }

// SetFaults replaces what goes wrong.
func (b *Broker) SetFaults(f Faults) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = f
}

// Serve speaks with one client until the connection ends.
func (b *Broker) Serve(nc net.Conn) {
	c := &conn{Conn: nc, wake: make(chan struct{}, 1), gone: make(chan struct{})}
	b.mu.Lock()
	b.conns = append(b.conns, c)
	b.mu.Unlock()
	go c.write()
	defer c.hangUp()
	var s *session
	for {
		p, err := packets.ReadPacket(nc)
		if err != nil {
			break
		}
		if hello, ok := p.(*packets.ConnectPacket); ok && s == nil {
			if s = b.welcome(c, hello); s == nil {
				break
			}
		} else if s == nil || !b.heard(c, s, p) {
			break
		}
		if b.OnChange != nil {
			b.OnChange()
		}
	}
	c.hangUp()
	b.left(c, s)
	if b.OnChange != nil {
		b.OnChange()
	}
}

// welcome answers CONNECT; nil when it is refused.
func (b *Broker) welcome(c *conn, p *packets.ConnectPacket) *session {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.say("client %q connects as %q, clean_session %t, keepalive %d", p.ClientIdentifier, p.Username, p.CleanSession, p.Keepalive)
	if b.faults.Silent {
		return &session{}
	}
	ack := packets.NewControlPacket(packets.Connack).(*packets.ConnackPacket)
	if ack.ReturnCode = b.faults.Refuse; ack.ReturnCode != 0 {
		c.send(ack)
		return nil
	}
	name := p.ClientIdentifier
	if name == "" { // it gets one of its own, that no client can have
		b.unnamed++
		name = fmt.Sprintf("\x00%d", b.unnamed)
	}
	s := b.sessions[name]
	if s != nil && s.conn != nil {
		s.conn.hangUp() // one name, one client
	}
	if s == nil || p.CleanSession || s.clean {
		s = &session{subs: map[string]byte{}, rec: map[uint16]bool{}}
		b.sessions[name] = s
	} else {
		ack.SessionPresent = true
	}
	s.clean, s.conn = p.CleanSession, c
	if p.WillFlag {
		c.will = &mqtt.Message{Topic: p.WillTopic, Payload: p.WillMessage, QoS: p.WillQos, Retain: p.WillRetain}
	}
	c.send(ack)
	for _, m := range s.unsent {
		again := *m
		again.Dup = true
		c.send(&again)
	}
	return s
}

// heard answers a packet of a client; false when the connection is to end.
func (b *Broker) heard(c *conn, s *session, p packets.ControlPacket) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ping := p.(*packets.PingreqPacket); ping {
		b.say("ping")
	}
	if b.faults.Silent {
		return true
	}
	id := p.Details().MessageID
	switch p := p.(type) {
	case *packets.PublishPacket:
		b.published(c, s, p)
	case *packets.PubackPacket:
		s.confirmed(id)
	case *packets.PubrecPacket:
		c.send(withID(packets.Pubrel, id))
	case *packets.PubcompPacket:
		s.confirmed(id)
	case *packets.PubrelPacket:
		delete(s.rec, id)
		c.send(withID(packets.Pubcomp, id))
	case *packets.SubscribePacket:
		b.subscribed(c, s, p)
	case *packets.UnsubscribePacket:
		for _, filter := range p.Topics {
			delete(s.subs, filter)
			b.say("client unsubscribes from %s", filter)
		}
		c.send(withID(packets.Unsuback, id))
	case *packets.PingreqPacket:
		c.send(packets.NewControlPacket(packets.Pingresp))
	case *packets.DisconnectPacket:
		b.say("client says goodbye")
		c.will = nil
		return false
	default:
		return false
	}
	return true
}

func (b *Broker) published(c *conn, s *session, p *packets.PublishPacket) {
	m := mqtt.Message{Topic: p.TopicName, Payload: p.Payload, QoS: p.Qos, Retain: p.Retain}
	switch p.Qos {
	case 1:
		c.send(withID(packets.Puback, p.MessageID))
	case 2:
		c.send(withID(packets.Pubrec, p.MessageID))
		if s.rec[p.MessageID] {
			return
		}
		s.rec[p.MessageID] = true
	}
	b.say("client publishes %s: %s", m.Topic, m.Payload)
	b.news = append(b.news, m)
	b.route(m)
}

func (b *Broker) subscribed(c *conn, s *session, p *packets.SubscribePacket) {
	ack := withID(packets.Suback, p.MessageID).(*packets.SubackPacket)
	for i, filter := range p.Topics {
		if b.say("client subscribes to %s", filter); b.faults.Deny {
			ack.ReturnCodes = append(ack.ReturnCodes, 0x80)
			continue
		}
		s.subs[filter] = p.Qoss[i]
		ack.ReturnCodes = append(ack.ReturnCodes, p.Qoss[i])
	}
	c.send(ack)
	for _, m := range b.retained {
		for i, filter := range p.Topics {
			if !b.faults.Deny && mqtt.Matches(filter, m.Topic) {
				s.deliver(m, min(m.QoS, p.Qoss[i]), true)
			}
		}
	}
}

// Publish sends a message to all who subscribed, and keeps it when it is to be retained.
func (b *Broker) Publish(m mqtt.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.say("broker publishes %s: %s", m.Topic, m.Payload)
	b.route(m)
}

func (b *Broker) route(m mqtt.Message) {
	if m.Retain {
		b.retained = slices.DeleteFunc(b.retained, func(old mqtt.Message) bool { return old.Topic == m.Topic })
		if len(m.Payload) > 0 {
			b.retained = append(b.retained, m)
		}
	}
	for _, s := range b.sessions {
		best, wanted := byte(0), false
		for filter, qos := range s.subs {
			if mqtt.Matches(filter, m.Topic) {
				best, wanted = max(best, qos), true
			}
		}
		if wanted {
			s.deliver(m, min(m.QoS, best), false)
		}
	}
}

func (s *session) deliver(m mqtt.Message, qos byte, retained bool) {
	if s.conn == nil && (s.clean || qos == 0) {
		return
	}
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Payload, p.Qos, p.Retain = m.Topic, m.Payload, qos, retained
	if qos > 0 {
		if s.lastID++; s.lastID == 0 {
			s.lastID = 1
		}
		p.MessageID = s.lastID
		s.unsent = append(s.unsent, p)
	}
	if s.conn != nil {
		now := *p // writing changes it
		s.conn.send(&now)
	}
}

func (s *session) confirmed(id uint16) {
	s.unsent = slices.DeleteFunc(s.unsent, func(p *packets.PublishPacket) bool { return p.MessageID == id })
}

// left is the end of a connection: the will is published unless the client said goodbye.
func (b *Broker) left(c *conn, s *session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s != nil && s.conn == c {
		s.conn = nil
	}
	if c.will != nil {
		b.say("the client vanished: its will is %s: %s", c.will.Topic, c.will.Payload)
		b.route(*c.will)
	}
}
