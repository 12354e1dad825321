package luabind

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/egress"
	"bridgehost/mqtt"
)

var mqttModule = module("bridge.mqtt", "A client of MQTT brokers (MQTT 3.1.1). What the network and the broker answer is returned as nil, err.", returnsErrors)

// mqttClass are clients. Its methods return nil, err as the module's functions do.
var mqttClass = class("mqtt client", "A connection to an MQTT broker. The host owns it: it is closed when the script is unloaded, unless bridge.keep passed it on.",
	returnsErrors)

var _ = metamethod(mqttClass, "__tostring", func(*Env) lua.LGFunction {
	return func(L *lua.LState) int {
		text := "mqtt client"
		if m, ok := selfOf[*mqtt.Client](L.Get(1)); ok {
			text = m.String()
		}
		L.Push(lua.LString(text))
		return 1
	}
})

// confirmLimit is how long a broker may take to confirm something.
const confirmLimit = 30 * time.Second

// mqttPorts are the schemes of brokers' URLs.
var mqttPorts = map[string]int{"mqtt": 1883, "mqtts": 8883}

// mqttConnect are the arguments of connect.
type mqttConnect struct {
	URL          string        `lua:"url" doc:"\"mqtt://HOST\", or \"mqtts://HOST\" for TLS; the ports are 1883 and 8883 when it names none"`
	ClientID     string        `lua:"client_id,opt" doc:"our name at the broker, where no two may have one name; without it the broker makes one"`
	Username     *string       `lua:"username,opt" doc:"the user; the URL may hold it as well"`
	Password     *string       `lua:"password,opt" doc:"the user's password"`
	CleanSession bool          `lua:"clean_session,opt" doc:"false: the broker keeps subscriptions, and messages of QoS 1 and 2, while we are away; needs a client_id" default:"true"`
	KeepAlive    time.Duration `lua:"keepalive,opt" doc:"how often to ask whether the broker is there, in whole seconds; 0: never" default:"60s"`
	Will         *mqttWill     `lua:"will,opt" doc:"what the broker publishes when we vanish without a goodbye"`
	Timeout      time.Duration `lua:"timeout,opt" doc:"for name, connection, TLS and the broker's welcome together" default:"30s"`
}

type mqttWill struct {
	Topic   string `lua:"topic" doc:"under which it is published"`
	Payload []byte `lua:"payload" doc:"what is said, 65535 bytes at most"`
	QoS     int    `lua:"qos,opt" doc:"0, 1 or 2"`
	Retain  bool   `lua:"retain,opt" doc:"keep it for later subscribers"`
}

var _ = fn(mqttModule, "connect", capability.NetConnect, waitsInside,
	"Connects to a broker and introduces the client. With mqtts:// the certificate must name the host and come from an authority that this machine trusts.",
	func(c *Call, a *mqttConnect) (lua.LValue, error) {
		target, options, err := a.read()
		if err != nil {
			return nil, usage("bad field %s", err)
		}
		if err := c.Env.Script.Check(capability.NetConnect, target.Address()); err != nil {
			return nil, err
		}
		options.Clock = c.VM.Clock()
		if !options.CleanSession {
			options.Session = c.Env.Script.mqtt.of(target.Address(), options.ClientID)
		}
		return c.mqttConnect(target, options)
	}, tableArg, results("A client, or nil and an error."), returns("MqttClient?", "Error?"),
	errcodes("ECONNREFUSED", "ENOTFOUND", "ETIMEDOUT", "E_TLS", "E_CONNECTIONS", "E_REFUSED", "E_PROTOCOL"),
	example(`local client = assert(mqtt.connect { url = "mqtt://localhost", client_id = "bridgehost", clean_session = false })`))

