package luabind

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/jonboulle/clockwork"

	"bridgehost/egress"
)

// liveScript is the beginning of scripts that talk to a server with TLS.
const liveScript = `local bridge, http = require "bridge", require "bridge.http"
	local URL = "%s"
	local WS = URL:gsub("^http", "ws")
	bridge.on("org.test.go", function() %s print "done" end)`

// newLiveServer serves what lasts, over TLS: many events, and a WebSocket that answers.
func newLiveServer(t *testing.T) (*httptest.Server, *modBench) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/events", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 1000 {
			fmt.Fprintf(w, "id: %d\ndata: %s\n\n", i+1, strings.Repeat("x", 1000))
		}
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for r.Context().Err() == nil {
			fmt.Fprintf(w, "data: %s\n\n", strings.Repeat("x", 10_000))
		}
	})
	mux.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/chat", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		conn.SetReadLimit(1 << 20)
		for {
			kind, data, err := conn.Read(context.Background())
			if err != nil {
				return
			}
			for range 100 {
				if conn.Write(context.Background(), kind, data) != nil {
					return
				}
			}
		}
	})
	s := httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	b := newModBench(t, clockwork.NewRealClock(), nil)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	b.dialer = egress.New(egress.Config{Roots: roots})
	return s, b
}

// closed waits until no connection of the script is open.
func (b *modBench) closed() {
	b.t.Helper()
	b.until("nothing is open", func() bool { b.tell(); return b.dialer.Account("s", 64).Open() == 0 })
}

func TestLiveConnectionsOverTLS(t *testing.T) {
	tests := []struct{ name, lua, want string }{
		{"more events than the buffer holds", `local s, n = assert(http.sse(URL .. "/events")), 0
			for evt in s:events() do n = n + #evt.data end
			print(n, s.last_event_id)`, "1000000\t1000"},
		{"more messages than the buffer holds", `local ws, n = assert(http.websocket(WS .. "/chat")), 0
			assert(ws:send(("x"):rep(10000)))
			for i = 1, 100 do n = n + #ws:read() end
			print(n, ws:ping())
			ws:close()`, "1000000\ttrue"},
		{"what is closed while the server sends on", `local s = assert(http.sse(URL .. "/endless"))
			local ws = assert(http.websocket(WS .. "/chat"))
			assert(ws:send(("x"):rep(10000)))
			s:next() ws:read() s:close() ws:close()
			print "closed"`, "closed"},
		{"a handler that is ended while it connects", `local _, a = bridge.try(bridge.timeout, "50ms", function() http.sse(URL .. "/hang") end)
			local _, b = bridge.try(bridge.timeout, "50ms", function() http.websocket(WS .. "/hang") end)
			print(a.kind, b.kind)`, "timeout\ttimeout"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server, b := newLiveServer(t)
			b.mustLoad(fmt.Sprintf(liveScript, server.URL, test.lua))
			b.deliver("go")
			b.printed("done")
			if got := strings.TrimSuffix(b.output(), "\ndone"); got != test.want {
				t.Errorf("printed %q, want %q", got, test.want)
			}
			b.mustLoad(`require "bridge".on("load", function() end)`) // else what is kept for the next request is open
			b.closed()
		})
	}
}

// What a handler leaves open is closed with the version of the script that opened it.
func TestLiveConnectionsEndWithTheScript(t *testing.T) {
	server, b := newLiveServer(t)
	for n := range 5 {
		b.mustLoad(fmt.Sprintf(liveScript, server.URL, fmt.Sprintf(`
			local s, ws = assert(http.sse(URL .. "/endless")), assert(http.websocket(WS .. "/chat"))
			s:next() ws:send("hello") print "opened %d"`, n)))
		b.deliver("go")
		b.printed(fmt.Sprintf("opened %d", n))
	}
	b.mustLoad(`local bridge = require "bridge" bridge.on("load", function() print "none" end)`)
	b.printed("none")
	b.closed()
	if n := b.engine.OpenHandles(); n != 0 {
		t.Errorf("%d handles are still owned", n)
	}
}

func TestScopeOfRequests(t *testing.T) {
	for _, x := range []struct {
		url    string
		socket bool
		want   string
	}{
		{"https://api.test/live?a=b", false, "https://api.test/live?a=b"},
		{"https://api.test/live?a=b", true, "wss://api.test/live?a=b"},
		{"http://api.test:8080/", true, "ws://api.test:8080/"},
	} {
		u, err := url.Parse(x.url)
		if err != nil {
			t.Fatal(err)
		}
		if got := (&httpRequest{socket: x.socket}).scope(u); got != x.want {
			t.Errorf("%s, for a WebSocket %v: %s, want %s", x.url, x.socket, got, x.want)
		}
	}
}
