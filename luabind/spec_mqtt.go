package luabind

import (
	"context"
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/mqtt"
)

// SpecMQTT is what goes wrong with a fake broker from now on.
type SpecMQTT struct {
	Refuse bool // nobody is let in
	Deny   bool // nobody may subscribe
	Silent bool // nothing is answered
}

// SpecBroker is a broker that a spec made.
type SpecBroker interface {
	Publish(m mqtt.Message)
	// Published are the script's messages that were not taken yet, oldest first, once the
	// script has nothing more to do; Take takes the first n.
	Published() []mqtt.Message
	Take(n int)
	HangUp()
	Connections() int
	// Missing is an error that shows what was said so far.
	Missing(text string) *diag.Error
}

// specBrokerClass is what t.fake_mqtt returns.
var specBrokerClass = class("fake broker", "An MQTT broker in the place of the one that the script connects to. TLS is taken as given.")

var _ = field(specBrokerClass, "connections", "integer", "How many connections were opened so far.",
	func(_ *Env, b SpecBroker) lua.LValue { return lua.LNumber(b.Connections()) })

var _ = fn(specModule, "fake_mqtt", capability.None(noPowerSpec), never,
	"A broker for the script's connections to a URL. It keeps sessions and retained messages. The options are about what comes from now on; without them all goes well again.",
	func(c *Call, a *struct {
		URL    string `lua:"url" doc:"\"mqtt://broker.test\""`
		Refuse bool   `lua:"refuse,opt" doc:"nobody is let in"`
		Deny   bool   `lua:"deny,opt" doc:"nobody may subscribe"`
		Silent bool   `lua:"silent,opt" doc:"nothing is answered"`
	}) (lua.LValue, error) {
		target, _, err := (&mqttConnect{URL: a.URL, CleanSession: true}).read()
		if err != nil {
			return nil, usage("bad argument #1 'url' to 'fake_mqtt' (mqtt://HOST:PORT or mqtts://HOST:PORT expected, got %s)", quoted(a.URL))
		}
		b, err := c.Env.Script.Specs.FakeMQTT(target.Address(), SpecMQTT{Refuse: a.Refuse, Deny: a.Deny, Silent: a.Silent})
		return c.Object(specBrokerClass, b), err
	}, results("The broker."), returns("FakeBroker"), example(`broker = t.fake_mqtt("mqtt://broker.test")`))

var _ = method(specBrokerClass, "publish", capability.None(noPowerSpec), waits,
	"Publishes a message to those who subscribed.",
	func(_ *Call, b SpecBroker, a *struct {
		Topic   string `lua:"topic" doc:"the topic"`
		Payload []byte `lua:"payload" doc:"what is said"`
		QoS     int    `lua:"qos,opt" doc:"0, 1 or 2"`
		Retain  bool   `lua:"retain,opt" doc:"keep it for later subscribers"`
	}) (none, error) {
		if err := mqtt.CheckTopic(a.Topic); err != nil {
			return none{}, usage("bad argument #1 'topic' to 'publish' (%s, got %s)", err, quoted(a.Topic))
		}
		if err := checkQoS(a.QoS, "publish"); err != nil {
			return none{}, err
		}
		b.Publish(mqtt.Message{Topic: a.Topic, Payload: a.Payload, QoS: byte(a.QoS), Retain: a.Retain})
		return none{}, nil
	}, example(`broker:publish("home/lamp/state", "ON")`))

var _ = method(specBrokerClass, "expect", capability.None(noPowerSpec), waitsInside,
	"The script's next message with that topic; those before it are taken, too. Fails when there is none.",
	func(c *Call, b SpecBroker, a *struct {
		Topic   string `lua:"topic" doc:"the topic; + and # as in subscriptions"`
		Payload string `lua:"payload,opt" doc:"its payload, or a Lua pattern for the whole of it"`
	}) (lua.LValue, error) {
		if err := mqtt.CheckFilter(a.Topic); err != nil {
			return nil, usage("bad argument #1 'topic' to 'expect' (%s, got %s)", err, quoted(a.Topic))
		}
		var all []mqtt.Message
		c.Wait(func(context.Context) { all = b.Published() })
		for i, m := range all {
			if mqtt.Matches(a.Topic, m.Topic) && (a.Payload == "" || c.fits(string(m.Payload), a.Payload)) {
				b.Take(i + 1)
				t := c.L.CreateTable(0, 4)
				t.RawSetString("topic", lua.LString(m.Topic))
				t.RawSetString("payload", lua.LString(m.Payload))
				t.RawSetString("qos", lua.LNumber(m.QoS))
				t.RawSetString("retain", lua.LBool(m.Retain))
				return t, nil
			}
		}
		return nil, b.Missing(fmt.Sprintf("expected a message of the script for %q, and it did not come", a.Topic))
	}, results("`{topic, payload, qos, retain}`."), returns("{topic: string, payload: string, qos: integer, retain: boolean}"), errcodes("E_EXPECTED"),
	example(`broker:expect("home/lamp/set", "OFF")`))

var _ = method(specBrokerClass, "hang_up", capability.None(noPowerSpec), waits,
	"Closes all connections. The script may connect again.",
	func(_ *Call, b SpecBroker, _ *struct{}) (none, error) { b.HangUp(); return none{}, nil }, example(`broker:hang_up()`))
