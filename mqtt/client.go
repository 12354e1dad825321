package mqtt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/jonboulle/clockwork"
)

// goodbye is how long Close tries to tell the broker.
const goodbye = 2 * time.Second

// Client is one session on one connection. All methods may be called by many at once.
type Client struct {
	conn      Conn
	clock     clockwork.Clock
	keepAlive time.Duration
	session   *Session
	kept      bool          // the broker has what is not confirmed, also when the connection ends
	slot      chan struct{} // who may write
	gone      chan struct{} // closed with the connection

	mu      sync.Mutex
	changed chan struct{} // closed and made anew whenever something below changes
	queue   []*Delivery   // not taken yet
	size    int           // of their payloads
	answers []packets.ControlPacket
	awaited map[uint16]*exchange // what the broker has not confirmed yet
	lastID  uint16
	heard   time.Time
	full    bool  // the pump waits for the script
	writing bool  // an answer is on its way
	err     error // why nothing more comes: io.EOF when the broker hung up
	closed  bool
	ended   func()
}

// exchange is one packet with an identifier, until the broker has confirmed it.
type exchange struct {
	kind byte // of the packet that confirms it
	code byte // of a subscription
	done chan struct{}
}

func newClient(conn Conn, in *bufio.Reader, o Options) *Client {
	c := &Client{conn: conn, clock: o.Clock, keepAlive: o.KeepAlive, slot: make(chan struct{}, 1), gone: make(chan struct{}),
		changed: make(chan struct{}), awaited: map[uint16]*exchange{}, session: o.Session, kept: !o.CleanSession, heard: o.Clock.Now()}
	go c.pump(in)
	go c.answer()
	if c.keepAlive > 0 {
		go c.beat(c.clock.NewTicker(c.keepAlive))
	}
	return c
}

// pump reads until the end, never more ahead than the queue may hold.
func (c *Client) pump(in *bufio.Reader) {
	for c.room() {
		p, err := readPacket(in)
		if err == nil {
			err = c.accept(p)
		}
		if err != nil {
			c.fail(err)
			return
		}
	}
}

// room waits until one more packet may be read; false when the client ended.
func (c *Client) room() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.err == nil {
		most, size := soft, softSize
		if len(c.awaited) > 0 {
			most, size = hard, hardSize
		}
		full := len(c.queue) >= most || c.size >= size || len(c.answers) >= most
		if c.full && !full {
			c.heard = c.clock.Now() // until now it was we who did not listen
		}
		if c.full = full; !full {
			return true
		}
		c.wait(context.Background())
	}
	return false
}

// wait unlocks c.mu until something has changed or ctx ends.
func (c *Client) wait(ctx context.Context) {
	changed := c.changed
	c.mu.Unlock()
	select {
	case <-changed:
	case <-ctx.Done():
	}
	c.mu.Lock()
}

// broadcast wakes whoever waits. c.mu is held.
func (c *Client) broadcast() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// accept does what a packet asks for.
func (c *Client) accept(p packets.ControlPacket) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.broadcast()
	c.heard = c.clock.Now()
	switch p := p.(type) {
	case *packets.PublishPacket:
		c.queued(p)
	case *packets.PubrelPacket:
		c.session.released(p.MessageID)
		done := packets.NewControlPacket(packets.Pubcomp).(*packets.PubcompPacket)
		done.MessageID = p.MessageID
		c.answers = append(c.answers, done)
	case *packets.PubrecPacket:
		if x := c.awaited[p.MessageID]; x != nil && x.kind == packets.Pubcomp {
			release := packets.NewControlPacket(packets.Pubrel).(*packets.PubrelPacket)
			release.MessageID = p.MessageID
			c.answers = append(c.answers, release)
		}
	case *packets.PubackPacket:
		c.confirmed(p.MessageID, packets.Puback, 0)
	case *packets.PubcompPacket:
		c.confirmed(p.MessageID, packets.Pubcomp, 0)
	case *packets.SubackPacket:
		c.confirmed(p.MessageID, packets.Suback, p.ReturnCodes[0])
	case *packets.UnsubackPacket:
		c.confirmed(p.MessageID, packets.Unsuback, 0)
	case *packets.PingrespPacket:
		c.session.answered()
	default:
		return protocol("a second answer to the introduction")
	}
	return nil
}

func (c *Client) confirmed(id uint16, kind, code byte) {
	if x := c.awaited[id]; x != nil && x.kind == kind {
		delete(c.awaited, id)
		x.code = code
		close(x.done)
	}
}