// read makes sense of the arguments.
func (a *mqttConnect) read() (egress.Target, mqtt.Options, error) {
	o := mqtt.Options{ClientID: a.ClientID, Username: a.Username, CleanSession: a.CleanSession, KeepAlive: a.KeepAlive}
	if a.Password != nil {
		o.Password = []byte(*a.Password)
	}
	target := egress.Target{Timeout: a.Timeout}
	u, err := url.Parse(a.URL)
	if err != nil || mqttPorts[u.Scheme] == 0 || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return target, o, errors.New("'url' to 'connect' (mqtt://HOST:PORT or mqtts://HOST:PORT expected)") // without what was given: it may hold a password
	}
	target.Host, target.Port, target.TLS = u.Hostname(), mqttPorts[u.Scheme], u.Scheme == "mqtts"
	if text := u.Port(); text != "" {
		if target.Port, err = strconv.Atoi(text); err != nil || target.Port < 1 || target.Port > 65535 {
			return target, o, errors.New("'url' to 'connect' (its port must be 1 to 65535)")
		}
	}
	if u.User != nil && o.Username == nil {
		name := u.User.Username()
		o.Username = &name
		if password, set := u.User.Password(); set && a.Password == nil {
			o.Password = []byte(password)
		}
	}
	if w := a.Will; w != nil {
		if w.QoS < 0 || w.QoS > 2 {
			return target, o, errors.New("'will' to 'connect' (field 'qos': 0, 1 or 2 expected)")
		}
		o.Will = &mqtt.Message{Topic: w.Topic, Payload: w.Payload, QoS: byte(w.QoS), Retain: w.Retain}
	}
	if err := o.Check(); err != nil {
		return target, o, errors.New("to 'connect': " + err.Error())
	}
	return target, o, nil
}

func (c *Call) mqttConnect(target egress.Target, o mqtt.Options) (lua.LValue, error) {
	g, err := c.generation()
	if err != nil {
		return nil, err
	}
	account, err := c.account()
	if err != nil {
		return nil, err
	}
	var client *mqtt.Client
	taken := false
	defer func() {
		if client != nil && !taken { // the handler was ended meanwhile: nobody would close it
			go client.Close()
		}
	}()
	c.Wait(func(ctx context.Context) {
		ctx, cancel := clockwork.WithTimeout(ctx, o.Clock, target.Timeout)
		defer cancel()
		var conn *egress.Conn
		if conn, err = account.Dial(ctx, target); err == nil {
			client, err = mqtt.Connect(ctx, conn, o)
		}
	})
	if err != nil {
		return nil, mqttFailure(err)
	}
	taken = true
	client.OnClose(func() { g.Disown(client) })
	g.Own(client)
	return c.Object(mqttClass, client), nil
}

// mqttFailure is what went wrong with a broker as scripts see it.
func mqttFailure(err error) error {
	var e *mqtt.Error
	if !errors.As(err, &e) {
		return netFailure(err)
	}
	d := &diag.Error{Kind: diag.KindNet, Code: e.Code, Message: e.Error(), Hint: e.Hint, Retryable: e.Retryable(), Cause: err}
	switch e.Code {
	case mqtt.CodeTimeout:
		d.Kind = diag.KindTimeout
	case mqtt.CodeTooLong:
		d.Kind = diag.KindLimit
	}
	return d
}

var _ = fn(mqttModule, "matches", capability.None("compares two texts"), never,
	"Tells whether a message with that topic comes to who subscribed to that filter: + stands for one level, # at the end for all that follow.",
	func(_ *Call, a *struct {
		Filter string `lua:"filter" doc:"as it is subscribed to"`
		Topic  string `lua:"topic" doc:"a message's topic"`
	}) (bool, error) {
		if err := mqtt.CheckFilter(a.Filter); err != nil {
			return false, usage("bad argument #1 'filter' to 'matches' (%s, got %s)", err, quoted(a.Filter))
		}
		return mqtt.Matches(a.Filter, a.Topic), nil
	}, example(`if mqtt.matches("home/+/state", msg.topic) then … end`))

const mqttPower = "the connection was opened already"

