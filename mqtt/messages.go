package mqtt

import (
	"context"
	"io"
	"slices"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// Delivery is a message that was taken, until Done.
type Delivery struct {
	Message
	id   uint16
	done bool
}

// queued takes a message in. c.mu is held.
func (c *Client) queued(p *packets.PublishPacket) {
	switch done, pending := c.session.known(p); {
	case done:
		c.confirm(p.Qos, p.MessageID) // our answer was lost
		return
	case pending:
		return
	}
	c.queue = append(c.queue, &Delivery{id: p.MessageID,
		Message: Message{Topic: p.TopicName, Payload: p.Payload, QoS: p.Qos, Retain: p.Retain, Duplicate: p.Dup}})
	c.size += len(p.Payload)
}

// Ready waits until Take would not come back with nothing. It returns early when ctx ends.
func (c *Client) Ready(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.queue) == 0 && c.err == nil && ctx.Err() == nil {
		c.wait(ctx)
	}
}

// Take takes the next message, at once. ok is false when there is none (any more). The
// error is io.EOF when the broker has hung up and all that it sent was taken.
func (c *Client) Take() (d *Delivery, ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		if c.err != nil && c.err != io.EOF {
			return nil, false, broken("read from", c.conn.Address(), c.err)
		}
		return nil, false, c.err
	}
	d = c.queue[0]
	c.queue[0] = nil
	if c.queue = c.queue[1:]; len(c.queue) == 0 {
		c.queue = nil // give the memory back
	}
	c.size -= len(d.Payload)
	c.broadcast()
	return d, true, nil
}

// Done confirms a message to the broker, which then does not send it again. It does not wait.
func (c *Client) Done(d *Delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d.done {
		return
	}
	d.done = true
	c.session.finished(d)
	c.confirm(d.QoS, d.id)
	c.broadcast()
}

// Return puts back what was taken and could not be done: it comes first with the next Take.
func (c *Client) Return(d *Delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d.done || c.closed || c.err != nil && c.comesAgain(d) {
		return
	}
	again := *d
	again.Duplicate = true
	d.done = true // its other copy is not
	c.queue = slices.Insert(c.queue, 0, &again)
	c.size += len(d.Payload)
	c.broadcast()
}

// comesAgain tells whether the broker sends a message on the next connection as well.
func (c *Client) comesAgain(d *Delivery) bool { return c.kept && d.QoS > 0 }

// leaveToBroker forgets what the broker sends again on the next connection: it would be done twice.
// c.mu is held.
func (c *Client) leaveToBroker() {
	c.queue = slices.DeleteFunc(c.queue, c.comesAgain)
	c.size = 0
	for _, d := range c.queue {
		c.size += len(d.Payload)
	}
}
