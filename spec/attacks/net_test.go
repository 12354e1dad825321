package attacks

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	stdnet "net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
)

// net is the network around the host. Whatever is on 8.8.8.8 is the world, which sees what
// it is sent; all else is at home.
type net struct {
	web        *httptest.Server
	victimPort int

	mu      sync.Mutex
	looked  map[string]int
	escaped []string     // connections to what nobody was granted
	sent    bytes.Buffer // what came to the world
}

func newNet(t *testing.T) *net {
	t.Helper()
	n := &net{looked: map[string]int{}}
	n.web = httptest.NewServer(n.pages())
	t.Cleanup(n.web.Close)
	l, err := stdnet.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	n.victimPort = l.Addr().(*stdnet.TCPAddr).Port
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n.escape("the server at home was reached from " + c.RemoteAddr().String())
			_ = c.Close()
		}
	}()
	return n
}

func (n *net) escape(what string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.escaped = append(n.escaped, what)
}

// resolve knows names that lead home, and one that does so after the first look-up.
func (n *net) resolve(_ context.Context, name string) ([]netip.Addr, error) {
	n.mu.Lock()
	n.looked[name]++
	times := n.looked[name]
	n.mu.Unlock()
	at := map[string]string{"open.test": "8.8.8.8", "other.test": "8.8.8.8", "home.test": "127.0.0.1", "lan.test": "10.0.0.1", "six.test": "::1",
		"mapped.test": "::ffff:127.0.0.1", "meta.test": "169.254.169.254", "localhost": "127.0.0.1"}[name]
	if name == "changes.test" {
		if at = "8.8.8.8"; times > 1 {
			at = "127.0.0.1"
		}
	}
	if at == "" {
		return nil, &stdnet.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return []netip.Addr{netip.MustParseAddr(at)}, nil
}

// dial connects to the world; everything else has escaped, and is let go.
func (n *net) dial(ctx context.Context, network, address string) (stdnet.Conn, error) {
	var d stdnet.Dialer
	if !strings.HasPrefix(address, "8.8.8.8:") {
		n.escape("a connection to " + address)
		return d.DialContext(ctx, network, address)
	}
	c, err := d.DialContext(ctx, network, n.web.Listener.Addr().String())
	if err != nil {
		return nil, err
	}
	return &seen{c, n}, nil
}

// seen is a connection to the world, which remembers what came.
type seen struct {
	stdnet.Conn
	n *net
}

func (s *seen) Write(p []byte) (int, error) {
	s.n.mu.Lock()
	if s.n.sent.Len() < 64<<20 {
		s.n.sent.Write(p)
	}
	s.n.mu.Unlock()
	return s.Conn.Write(p)
}

// pages are what the world answers.
func (n *net) pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/to", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.Query().Get("u"))
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/circle", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/circle?"+r.URL.RawQuery+"x", http.StatusFound)
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<16)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "x")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/headers", func(w http.ResponseWriter, _ *http.Request) {
		for i := range 100 {
			w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 8000))
		}
	})
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for range 1000 {
			if _, err := z.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
		_ = z.Close()
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	return mux
}