var _ = method(mqttClass, "subscribe", capability.None(mqttPower), waitsInside,
	"Asks for the messages of a filter and waits for the broker's answer. To ask again does no harm, but retained messages come again.",
	func(c *Call, m *mqtt.Client, a *struct {
		Filter string `lua:"filter" doc:"a topic; + stands for one level, # at the end for all that follow"`
		QoS    int    `lua:"qos,opt" doc:"the highest QoS that they are to come with: 0, 1 or 2"`
	}) (lua.LValue, error) {
		if err := mqtt.CheckFilter(a.Filter); err != nil {
			return nil, usage("bad argument #1 'filter' to 'subscribe' (%s, got %s)", err, quoted(a.Filter))
		}
		if err := checkQoS(a.QoS, "subscribe"); err != nil {
			return nil, err
		}
		var granted byte
		err := c.confirmed(func(ctx context.Context) (err error) {
			granted, err = m.Subscribe(ctx, a.Filter, byte(a.QoS))
			return err
		})
		if err != nil {
			return nil, err
		}
		return lua.LNumber(granted), nil
	}, results("The QoS that the broker grants, or nil and an error."), returns("integer?", "Error?"),
	errcodes("E_REFUSED", "EPIPE", "E_CLOSED", "ETIMEDOUT"), example(`assert(client:subscribe("home/+/state", 1))`))

var _ = method(mqttClass, "unsubscribe", capability.None(mqttPower), waitsInside,
	"Takes a subscription back and waits for the broker's answer.",
	func(c *Call, m *mqtt.Client, a *struct {
		Filter string `lua:"filter" doc:"as it was subscribed to"`
	}) (lua.LValue, error) {
		if err := mqtt.CheckFilter(a.Filter); err != nil {
			return nil, usage("bad argument #1 'filter' to 'unsubscribe' (%s, got %s)", err, quoted(a.Filter))
		}
		if err := c.confirmed(func(ctx context.Context) error { return m.Unsubscribe(ctx, a.Filter) }); err != nil {
			return nil, err
		}
		return lua.LTrue, nil
	}, results("true, or nil and an error."), returns("boolean?", "Error?"), errcodes("EPIPE", "E_CLOSED", "ETIMEDOUT"), example(`assert(client:unsubscribe("home/+/state"))`))

var _ = method(mqttClass, "publish", capability.None(mqttPower), waitsInside,
	"Publishes a message. With `qos` 1 and 2 it waits until the broker has it, 30 seconds at most; with 0 it may get lost.",
	func(c *Call, m *mqtt.Client, a *struct {
		Topic   string `lua:"topic" doc:"the topic"`
		Payload []byte `lua:"payload" doc:"what is said, 4 MiB at most; \"\" with retain makes the broker forget what it kept"`
		QoS     int    `lua:"qos,opt" doc:"0: at most once, 1: at least once, 2: exactly once"`
		Retain  bool   `lua:"retain,opt" doc:"the broker keeps it for later subscribers"`
	}) (lua.LValue, error) {
		if err := mqtt.CheckTopic(a.Topic); err != nil {
			return nil, usage("bad argument #1 'topic' to 'publish' (%s, got %s)", err, quoted(a.Topic))
		}
		if err := checkQoS(a.QoS, "publish"); err != nil {
			return nil, err
		}
		message := mqtt.Message{Topic: a.Topic, Payload: a.Payload, QoS: byte(a.QoS), Retain: a.Retain}
		if err := c.confirmed(func(ctx context.Context) error { return m.Publish(ctx, message) }); err != nil {
			return nil, err
		}
		return lua.LTrue, nil
	}, results("true, or nil and an error."), returns("boolean?", "Error?"), errcodes("EPIPE", "E_CLOSED", "ETIMEDOUT", "E_TOO_LONG"),
	example(`local ok, err = client:publish("home/lamp/set", "ON", { qos = 1 })`))

func checkQoS(qos int, fn string) error {
	if qos < 0 || qos > 2 {
		return usage("bad option 'qos' to '%s' (0, 1 or 2 expected, got %d)", fn, qos)
	}
	return nil
}

// confirmed waits, for a limited time, for something that the broker confirms.
func (c *Call) confirmed(f func(ctx context.Context) error) (err error) {
	clock := c.VM.Clock()
	c.Wait(func(ctx context.Context) {
		ctx, cancel := clockwork.WithTimeout(ctx, clock, confirmLimit)
		defer cancel()
		err = f(ctx)
	})
	if err != nil {
		return mqttFailure(err)
	}
	return nil
}

