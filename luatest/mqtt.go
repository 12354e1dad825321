package luatest

import (
	"fmt"
	"net"
	"strings"
	"sync"

	"bridgehost/diag"
	"bridgehost/luabind"
	"bridgehost/mqtt"
	"bridgehost/mqtt/broker"
)

// brokers are those that a spec made, by address. The zero value has none.
type brokers struct {
	mu    sync.Mutex
	all   map[string]*fakeBroker
	order []*fakeBroker
}

// fakeBroker implements luabind.SpecBroker.
type fakeBroker struct {
	*broker.Broker
	settle  func()
	address string
}

func (b *brokers) add(settle func(), address string, f luabind.SpecMQTT) *fakeBroker {
	b.mu.Lock()
	defer b.mu.Unlock()
	fake := b.all[address]
	if fake == nil {
		fake = &fakeBroker{Broker: broker.New(), settle: settle, address: address}
		if b.all == nil {
			b.all = map[string]*fakeBroker{}
		}
		b.all[address] = fake
		b.order = append(b.order, fake)
	}
	faults := broker.Faults{Deny: f.Deny, Silent: f.Silent}
	if f.Refuse {
		faults.Refuse = 5 // not authorised
	}
	fake.SetFaults(faults)
	return fake
}

// accept is the script's end of a new connection, nil when there is no broker.
func (b *brokers) accept(address string) net.Conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	fake := b.all[address]
	if fake == nil {
		return nil
	}
	script, ours := net.Pipe()
	go fake.Serve(ours)
	return &scriptConn{Conn: script}
}

func (b *brokers) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, fake := range b.order {
		fake.Broker.HangUp()
	}
}

// story is what was said, for reading.
func (b *brokers) story() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var text strings.Builder
	for _, fake := range b.order {
		text.WriteString(fake.story())
	}
	return text.String()
}

func (f *fakeBroker) story() string {
	said := f.Said()
	if len(said) == 0 {
		return fmt.Sprintf("the broker %s: nobody connected\n", f.address)
	}
	return "the broker " + f.address + ":\n" + indented(said)
}

// Publish implements luabind.SpecBroker.
func (f *fakeBroker) Publish(m mqtt.Message) {
	f.settle()
	f.Broker.Publish(m)
	f.settle()
}

// Published implements luabind.SpecBroker.
func (f *fakeBroker) Published() []mqtt.Message {
	f.settle()
	return f.Broker.Published()
}

// HangUp implements luabind.SpecBroker.
func (f *fakeBroker) HangUp() {
	f.settle()
	f.Broker.HangUp()
	f.settle()
}

// Missing implements luabind.SpecBroker.
func (f *fakeBroker) Missing(text string) *diag.Error { return unmet(text, f.story()) }

// FakeMQTT implements luabind.SpecRunner.
func (r *runner) FakeMQTT(address string, f luabind.SpecMQTT) (luabind.SpecBroker, error) {
	if r.net == nil {
		return nil, &diag.Error{Kind: diag.KindUsage, Message: "t.fake_mqtt was called outside of a sentence", Hint: "put it into t.before_each or t.it"}
	}
	if _, outside := r.world.(real); outside {
		return nil, &diag.Error{Kind: diag.KindUsage, Message: "there is no fake network beside a real homeserver"}
	}
	return r.net.brokers.add(r.net.settle, address, f), nil
}

var _ luabind.SpecBroker = (*fakeBroker)(nil)
