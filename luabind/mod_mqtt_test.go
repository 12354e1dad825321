package luabind

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jonboulle/clockwork"

	"bridgehost/mqtt"
	"bridgehost/mqtt/broker"
)

// mqttBench is a script beside a broker on loopback.
type mqttBench struct {
	*modBench
	server *lineServer
	broker *broker.Broker
}

func newMQTTBench(t *testing.T) *mqttBench {
	b := &mqttBench{modBench: newModBench(t, clockwork.NewRealClock(), nil), server: newLineServer(t), broker: broker.New()}
	b.broker.OnChange = b.tell
	go func() {
		for {
			select {
			case conn := <-b.server.conns:
				go b.broker.Serve(conn)
			case <-t.Context().Done():
				return
			}
		}
	}()
	return b
}

// source is a script with the function connect.
func (b *mqttBench) source(body string) string {
	return fmt.Sprintf(`local bridge, mqtt = require "bridge", require "bridge.mqtt"
		local function connect(o)
			o = o or {}
			o.url, o.client_id = "mqtt://127.0.0.1:%d", "c"
			return assert(mqtt.connect(o))
		end
		%s`, b.server.port(), body)
}

func (b *mqttBench) said(want string) {
	b.t.Helper()
	b.until(fmt.Sprintf("the broker sees %q", want), func() bool { return strings.Contains(strings.Join(b.broker.Said(), "\n"), want) })
}

func TestMQTTClient(t *testing.T) {
	tests := []struct{ name, lua, want string }{
		{"publishes with every QoS", `print(client:publish("a/b", "0"), client:publish("a/b", "1", 1), client:publish("a/b", "2", { qos = 2, retain = true }))`, "true\ttrue\ttrue"},
		{"gets what it subscribed to", `print(client:subscribe("a/+"), client:subscribe("b/#", 1), client:subscribe("c", { qos = 2 }))
			for _, topic in ipairs { "x", "a/1", "b/2", "c" } do client:publish(topic, "to " .. topic, 2) end
			local n = 0
			for m in client:messages() do
				print(m.topic, m.payload, m.qos, m.retained, m.duplicate)
				n = n + 1
				if n == 3 then break end
			end`, "0\t1\t2\na/1\tto a/1\t0\tfalse\tfalse\nb/2\tto b/2\t1\tfalse\tfalse\nc\tto c\t2\tfalse\tfalse"},
		{"gets what was retained, marked", `client:publish("t", "old", { qos = 1, retain = true }) client:subscribe("t")
			for m in client:messages() do print(m.payload, m.retained) break end`, "old\ttrue"},
		{"takes a subscription back", `client:subscribe("t") print(client:unsubscribe("t"))
			client:publish("t", "unheard", 1) client:subscribe("u") client:publish("u", "heard", 1)
			for m in client:messages() do print(m.payload) break end`, "true\nheard"},
		{"is closed by the script", `client:close() client:close()
			print(select(2, client:publish("t", "")).code, select(2, client:subscribe("t")).code, select(2, bridge.try(client:messages())).code, tostring(client):match("closed"))`,
			"E_CLOSED\tE_CLOSED\tE_CLOSED\tclosed"},
		{"raises for topics that cannot be", `print(pcall(client.publish, client, "a/+", "")) print(pcall(client.subscribe, client, "a#"))`, "a topic to publish under has no +"},
		{"raises for a QoS that cannot be", `print(pcall(client.publish, client, "a", "", 3))`, "0, 1 or 2 expected, got 3"},
		{"knows misspelt names", `print(pcall(function() client:subscirbe("a") end))`, "did you mean 'subscribe'?"},
		{"says whom it speaks with", `print(client:peer(), tostring(client))`, "mqtt client (127.0.0.1:"},
		{"refuses what is too long", `local ok, err = client:publish("t", ("x"):rep(5000000)) print(ok, err.kind, err.code)`, "nil\tlimit\tE_TOO_LONG"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newMQTTBench(t)
			b.mustLoad(b.source(`bridge.on("org.test.go", function() local client = connect() ` + test.lua + ` print "done" end)`))
			b.deliver("go")
			b.printed("done")
			if !strings.Contains(b.output(), test.want) {
				t.Errorf("printed %q, want %q", b.output(), test.want)
			}
		})
	}
}

func TestMQTTConnect(t *testing.T) {
	for _, test := range []struct{ name, args, want string }{
		{"another scheme", `{ url = "http://h" }`, "raised\tusage\tbad field 'url' to 'connect' (mqtt://HOST:PORT or mqtts://HOST:PORT expected)"},
		{"a bad port", `{ url = "mqtt://h:70000" }`, "its port must be 1 to 65535"},
		{"a password in a URL that is none", `{ url = "mqtt://u:geheim@h/path" }`, "raised\tusage\tbad field 'url'"},
		{"a kept session without a name", `{ url = "mqtt://h", clean_session = false }`, "needs a client_id"},
		{"a will for many topics", `{ url = "mqtt://h", will = { topic = "a/#", payload = "" } }`, "a topic to publish under has no + and no #"},
		{"an unknown field", `{ url = "mqtt://h", clientid = "x" }`, "did you mean 'client_id'?"},
		{"nobody there", `{ url = "mqtt://127.0.0.1:1", timeout = "5s" }`, "nil\tnet\tECONNREFUSED"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newModBench(t, clockwork.NewRealClock(), nil)
			b.mustLoad(`local bridge, mqtt = require "bridge", require "bridge.mqtt"
				bridge.on("org.test.go", function()
					local ok, client, err = pcall(mqtt.connect, ` + test.args + `)
					if ok then print(client, err.kind, err.code) else print("raised", client.kind, client.message) end
				end)`)
			b.deliver("go")
			b.printed(test.want)
			if strings.Contains(b.output(), "geheim") {
				t.Errorf("a password is shown: %s", b.output())
			}
		})
	}
}