var _ = method(mqttClass, "messages", capability.None(mqttPower), never,
	"An iterator over the messages that come: tables with `topic`, `payload`, `qos`, `retained` (it is the last known value, sent for a new subscription) and `duplicate` (it may have come before). "+
		"It ends when the broker hangs up and raises when reading fails. A message is confirmed to the broker when the next one is asked for, or when the handler ends: what a crash cuts off comes again, with QoS 1 and 2. "+
		"When the handler fails with an error that is `retryable` (the homeserver is down), or is ended by the host, the message is handed out again, the first of all. Of several handlers that read, each message goes to one.",
	func(c *Call, m *mqtt.Client, _ *struct{}) (lua.LValue, error) {
		it := &mqttMessages{client: m}
		env, declared := c.Env, c.Function()
		return c.L.NewFunction(func(L *lua.LState) int {
			return it.next(&Call{Env: env, L: L, fn: declared})
		}), nil
	}, results("An iterator."), returns("fun(): {topic: string, payload: string, qos: integer, retained: boolean, duplicate: boolean}?"),
	errcodes("E_CLOSED", "E_PROTOCOL", "ETIMEDOUT", "ECONNRESET"), example("for msg in client:messages() do … end"))

// mqttMessages is one loop over a client's messages.
type mqttMessages struct {
	client *mqtt.Client
	last   *mqtt.Delivery // handed out, and not asked beyond
	keep   func() bool    // takes back what the end of its handler does about it
}

func (it *mqttMessages) next(c *Call) int {
	last := it.last
	if last != nil {
		it.last = nil
		it.keep()
		defer it.client.Done(last) // also when there is no more to wait for
	}
	for {
		c.WaitInput(func(ctx context.Context) bool {
			if last != nil {
				it.client.Done(last) // what was written about it is on disk now
			}
			it.client.Ready(ctx)
			return false
		})
		d, ok, err := it.client.Take()
		switch {
		case ok:
			ctx := c.Context()
			it.last, it.keep = d, context.AfterFunc(ctx, func() { it.left(d, context.Cause(ctx)) })
			c.L.Push(mqttMessage(c, d))
			return 1
		case err == io.EOF:
			c.L.Push(lua.LNil)
			return 1
		case err != nil:
			c.Raise(mqttFailure(err))
		}
	}
}

// left is the end of a handler that asked for no further message.
func (it *mqttMessages) left(d *mqtt.Delivery, why error) {
	var failed *diag.Error
	if errors.As(why, &failed) && (failed.Retryable || failed.Kind == diag.KindStopping) {
		it.client.Return(d)
		return
	}
	it.client.Done(d)
}

// mqttSessions are those of a script that brokers keep, by broker and client.
type mqttSessions struct {
	mu  sync.Mutex
	all map[string]*mqtt.Session
}

// mostSessions is how many are remembered; a script has one, or a few.
const mostSessions = 100

func (s *mqttSessions) of(address, clientID string) *mqtt.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := address + " " + clientID
	if s.all[key] == nil {
		if s.all == nil || len(s.all) == mostSessions {
			s.all = map[string]*mqtt.Session{}
		}
		s.all[key] = mqtt.NewSession()
	}
	return s.all[key]
}

func mqttMessage(c *Call, d *mqtt.Delivery) *lua.LTable {
	t := c.L.CreateTable(0, 5)
	t.RawSetString("topic", lua.LString(d.Topic))
	t.RawSetString("payload", lua.LString(d.Payload))
	t.RawSetString("qos", lua.LNumber(d.QoS))
	t.RawSetString("retained", lua.LBool(d.Retain))
	t.RawSetString("duplicate", lua.LBool(d.Duplicate))
	return t
}

var _ = method(mqttClass, "close", capability.None(mqttPower), waits,
	"Says goodbye to the broker and closes the connection; the will is not published. To close it again does nothing.",
	func(_ *Call, m *mqtt.Client, _ *struct{}) (none, error) {
		_ = m.Close() // nothing can be done about it, and nothing is lost
		return none{}, nil
	}, example(`client:close()`))

var _ = method(mqttClass, "peer", capability.None(mqttPower), never,
	"What was connected to, as \"host:port\".",
	func(_ *Call, m *mqtt.Client, _ *struct{}) (string, error) { return m.Address(), nil },
	example(`bridge.log.info("connected", { to = client:peer() })`))
