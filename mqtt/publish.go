package mqtt

import (
	"context"
	"fmt"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// refused is the return code of a subscription that the broker does not allow.
const refused = 0x80

// Publish sends a message. With QoS 1 and 2 it waits until the broker has it; with 0 it is
// only sent.
func (c *Client) Publish(ctx context.Context, m Message) error {
	const op = "publish to"
	if err := CheckTopic(m.Topic); err != nil {
		return err
	}
	if len(m.Payload)+len(m.Topic)+4 > MaxPacket {
		return &Error{Op: op, Address: c.conn.Address(), Code: CodeTooLong, Reason: fmt.Sprintf("the message has %d bytes, and %d are the most", len(m.Payload), MaxPacket)}
	}
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Payload, p.Qos, p.Retain = m.Topic, m.Payload, m.QoS, m.Retain
	switch m.QoS {
	case 0:
		_, err := c.exchange(ctx, op, 0, func(uint16) packets.ControlPacket { return p })
		return err
	case 1:
		_, err := c.exchange(ctx, op, packets.Puback, func(id uint16) packets.ControlPacket { p.MessageID = id; return p })
		return err
	}
	_, err := c.exchange(ctx, op, packets.Pubcomp, func(id uint16) packets.ControlPacket { p.MessageID = id; return p })
	return err
}

// Subscribe asks for the messages of a filter, and waits for the broker's answer: the
// highest QoS at which they will come.
func (c *Client) Subscribe(ctx context.Context, filter string, qos byte) (byte, error) {
	if err := CheckFilter(filter); err != nil {
		return 0, err
	}
	const op = "subscribe at"
	granted, err := c.exchange(ctx, op, packets.Suback, func(id uint16) packets.ControlPacket {
		p := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
		p.MessageID, p.Topics, p.Qoss = id, []string{filter}, []byte{qos}
		return p
	})
	if err == nil && granted >= refused {
		return 0, &Error{Op: op, Address: c.conn.Address(), Code: CodeRefused, Reason: fmt.Sprintf("the broker does not let us read %q", filter)}
	}
	return granted, err
}

// Unsubscribe takes a subscription back.
func (c *Client) Unsubscribe(ctx context.Context, filter string) error {
	if err := CheckFilter(filter); err != nil {
		return err
	}
	_, err := c.exchange(ctx, "unsubscribe at", packets.Unsuback, func(id uint16) packets.ControlPacket {
		p := packets.NewControlPacket(packets.Unsubscribe).(*packets.UnsubscribePacket)
		p.MessageID, p.Topics = id, []string{filter}
		return p
	})
	return err
}

// exchange sends a packet and waits for the one of that kind that confirms it; 0: for none.
func (c *Client) exchange(ctx context.Context, op string, kind byte, packet func(id uint16) packets.ControlPacket) (code byte, err error) {
	x, id, err := c.begin(op, kind)
	if err != nil {
		return 0, err
	}
	if err := c.write(ctx, packet(id)); err != nil {
		c.forget(id)
		if c.over() != nil {
			return 0, c.why(op)
		}
		return 0, err
	}
	if kind == 0 {
		return 0, nil
	}
	select {
	case <-x.done:
		return x.code, nil
	default:
	}
	select {
	case <-x.done:
		return x.code, nil
	case <-c.gone:
		c.forget(id)
		return 0, c.why(op)
	case <-ctx.Done(): // id stays taken until the confirmation comes
		return 0, &Error{Op: op, Address: c.conn.Address(), Code: CodeTimeout, Reason: "the broker did not confirm in time", Err: context.Cause(ctx)}
	}
}

// begin finds an identifier that is free.
func (c *Client) begin(op string, kind byte) (*exchange, uint16, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil, 0, broken(op, c.conn.Address(), c.err)
	}
	if kind == 0 {
		return nil, 0, nil
	}
	if len(c.awaited) >= hard {
		return nil, 0, &Error{Op: op, Address: c.conn.Address(), Code: CodeTimeout, Reason: fmt.Sprintf("%d messages wait for the broker's confirmation already", hard)}
	}
	for id := c.lastID + 1; ; id++ {
		if id == 0 || c.awaited[id] != nil {
			continue
		}
		x := &exchange{kind: kind, done: make(chan struct{})}
		c.awaited[id], c.lastID = x, id
		c.broadcast() // the pump may read further ahead now
		return x, id, nil
	}
}

func (c *Client) forget(id uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.awaited, id)
}

func (c *Client) over() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// why is the reason for the end of the connection.
func (c *Client) why(op string) error { return broken(op, c.conn.Address(), c.over()) }