// confirm tells the broker that a message is done. c.mu is held.
func (c *Client) confirm(qos byte, id uint16) {
	switch qos {
	case 1:
		p := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
		p.MessageID = id
		c.answers = append(c.answers, p)
	case 2:
		p := packets.NewControlPacket(packets.Pubrec).(*packets.PubrecPacket)
		p.MessageID = id
		c.answers = append(c.answers, p)
	}
}

// Alive is false when the client was closed, or the broker hung up and all that it sent
// has been taken.
func (c *Client) Alive() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.closed && (c.err == nil || len(c.queue) > 0)
}

// OnClose sets what is told when the client is closed; at once when it is already.
func (c *Client) OnClose(f func()) {
	c.mu.Lock()
	c.ended = f
	closed := c.closed
	c.mu.Unlock()
	if closed {
		f()
	}
}

// Address is the broker's, "host:port".
func (c *Client) Address() string { return c.conn.Address() }

// String is what is shown of it.
func (c *Client) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return fmt.Sprintf("mqtt client (%s, closed)", c.conn.Address())
	case c.err != nil:
		return fmt.Sprintf("mqtt client (%s, hung up)", c.conn.Address())
	}
	return fmt.Sprintf("mqtt client (%s)", c.conn.Address())
}

// fail ends the connection: with what the other side did.
func (c *Client) fail(err error) {
	c.mu.Lock()
	first := c.err == nil
	if first {
		c.err = err
		c.leaveToBroker()
		close(c.gone)
		c.broadcast()
	}
	c.mu.Unlock()
	if first {
		_ = c.conn.Close() // err says why
	}
}

// Close confirms what was done, says goodbye and ends the connection; it takes two seconds
// at most. What was not taken is forgotten here; the broker still has what was not confirmed.
func (c *Client) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	standing := c.err == nil
	c.err = &Error{Code: CodeClosed, Reason: "the connection is closed"}
	c.queue, c.size = nil, 0
	if standing {
		close(c.gone)
	}
	c.broadcast()
	ended := c.ended
	c.mu.Unlock()
	if ended != nil {
		ended()
	}
	if standing {
		c.leave()
	}
	return nil
}

// leave tells the broker that we go, so that it keeps the will to itself.
func (c *Client) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	c.mu.Lock()
	for c.writing && ctx.Err() == nil {
		c.wait(ctx)
	}
	last := append(c.answers, packets.NewControlPacket(packets.Disconnect))
	c.answers = nil
	c.mu.Unlock()
	for _, p := range last {
		if err := c.write(ctx, p); err != nil {
			break // the connection is closed all the same
		}
	}
	_ = c.conn.Close() // nothing can be done about it
}

// write sends a packet; those of several callers do not mix.
func (c *Client) write(ctx context.Context, p packets.ControlPacket) error {
	select {
	case c.slot <- struct{}{}:
		defer func() { <-c.slot }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	n, err := send(ctx, c.conn, p)
	if err != nil && n > 0 { // nobody could say where the broker stands
		c.fail(err)
	}
	return err
}

// answer sends what need not be waited for.
func (c *Client) answer() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		for len(c.answers) == 0 && c.err == nil {
			c.wait(context.Background())
		}
		if c.err != nil {
			return
		}
		p := c.answers[0]
		c.answers = c.answers[1:]
		c.writing = true
		c.broadcast()
		c.mu.Unlock()
		err := c.write(context.Background(), p)
		if err != nil {
			c.fail(err)
		}
		c.mu.Lock()
		c.writing = false
		c.broadcast()
	}
}

// errSilent is the end of a connection of which only the other side's machine is gone.
var errSilent = errors.New("the broker does not answer pings")

// beat asks the broker whether it is there.
func (c *Client) beat(ticker clockwork.Ticker) {
	defer ticker.Stop()
	for asked := false; ; asked = true {
		select {
		case <-ticker.Chan():
		case <-c.gone:
			return
		}
		c.mu.Lock()
		silent := asked && !c.full && c.clock.Since(c.heard) >= 2*c.keepAlive
		c.answers = append(c.answers, packets.NewControlPacket(packets.Pingreq))
		c.session.pinged()
		c.broadcast()
		c.mu.Unlock()
		if silent {
			c.fail(&Error{Code: CodeTimeout, Reason: errSilent.Error(), Err: errSilent})
			return
		}
	}
}
