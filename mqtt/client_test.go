package mqtt_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/jonboulle/clockwork"

	"bridgehost/mqtt"
	"bridgehost/mqtt/broker"
)

// pipe is a connection in memory.
type pipe struct{ net.Conn }

func (p pipe) Address() string { return "broker.test:1883" }

func (p pipe) WriteContext(ctx context.Context, b []byte) (int, error) {
	stop := context.AfterFunc(ctx, func() { _ = p.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	return p.Write(b)
}

// bench is a broker with what tests need to wait for.
type bench struct {
	*broker.Broker
	t    *testing.T
	news chan struct{}
	conn net.Conn // the broker's end of the last connection
}

func newBench(t *testing.T) *bench {
	b := &bench{Broker: broker.New(), t: t, news: make(chan struct{}, 1)}
	b.OnChange = func() {
		select {
		case b.news <- struct{}{}:
		default:
		}
	}
	return b
}

func (b *bench) dial() pipe {
	ours, theirs := net.Pipe()
	b.conn = theirs
	go b.Serve(theirs)
	return pipe{ours}
}

func (b *bench) connect(o mqtt.Options) *mqtt.Client {
	b.t.Helper()
	c, err := mqtt.Connect(b.ctx(), b.dial(), o)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (b *bench) ctx() context.Context {
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	b.t.Cleanup(cancel)
	return ctx
}

func (b *bench) until(what string, done func() bool) {
	b.t.Helper()
	limit := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond) // what the client notices, the broker does not tell
	defer tick.Stop()
	for !done() {
		select {
		case <-b.news:
		case <-tick.C:
		case <-limit:
			b.t.Fatalf("still not: %s; said:\n%s", what, strings.Join(b.Said(), "\n"))
		}
	}
}

func (b *bench) take(c *mqtt.Client) *mqtt.Delivery {
	b.t.Helper()
	c.Ready(b.ctx())
	d, ok, err := c.Take()
	if !ok {
		b.t.Fatalf("no message: %v", err)
	}
	return d
}

func codeIs(t *testing.T, err error, code string) *mqtt.Error {
	t.Helper()
	var e *mqtt.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("got %v, want the code %s", err, code)
	}
	return e
}

func clean(id string) mqtt.Options { return mqtt.Options{ClientID: id, CleanSession: true} }

func TestMessagesBothWays(t *testing.T) {
	for qos := byte(0); qos <= 2; qos++ {
		b := newBench(t)
		c := b.connect(clean("c"))
		if granted, err := c.Subscribe(b.ctx(), "home/+/state", qos); err != nil || granted != qos {
			t.Fatalf("granted %d, %v", granted, err)
		}
		b.Publish(mqtt.Message{Topic: "home/lamp/state", Payload: []byte("ON"), QoS: qos})
		d := b.take(c)
		if d.Topic != "home/lamp/state" || string(d.Payload) != "ON" || d.QoS != qos || d.Retain || d.Duplicate {
			t.Errorf("got %+v", d.Message)
		}
		if want := min(int(qos), 1); b.Unconfirmed("c") != want {
			t.Errorf("QoS %d: %d unconfirmed before Done, want %d", qos, b.Unconfirmed("c"), want)
		}
		c.Done(d)
		c.Done(d)
		b.until("it is confirmed", func() bool { return b.Unconfirmed("c") == 0 })
		for n := range 3 {
			if err := c.Publish(b.ctx(), mqtt.Message{Topic: "home/lamp/set", Payload: fmt.Appendf(nil, "%d", n), QoS: qos}); err != nil {
				t.Fatal(err)
			}
		}
		b.until("three messages arrived", func() bool { return len(b.Published()) == 3 })
		if err := c.Unsubscribe(b.ctx(), "home/+/state"); err != nil || b.Subscribed("c", "home/+/state") {
			t.Errorf("unsubscribed: %v", err)
		}
	}
}

func TestRetainedMessagesAreMarked(t *testing.T) {
	b := newBench(t)
	c := b.connect(clean("c"))
	if err := c.Publish(b.ctx(), mqtt.Message{Topic: "a", Payload: []byte("old"), QoS: 1, Retain: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Subscribe(b.ctx(), "#", 0); err != nil {
		t.Fatal(err)
	}
	if d := b.take(c); !d.Retain || string(d.Payload) != "old" {
		t.Errorf("got %+v", d.Message)
	}
}

// What was taken and not done when a client vanishes comes again; what was done does not.
func TestAKeptSessionRepeatsWhatWasNotDone(t *testing.T) {
	b := newBench(t)
	kept := mqtt.Options{ClientID: "c"}
	c := b.connect(kept)
	if _, err := c.Subscribe(b.ctx(), "t", 1); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "two"} {
		b.Publish(mqtt.Message{Topic: "t", Payload: []byte(text), QoS: 1})
	}
	c.Done(b.take(c))
	b.until("the first is confirmed", func() bool { return b.Unconfirmed("c") == 1 })
	_ = b.take(c)
	b.HangUp()
	b.until("the broker noticed", func() bool { return b.Standing() == 0 })
	b.Publish(mqtt.Message{Topic: "t", Payload: []byte("three"), QoS: 1})
	again := b.connect(kept)
	first, second := b.take(again), b.take(again)
	if string(first.Payload) != "two" || !first.Duplicate || string(second.Payload) != "three" {
		t.Errorf("got %+v and %+v", first.Message, second.Message)
	}
}

func TestRefusals(t *testing.T) {
	for code, want := range map[byte]string{1: "does not speak MQTT 3.1.1", 2: "client_id", 3: "not available", 4: "does not let us in", 5: "does not let us in", 77: "with code 77"} {
		b := newBench(t)
		b.SetFaults(broker.Faults{Refuse: code})
		_, err := mqtt.Connect(b.ctx(), b.dial(), clean("c"))
		if e := codeIs(t, err, mqtt.CodeRefused); !strings.Contains(e.Error(), want) || e.Retryable() != (code == 3) {
			t.Errorf("%d: %v, retryable %v", code, e, e.Retryable())
		}
	}
	b := newBench(t)
	c := b.connect(clean("c"))
	b.SetFaults(broker.Faults{Deny: true})
	_, err := c.Subscribe(b.ctx(), "secret/#", 0)
	codeIs(t, err, mqtt.CodeRefused)
	if !c.Alive() {
		t.Error("a refused subscription ended the connection")
	}
}

func TestABrokerThatDoesNotAnswer(t *testing.T) {
	b := newBench(t)
	b.SetFaults(broker.Faults{Silent: true})
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := mqtt.Connect(ctx, b.dial(), clean("c"))
	codeIs(t, err, mqtt.CodeTimeout)

	b = newBench(t)
	c := b.connect(clean("c"))
	b.SetFaults(broker.Faults{Silent: true})
	ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err = c.Publish(ctx, mqtt.Message{Topic: "t", QoS: 1})
	codeIs(t, err, mqtt.CodeTimeout)
	if !c.Alive() {
		t.Error("the connection was given up")
	}
}

func TestPings(t *testing.T) {
	clock := clockwork.NewFakeClock()
	b := newBench(t)
	c := b.connect(mqtt.Options{ClientID: "c", CleanSession: true, KeepAlive: time.Minute, Clock: clock})
	pings := func(n int) func() bool {
		return func() bool { return strings.Count(strings.Join(b.Said(), "\n"), "ping") >= n }
	}
	for n := 1; n <= 3; n++ {
		if err := clock.BlockUntilContext(b.ctx(), 1); err != nil {
			t.Fatal(err)
		}
		clock.Advance(time.Minute)
		b.until("a ping came", pings(n))
		if err := c.Publish(b.ctx(), mqtt.Message{Topic: "t", QoS: 1}); err != nil { // the answer has been read
			t.Fatal(err)
		}
	}
	b.SetFaults(broker.Faults{Silent: true})
	for n := 4; c.Alive() && n < 10; n++ {
		clock.Advance(time.Minute)
		b.until("a ping came, or it gave up", func() bool { return pings(n)() || !c.Alive() })
	}
	c.Ready(b.ctx())
	_, _, err := c.Take()
	codeIs(t, err, mqtt.CodeTimeout)
}

func TestTheEnd(t *testing.T) {
	b := newBench(t)
	c := b.connect(clean("c"))
	if _, err := c.Subscribe(b.ctx(), "t", 0); err != nil {
		t.Fatal(err)
	}
	b.Publish(mqtt.Message{Topic: "t", Payload: []byte("last words")})
	c.Ready(b.ctx())
	b.HangUp()
	b.until("the broker hung up", func() bool { return strings.Contains(c.String(), "hung up") })
	if !c.Alive() {
		t.Error("dead before its last message was taken")
	}
	if d := b.take(c); string(d.Payload) != "last words" {
		t.Errorf("got %+v", d.Message)
	}
	if _, ok, err := c.Take(); ok || err != io.EOF || c.Alive() {
		t.Errorf("ok %v, %v, alive %v", ok, err, c.Alive())
	}
	codeIs(t, c.Publish(b.ctx(), mqtt.Message{Topic: "t"}), mqtt.CodePipe)
	told := 0
	c.OnClose(func() { told++ })
	_ = c.Close()
	_ = c.Close()
	if told != 1 {
		t.Errorf("told %d times of the close", told)
	}
	codeIs(t, c.Publish(b.ctx(), mqtt.Message{Topic: "t"}), mqtt.CodeClosed)
	_, _, err := c.Take()
	codeIs(t, err, mqtt.CodeClosed)
}

func TestAPublishEndsWithTheConnection(t *testing.T) {
	b := newBench(t)
	c := b.connect(clean("c"))
	b.SetFaults(broker.Faults{Silent: true})
	failed := make(chan error, 1)
	go func() { failed <- c.Publish(b.ctx(), mqtt.Message{Topic: "t", QoS: 2}) }()
	b.conn.Close()
	if err := <-failed; err == nil {
		t.Error("it was published")
	}
}

func TestWills(t *testing.T) {
	b := newBench(t)
	o := mqtt.Options{ClientID: "c", CleanSession: true, Will: &mqtt.Message{Topic: "gone", Payload: []byte("bye"), Retain: true}}
	watch := b.connect(clean("watch"))
	if _, err := watch.Subscribe(b.ctx(), "gone", 0); err != nil {
		t.Fatal(err)
	}
	_ = b.connect(o).Close()
	b.until("goodbye", func() bool { return strings.Contains(strings.Join(b.Said(), "\n"), "says goodbye") })
	conn := b.dial()
	if _, err := mqtt.Connect(b.ctx(), conn, o); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if d := b.take(watch); string(d.Payload) != "bye" {
		t.Errorf("got %+v", d.Message)
	}
	if n := strings.Count(strings.Join(b.Said(), "\n"), "vanished"); n != 1 {
		t.Errorf("%d wills", n)
	}
}

// A script that does not read stops the broker, not the host; what it publishes in
// between is confirmed, although the confirmation comes behind much else.
func TestMoreThanTheQueueHolds(t *testing.T) {
	b := newBench(t)
	c := b.connect(clean("c"))
	if _, err := c.Subscribe(b.ctx(), "t", 0); err != nil {
		t.Fatal(err)
	}
	const many = 5000
	for n := range many {
		b.Publish(mqtt.Message{Topic: "t", Payload: fmt.Appendf(nil, "%d", n)})
	}
	if err := c.Publish(b.ctx(), mqtt.Message{Topic: "other", QoS: 1}); err != nil {
		t.Fatal(err)
	}
	for n := range many {
		if d := b.take(c); string(d.Payload) != fmt.Sprint(n) {
			t.Fatalf("message %d is %s", n, d.Payload)
		}
	}
}

func TestManyPublishAtOnce(t *testing.T) {
	b := newBench(t)
	c := b.connect(clean("c"))
	var all sync.WaitGroup
	for n := range 50 {
		all.Go(func() {
			if err := c.Publish(b.ctx(), mqtt.Message{Topic: "t", Payload: make([]byte, 100), QoS: byte(n % 3)}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	b.until("all arrived", func() bool { return len(b.Published()) == 50 })
}

// raw is a broker that says what it is told.
func raw(t *testing.T, answer []byte) error {
	ours, theirs := net.Pipe()
	go func() {
		if _, err := packets.ReadPacket(theirs); err == nil {
			_, _ = theirs.Write(answer)
		}
		_, _ = io.Copy(io.Discard, theirs)
		_ = theirs.Close()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, err := mqtt.Connect(ctx, pipe{ours}, clean("c"))
	if err != nil {
		return err
	}
	defer c.Close()
	c.Ready(ctx)
	_, _, err = c.Take()
	return err
}

func TestBrokersThatAreNone(t *testing.T) {
	welcome := "\x20\x02\x00\x00"
	for name, test := range map[string]struct{ said, code, text string }{
		"another protocol":          {"220 mail.test\r\n" + strings.Repeat("x", 60), mqtt.CodeProtocol, ""},
		"a packet that is too long": {welcome + "\x30\xff\xff\xff\x7f", mqtt.CodeTooLong, "268435455 bytes"},
		"a length without end":      {welcome + "\x30\xff\xff\xff\xff", mqtt.CodeProtocol, "four bytes"},
		"QoS 3":                     {welcome + "\x36\x05\x00\x01t\x00\x01", mqtt.CodeProtocol, "QoS 3"},
		"a topic with a wildcard":   {welcome + "\x30\x03\x00\x01#", mqtt.CodeProtocol, "topic"},
		"no identifier":             {welcome + "\x32\x05\x00\x01t\x00\x00", mqtt.CodeProtocol, "identifier"},
		"a client's packet":         {welcome + "\xc0\x00", mqtt.CodeProtocol, "only clients"},
		"two welcomes":              {welcome + welcome, mqtt.CodeProtocol, "second"},
		"a topic beyond the packet": {welcome + "\x30\x03\x00\x09t", mqtt.CodeProtocol, ""},
		"a message before":          {"\x30\x03\x00\x01t", mqtt.CodeProtocol, "does not speak"},
	} {
		err := raw(t, []byte(test.said))
		if e := codeIs(t, err, test.code); !strings.Contains(e.Error(), test.text) || e.Address == "" || e.Op == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOptionsThatCannotBeSaid(t *testing.T) {
	long, name := strings.Repeat("x", 65536), "me"
	for want, o := range map[string]mqtt.Options{
		"bytes at most":     {ClientID: long, CleanSession: true},
		"needs a username":  {Password: []byte("x"), CleanSession: true},
		"needs a client_id": {},
		"whole seconds":     {CleanSession: true, KeepAlive: time.Millisecond},
		"keepalive":         {CleanSession: true, KeepAlive: 65536 * time.Second},
		"the will's":        {CleanSession: true, Will: &mqtt.Message{Topic: "t", Payload: []byte(long)}},
		"no +":              {CleanSession: true, Username: &name, Will: &mqtt.Message{Topic: "+"}},
	} {
		if err := o.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestAMessageThatIsTooLong(t *testing.T) {
	b := newBench(t)
	c := b.connect(clean("c"))
	codeIs(t, c.Publish(b.ctx(), mqtt.Message{Topic: "t", Payload: make([]byte, mqtt.MaxPacket)}), mqtt.CodeTooLong)
}

// A broker may say anything: the client ends with an error, or not.
func FuzzBroker(f *testing.F) {
	f.Add([]byte("\x20\x02\x00\x00\x30\x05\x00\x01tON"))
	f.Add([]byte("\x20\x02\x00\x00\x34\x05\x00\x01t\x00\x01\x62\x02\x00\x01\xd0\x00"))
	f.Add([]byte("\x20\x02\x00\x05"))
	f.Add([]byte("\x20\x02\x00\x00\x90\x03\x00\x01\x80\x40\x02\x00\x01\x50\x02\x00\x01\x70\x02\x00\x01"))
	f.Fuzz(func(t *testing.T, said []byte) {
		if _, err := mqtt.ReadAll(said); err == nil {
			t.Error("an end without an error")
		}
	})
}
