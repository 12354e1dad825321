package mqtt_test

import (
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"bridgehost/mqtt"
	"bridgehost/mqtt/broker"
)

// confirmedInVain lets a client take n messages and do them, while the broker hears nothing of
// it, and then connects again with that session.
func confirmedInVain(t *testing.T, b *bench, o mqtt.Options, texts ...string) *mqtt.Client {
	t.Helper()
	c := b.connect(o)
	if _, err := c.Subscribe(b.ctx(), "t", 2); err != nil {
		t.Fatal(err)
	}
	for qos := byte(1); qos <= 2; qos++ {
		for _, text := range texts {
			b.Publish(mqtt.Message{Topic: "t", Payload: []byte(text), QoS: qos})
		}
	}
	b.SetFaults(broker.Faults{Silent: true})
	for range 2 * len(texts) {
		c.Done(b.take(c))
	}
	b.HangUp()
	b.until("the broker noticed", func() bool { return b.Standing() == 0 })
	b.SetFaults(broker.Faults{})
	return b.connect(o)
}

func TestWhatWasDoneIsNotDoneAgain(t *testing.T) {
	b := newBench(t)
	c := confirmedInVain(t, b, mqtt.Options{ClientID: "c", Session: mqtt.NewSession()}, "one", "two")
	b.until("all is confirmed", func() bool { return b.Unconfirmed("c") == 0 })
	b.Publish(mqtt.Message{Topic: "t", Payload: []byte("three"), QoS: 1})
	if d := b.take(c); string(d.Payload) != "three" {
		t.Errorf("got %+v", d.Message)
	}
}

func TestWithoutASessionWhatWasDoneComesAgain(t *testing.T) {
	b := newBench(t)
	c := confirmedInVain(t, b, mqtt.Options{ClientID: "c"}, "one")
	if d := b.take(c); string(d.Payload) != "one" || !d.Duplicate {
		t.Errorf("got %+v", d.Message)
	}
}

func TestASessionThatTheBrokerHasLost(t *testing.T) {
	b := newBench(t)
	o := mqtt.Options{ClientID: "c", Session: mqtt.NewSession()}
	_ = confirmedInVain(t, b, o, "one").Close()
	b.until("the client has gone", func() bool { return b.Standing() == 0 })
	other := newBench(t) // it knows nothing of the client, and counts its messages from 1 again
	c := other.connect(o)
	if _, err := c.Subscribe(other.ctx(), "t", 2); err != nil {
		t.Fatal(err)
	}
	for qos := byte(1); qos <= 2; qos++ {
		other.Publish(mqtt.Message{Topic: "t", Payload: []byte("one"), QoS: qos})
		if d := other.take(c); string(d.Payload) != "one" {
			t.Errorf("got %+v", d.Message)
		}
	}
}

// What the answer to a ping shows to have arrived need not be remembered: its identifier may be
// used again.
func TestASessionForgetsWhatTheBrokerHas(t *testing.T) {
	clock := clockwork.NewFakeClock()
	b := newBench(t)
	o := mqtt.Options{ClientID: "c", Session: mqtt.NewSession(), KeepAlive: time.Minute, Clock: clock}
	c := b.connect(o)
	if _, err := c.Subscribe(b.ctx(), "t", 1); err != nil {
		t.Fatal(err)
	}
	b.Publish(mqtt.Message{Topic: "t", Payload: []byte("one"), QoS: 1})
	c.Done(b.take(c))
	b.until("it is remembered", func() bool { return o.Session.Remembered() == 1 })
	if err := clock.BlockUntilContext(b.ctx(), 1); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Minute)
	b.until("it is forgotten", func() bool { return o.Session.Remembered() == 0 })
}

// Messages that were not taken when the broker hung up come again, so they are not also kept.
func TestWhatComesAgainIsNotKept(t *testing.T) {
	b := newBench(t)
	o := mqtt.Options{ClientID: "c"}
	c := b.connect(o)
	if _, err := c.Subscribe(b.ctx(), "t", 1); err != nil {
		t.Fatal(err)
	}
	b.Publish(mqtt.Message{Topic: "t", Payload: []byte("only once sent")})
	b.Publish(mqtt.Message{Topic: "t", Payload: []byte("one"), QoS: 1})
	b.Publish(mqtt.Message{Topic: "t", Payload: []byte("two"), QoS: 1})
	first, second := b.take(c), b.take(c)
	b.until("the third is here", func() bool { return c.Waiting() == 1 })
	b.HangUp()
	b.until("the client noticed", func() bool { return c.Waiting() == 0 })
	c.Return(second) // comes again as well
	c.Return(first)  // does not
	if d := b.take(c); string(d.Payload) != "only once sent" || c.Waiting() != 0 {
		t.Errorf("got %+v, and %d more", d.Message, c.Waiting())
	}
	again := b.connect(o)
	for _, want := range []string{"one", "two"} {
		if d := b.take(again); string(d.Payload) != want || !d.Duplicate {
			t.Errorf("got %+v, want %s", d.Message, want)
		}
	}
}

func TestWhatWasReturnedComesFirst(t *testing.T) {
	b := newBench(t)
	c := b.connect(clean("c"))
	if _, err := c.Subscribe(b.ctx(), "t", 1); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "two"} {
		b.Publish(mqtt.Message{Topic: "t", Payload: []byte(text), QoS: 1})
	}
	d := b.take(c)
	c.Return(d)
	c.Done(d) // it is another's now
	c.Return(d)
	for _, want := range []string{"one", "two"} {
		d := b.take(c)
		if string(d.Payload) != want || d.Duplicate != (want == "one") {
			t.Errorf("got %+v, want %s", d.Message, want)
		}
		c.Done(d)
	}
	b.until("both are confirmed", func() bool { return b.Unconfirmed("c") == 0 })
}

// Close confirms what was done before it says goodbye.
func TestCloseConfirms(t *testing.T) {
	for range 50 {
		b := newBench(t)
		c := b.connect(mqtt.Options{ClientID: "c"})
		if _, err := c.Subscribe(b.ctx(), "t", 1); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			b.Publish(mqtt.Message{Topic: "t", QoS: 1})
		}
		for range 20 {
			c.Done(b.take(c))
		}
		_ = c.Close()
		b.until("the broker has heard all", func() bool { return b.Standing() == 0 })
		if n := b.Unconfirmed("c"); n > 0 {
			t.Fatalf("%d messages are not confirmed", n)
		}
	}
}
