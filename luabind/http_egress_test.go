package luabind

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/egress"
	"bridgehost/matrix"
)

// strangerWeb is the web of a bundle: open.example and other.example are served, evil.example
// leads to this machine, and so does what changes.example leads to at the second look-up.
type strangerWeb struct {
	*httpClient
	account *egress.Account
	dialer  *egress.Dialer
	server  *httptest.Server
	asked   chan *http.Request // what open.example was asked
	home    atomic.Int64       // connections to this machine
	changed atomic.Int64
}

func newStrangerWeb(t *testing.T, granted ...string) *strangerWeb {
	t.Helper()
	w := &strangerWeb{asked: make(chan *http.Request, 100)}
	w.server = httptest.NewServer(http.HandlerFunc(func(to http.ResponseWriter, q *http.Request) {
		w.asked <- q
		if at := q.URL.Query().Get("to"); at != "" {
			http.Redirect(to, q, at, http.StatusTemporaryRedirect)
		}
	}))
	t.Cleanup(w.server.Close)
	w.dialer = egress.New(egress.Config{
		Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
			at := map[string]string{"open.example": "8.8.8.8", "other.example": "8.8.4.4", "evil.example": "127.0.0.1"}[host]
			if host == "changes.example" {
				if at = "8.8.8.8"; w.changed.Add(1) > 1 {
					at = "127.0.0.1"
				}
			}
			return []netip.Addr{netip.MustParseAddr(at)}, nil
		},
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if !strings.HasPrefix(address, "8.8.") {
				w.home.Add(1)
			}
			return (&net.Dialer{}).DialContext(ctx, network, w.server.Listener.Addr().String())
		},
	})
	s := &Script{Name: "s"}
	g, err := capability.ParseGrants(granted, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.SetGrants(g)
	w.account = w.dialer.Account("s", 4)
	w.account.Judge(s)
	w.httpClient = newHTTPClient(s, w.account, clockwork.NewRealClock())
	t.Cleanup(func() { _ = w.httpClient.Close() })
	return w
}

func (w *strangerWeb) get(t *testing.T, address string, header http.Header) (*httpAnswer, error) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if header == nil {
		header = http.Header{}
	}
	return w.do(t.Context(), &httpRequest{method: "GET", url: u, header: header, timeout: time.Minute, maxSize: 1000, redirects: 5})
}

func TestHTTPOfBundles(t *testing.T) {
	const all, open = "http:fetch", "http:fetch http://open.example/"
	for _, test := range []struct{ granted, address, want string }{
		{all, "http://open.example/", ""},
		{open, "http://open.example/x?to=http://open.example/y", ""},
		{all, "http://open.example/?to=http://other.example/", ""},
		{open, "http://open.example/?to=http://other.example/", "E_CAPABILITY"},
		{open, "http://open.example/?to=http://open.example:81/", "E_CAPABILITY"},
		{"http:fetch http://open.example/feeds/", "http://open.example/feeds/?to=/admin", "E_CAPABILITY"},
		{all, "http://evil.example/", "E_ADDRESS"},
		{all, "http://open.example/?to=http://evil.example/", "E_ADDRESS"},
		{all, "http://open.example/?to=http://127.0.0.1:1/", "E_ADDRESS"},
		{all, "http://open.example/?to=http://[::ffff:127.0.0.1]/", "E_ADDRESS"},
		{all, "http://open.example/?to=http://2130706433/", "E_ADDRESS"},
		{all, "http://open.example/?to=//evil.example/", "E_ADDRESS"},
		{all, "http://open.example@127.0.0.1/", "E_ADDRESS"},
		{all, "http://①②⑦.⓪.⓪.①/", "E_ADDRESS"},
		{all, "http://оpen.example\u200d/", "E_ADDRESS"},
		{"kv", "http://open.example/", "E_CAPABILITY"},
		{"net:connect", "http://open.example/", "E_CAPABILITY"},
	} {
		w := newStrangerWeb(t, test.granted)
		_, err := w.get(t, test.address, nil)
		got := ""
		if err != nil {
			d := ErrorOf(err)
			if got = d.Code; d.Kind != diag.KindPermission || d.Retryable || d.Hint == "" {
				t.Errorf("%s: %+v", test.address, d)
			}
		}
		if got != test.want || w.home.Load() != 0 {
			t.Errorf("%s, granted %q: %v, want %q; %d connections home", test.address, test.granted, err, test.want, w.home.Load())
		}
	}
}

// A connection that is kept is one to a name, and no other name that leads to the same
// address gets it; when a name has changed, a new connection is judged anew.
func TestHTTPKeptConnectionsOfBundles(t *testing.T) {
	w := newStrangerWeb(t, "http:fetch")
	for _, address := range []string{"http://changes.example/", "http://changes.example/", "http://open.example/"} {
		if _, err := w.get(t, address, nil); err != nil {
			t.Fatal(err)
		}
	}
	if w.account.Open() != 2 || w.changed.Load() != 1 {
		t.Errorf("%d connections and %d look-ups, want 2 and 1", w.account.Open(), w.changed.Load())
	}
	w.transport.CloseIdleConnections()
	if _, err := w.get(t, "http://changes.example/", nil); err == nil || ErrorOf(err).Code != "E_ADDRESS" {
		t.Errorf("after the name has changed: %v", err)
	}
	if w.home.Load() != 0 {
		t.Errorf("%d connections home", w.home.Load())
	}
}

// What is kept is closed when the grant is taken back.
func TestHTTPRevoked(t *testing.T) {
	w := newStrangerWeb(t, "http:fetch http://open.example/")
	if _, err := w.get(t, "http://open.example/", nil); err != nil {
		t.Fatal(err)
	}
	none, err := capability.ParseGrants(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.script.Host = webOnly{dialer: w.dialer}
	w.script.SetGrants(none)
	if w.account.Open() != 0 {
		t.Errorf("%d connections stay", w.account.Open())
	}
}

// Proxies of the environment are not asked: they would connect where nobody looks.
func TestHTTPAsksNoProxy(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	w := newStrangerWeb(t, "http:fetch")
	if w.transport.Proxy != nil {
		t.Error("the client follows proxies")
	}
	if _, err := w.get(t, "http://open.example/", nil); err != nil || w.home.Load() != 0 {
		t.Errorf("%v, %d connections home", err, w.home.Load())
	}
}

func TestHTTPSecretsStayWithTheirServer(t *testing.T) {
	w := newStrangerWeb(t, "http:fetch")
	header := http.Header{"Authorization": {"Bearer secret"}, "Cookie": {"a=secret"}, "X-Key": {"secret"}, "Accept": {"text/html"}}
	if _, err := w.get(t, "http://open.example/?to=http://other.example/", header); err != nil {
		t.Fatal(err)
	}
	if q := <-w.asked; q.Header.Get("X-Key") != "secret" {
		t.Errorf("the first server got %v", q.Header)
	}
	q := <-w.asked
	for name, values := range q.Header {
		if strings.Contains(strings.Join(values, " "), "secret") {
			t.Errorf("the other server got %s: %s", name, values)
		}
	}
	if q.Header.Get("Accept") != "text/html" {
		t.Errorf("the other server got %v", q.Header)
	}
}

// webOnly is a host that only opens connections.
type webOnly struct{ dialer *egress.Dialer }

func (h webOnly) Egress() *egress.Dialer                            { return h.dialer }
func (webOnly) CommandClash(matrix.RoomID, string, string) []string { return nil }