func TestMQTTIntroduction(t *testing.T) {
	b := newMQTTBench(t)
	b.mustLoad(b.source(`bridge.on("org.test.go", function()
		connect { username = "me", password = "x", keepalive = "30s", clean_session = false,
			will = { topic = "gone", payload = "bye", qos = 1, retain = true } }
		print("in")
	end)`))
	b.deliver("go")
	b.printed("in")
	b.said(`client "c" connects as "me", clean_session false, keepalive 30`)
	b.mustLoad(`print "other"`)
	b.said("client says goodbye") // it was kept by nobody
	b.until("nothing is open", func() bool { b.tell(); return b.dialer.Account("s", 64).Open() == 0 })
	if strings.Contains(strings.Join(b.broker.Said(), "\n"), "vanished") {
		t.Error("the will was published")
	}
	b.broker.SetFaults(broker.Faults{Refuse: 5})
	b.mustLoad(b.source(`bridge.on("org.test.go", function() print(pcall(connect)) end)`))
	b.deliver("go")
	b.printed("the broker does not let us in")
}

// A service is reloaded while messages come in: each is handled once, in order, over one
// connection, and all are confirmed.
func TestReloadWhileMessagesCome(t *testing.T) {
	b := newMQTTBench(t)
	source := b.source(`bridge.service("s", function()
		local client = bridge.keep("client", function() return connect { clean_session = false } end)
		assert(client:subscribe("t", 1))
		for m in client:messages() do print(m.payload) end
		error("hung up")
	end)`)
	b.mustLoad(source)
	b.said("subscribes to t")
	const messages = 400
	go func() {
		for n := range messages {
			b.broker.Publish(mqtt.Message{Topic: "t", Payload: fmt.Appendf(nil, "message %d", n), QoS: 1})
		}
	}()
	for range 8 {
		b.mustLoad(source)
	}
	b.printed(fmt.Sprintf("message %d", messages-1))
	got := strings.Split(b.output(), "\n")
	for n, line := range got {
		if line != fmt.Sprintf("message %d", n) {
			t.Fatalf("message %d is %q", n, line)
		}
	}
	if len(got) != messages || b.broker.Connections() != 1 {
		t.Errorf("%d messages, want %d; %d connections, want 1", len(got), messages, b.broker.Connections())
	}
	b.until("all are confirmed", func() bool { return b.broker.Unconfirmed("c") == 0 })
	b.broker.HangUp()
	b.until("it connects again", func() bool { return b.broker.Connections() == 2 })
}

// A handler that fails has had its message, and does not keep the broker waiting.
func TestAFailedHandlerHasHadItsMessage(t *testing.T) {
	b := newMQTTBench(t)
	b.mustLoad(b.source(`bridge.service("s", function()
		local client = bridge.keep("client", connect)
		assert(client:subscribe("t", 1))
		for m in client:messages() do print(m.payload) if m.payload == "bad" then error("refused") end end
	end)`))
	b.said("subscribes to t")
	b.broker.Publish(mqtt.Message{Topic: "t", Payload: []byte("bad"), QoS: 1})
	b.broker.Publish(mqtt.Message{Topic: "t", Payload: []byte("good"), QoS: 1})
	b.printed("bad")
	b.printed("good") // by the next run of the service
	b.until("both are confirmed", func() bool { b.tell(); return b.broker.Unconfirmed("c") <= 1 })
}

func TestMQTTMatches(t *testing.T) {
	b := newModBench(t, clockwork.NewRealClock(), nil)
	b.mustLoad(`local mqtt = require "bridge.mqtt"
		print(mqtt.matches("home/+/state", "home/lamp/state"), mqtt.matches("home/#", "away"), pcall(mqtt.matches, "a#", "a"))`)
	b.printed("true\tfalse\tfalse")
	b.printed("# stands for all levels")
}

// A handler that fails for a reason that passes gets its message again.
func TestAMessageComesAgainAfterWhatPasses(t *testing.T) {
	b := newMQTTBench(t)
	b.mustLoad(b.source(`
		local failed = bridge.memory("failed")
		bridge.service("s", function()
			local client = bridge.keep("client", connect)
			assert(client:subscribe("t", 1))
			for m in client:messages() do
				print(m.payload, m.duplicate)
				if m.payload == "one" and not failed:get("once") then
					failed:set("once", true)
					error { message = "the homeserver is down", retryable = true }
				end
			end
		end)`))
	b.said("subscribes to t")
	for _, text := range []string{"one", "two"} {
		b.broker.Publish(mqtt.Message{Topic: "t", Payload: []byte(text), QoS: 1})
	}
	b.printed("two")
	if got, want := b.output(), "one\tfalse\none\ttrue\ntwo\tfalse"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
	b.until("the first is confirmed", func() bool { b.tell(); return b.broker.Unconfirmed("c") <= 1 })
}
