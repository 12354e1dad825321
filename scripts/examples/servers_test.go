package examples_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"bridgehost/mqtt"
	"bridgehost/mqtt/broker"
)

// mqttLamp plays a broker with a lamp: it says ON when the bridge has subscribed, and then
// what it is set to. It returns the configuration of mqtt.lua.
func mqttLamp(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	b, greeted := broker.New(), false
	b.OnChange = func() {
		if !greeted && b.Subscribed("bridgehost", "home/+/state") {
			greeted = true
			b.Publish(mqtt.Message{Topic: "home/lamp/state", Payload: []byte("ON"), QoS: 1})
		}
		for _, m := range b.Published() {
			b.Take(1)
			if m.Topic == "home/lamp/set" {
				b.Publish(mqtt.Message{Topic: "home/lamp/state", Payload: m.Payload, QoS: 1})
			}
		}
	}
	go func() {
		conn, err := l.Accept()
		if err == nil {
			b.Serve(conn)
		}
	}()
	return fmt.Sprintf("[homeserver]\nurl = \"http://127.0.0.1\"\nname = \"bh.test\"\n\n[scripts.config.mqtt]\nbroker = \"mqtt://%s\"\ntopics = { \"home/+/state\" = \"#mqtt:bh.test\" }\n", l.Addr())
}

// newsServer serves a feed of two items at /feed.xml, and returns its address.
func newsServer(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/feed.xml" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, `<rss version="2.0"><channel><title>News</title><item><title>Two</title><link>/2</link></item><item><title>One</title><link>/1</link></item></channel></rss>`)
	}))
	t.Cleanup(s.Close)
	return s.URL
}
