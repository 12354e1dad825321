// Package mqtt is the client's side of MQTT 3.1.1 over a connection that is given. Its
// packets are written and read by the codec of eclipse/paho.
//
//	client, err := mqtt.Connect(ctx, conn, mqtt.Options{ClientID: "bridgehost", KeepAlive: time.Minute})
//	qos, err := client.Subscribe(ctx, "home/+/state", 1)
//	client.Ready(ctx)
//	d, ok, err := client.Take()
//	client.Done(d)
//
// Waiting for a message and taking it are two steps, so that a wait may be given up at any
// time and has taken nothing. A message is confirmed to the broker by Done: what was taken
// and not yet done when the process dies comes again.
package mqtt

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/jonboulle/clockwork"
)

// Limits of one client.
const (
	MaxPacket = 4 << 20 // of a packet in either direction
	maxField  = 65535   // of names, topics and passwords: the protocol's

	soft     = 1000    // so many messages wait before nothing more is read
	softSize = 4 << 20 // or so many bytes
	hard     = 10_000  // the same while somebody waits for a confirmation, which comes behind them
	hardSize = 16 << 20
)

// Conn is the connection that a Client takes over. Read and WriteContext may run at once.
type Conn interface {
	io.ReadCloser
	WriteContext(ctx context.Context, p []byte) (int, error)
	Address() string
}

// Message is what is published.
type Message struct {
	Topic     string
	Payload   []byte
	QoS       byte // 0, 1 or 2
	Retain    bool // of one that came: it is the last known value, sent for a new subscription
	Duplicate bool // it may have come before
}

// Options is how to introduce oneself.
type Options struct {
	ClientID     string
	Username     *string
	Password     []byte // with Username only
	Will         *Message
	CleanSession bool
	KeepAlive    time.Duration // 0: none
	Session      *Session      // of the connection before; nil: none, or CleanSession
	Clock        clockwork.Clock
}

// Connect introduces the client to the broker. It takes conn over: when it fails, conn is
// closed. ctx is for the introduction only.
func Connect(ctx context.Context, conn Conn, o Options) (*Client, error) {
	if err := o.Check(); err != nil {
		_ = conn.Close() // nothing was said on it
		return nil, err
	}
	if o.Clock == nil {
		o.Clock = clockwork.NewRealClock()
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	if o.Session == nil || o.CleanSession {
		o.Session = NewSession()
	}
	in, kept, err := introduce(ctx, conn, o)
	if !stop() {
		code := CodeTimeout
		if ctx.Err() == context.Canceled {
			code = CodeClosed
		}
		err = &Error{Op: "connect to", Address: conn.Address(), Code: code, Reason: "the broker did not answer in time", Err: context.Cause(ctx)}
	}
	if err != nil {
		_ = conn.Close() // err says why
		return nil, err
	}
	o.Session.attach(kept)
	return newClient(conn, in, o), nil
}

// introduce sends CONNECT and reads the answer. kept tells whether the broker knows the session.
func introduce(ctx context.Context, conn Conn, o Options) (in *bufio.Reader, kept bool, err error) {
	if _, err := send(ctx, conn, o.packet()); err != nil {
		return nil, false, err
	}
	in = bufio.NewReader(conn)
	p, err := readPacket(in)
	if err != nil {
		return nil, false, broken("connect to", conn.Address(), err)
	}
	ack, ok := p.(*packets.ConnackPacket)
	if !ok {
		return nil, false, &Error{Op: "connect to", Address: conn.Address(), Code: CodeProtocol, Reason: "what answered does not speak MQTT 3.1.1"}
	}
	if ack.ReturnCode != packets.Accepted {
		return nil, false, refusal(conn.Address(), ack.ReturnCode)
	}
	return in, ack.SessionPresent, nil
}

func (o *Options) packet() packets.ControlPacket {
	p := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	p.ProtocolName, p.ProtocolVersion = "MQTT", 4
	p.ClientIdentifier, p.CleanSession, p.Keepalive = o.ClientID, o.CleanSession, uint16(o.KeepAlive/time.Second)
	if o.Username != nil {
		p.UsernameFlag, p.Username = true, *o.Username
		p.PasswordFlag, p.Password = o.Password != nil, o.Password
	}
	if w := o.Will; w != nil {
		p.WillFlag, p.WillTopic, p.WillMessage, p.WillQos, p.WillRetain = true, w.Topic, w.Payload, w.QoS, w.Retain
	}
	return p
}

// Check says what of it cannot be said in a packet.
func (o *Options) Check() error {
	username := ""
	if o.Username != nil {
		username = *o.Username
	}
	switch {
	case len(o.ClientID) > maxField || len(username) > maxField || len(o.Password) > maxField:
		return fmt.Errorf("client_id, username and password have %d bytes at most", maxField)
	case o.Password != nil && o.Username == nil:
		return fmt.Errorf("a password needs a username")
	case o.ClientID == "" && !o.CleanSession:
		return fmt.Errorf("a session that is kept (clean_session = false) needs a client_id")
	case o.KeepAlive < 0 || o.KeepAlive > maxField*time.Second || o.KeepAlive%time.Second != 0:
		return fmt.Errorf("keepalive is whole seconds, %d at most (got %s)", maxField, o.KeepAlive)
	}
	if o.Will == nil {
		return nil
	}
	if len(o.Will.Payload) > maxField {
		return fmt.Errorf("the will's payload has %d bytes, and %d are the most", len(o.Will.Payload), maxField)
	}
	return CheckTopic(o.Will.Topic)
}

// send writes one packet, and tells how much of it went out.
func send(ctx context.Context, conn Conn, p packets.ControlPacket) (int, error) {
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		return 0, err
	}
	return conn.WriteContext(ctx, b.Bytes())
}
