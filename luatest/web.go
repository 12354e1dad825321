package luatest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"bridgehost/diag"
	"bridgehost/luabind"
)

// webs are the addresses of the web that a spec answers for. The zero value has none.
type webs struct {
	mu      sync.Mutex
	fakes   []*web
	servers map[string]*webServer // by "host:port"
	lasting []*live
	failed  *diag.Error // the first function of the spec that did not answer
}

// web implements luabind.SpecWeb: one address.
type web struct {
	url    *url.URL
	answer webAnswer
	serve  func(to http.ResponseWriter, q *http.Request) // in place of answer: for answers that last

	mu       sync.Mutex
	requests []*luabind.HTTPCall
	said     []string // for reading
}

// webAnswer says what is answered.
type webAnswer func(context.Context, *luabind.HTTPCall) (*luabind.HTTPReply, error)

// webServer serves all addresses of one host.
type webServer struct {
	*http.Server
	conns pipeListener
}

// maxWebBody is how much a script under test may send.
const maxWebBody = 64 << 20

// add makes f answer from now on.
func (w *webs) add(f *web) {
	u := f.url
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fakes = append(w.fakes, f)
	address := hostPort(u)
	if w.servers[address] == nil {
		s := &webServer{conns: pipeListener{conns: make(chan net.Conn), closed: make(chan struct{}), address: address}}
		s.Server = &http.Server{Handler: w.handler(u.Scheme)}
		if w.servers == nil {
			w.servers = map[string]*webServer{}
		}
		w.servers[address] = s
		go func() { _ = s.Serve(&s.conns) }() // ends with close
	}
}

func (w *webs) lasts(l *live) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lasting = append(w.lasting, l)
}

// hostPort is what a request for u connects to.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		if port = "80"; u.Scheme == "https" {
			port = "443"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// accept is the script's end of a new connection, nil when the address is none of the web's.
func (w *webs) accept(address string) net.Conn {
	w.mu.Lock()
	s := w.servers[address]
	w.mu.Unlock()
	if s == nil {
		return nil
	}
	script, ours := net.Pipe()
	select {
	case s.conns.conns <- ours:
		return script
	case <-s.conns.closed:
		return nil
	}
}

// handler answers the requests that come to one host.
func (w *webs) handler(scheme string) http.Handler {
	return http.HandlerFunc(func(to http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(io.LimitReader(q.Body, maxWebBody))
		if err != nil {
			return // the script hung up
		}
		u := *q.URL
		u.Scheme, u.Host = scheme, q.Host
		f := w.find(&u)
		if f == nil {
			http.Error(to, fmt.Sprintf("the spec has no t.fake_http(%q)", u.String()), http.StatusNotFound)
			return
		}
		call := &luabind.HTTPCall{Method: q.Method, URL: &u, Header: q.Header, Body: body}
		f.note(call)
		if f.serve != nil {
			f.serve(to, q)
			return
		}
		reply, err := f.answer(q.Context(), call)
		if err != nil {
			w.fail(err)
			panic(http.ErrAbortHandler) // no answer: the connection ends
		}
		f.say(fmt.Sprintf("server: %d, %d bytes", reply.Status, len(reply.Body)))
		for name, values := range reply.Header {
			to.Header()[name] = values
		}
		to.WriteHeader(reply.Status)
		_, _ = to.Write(reply.Body) // the script may have hung up
	})
}

// find is the last fake that fits.
func (w *webs) find(u *url.URL) *web {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := len(w.fakes) - 1; i >= 0; i-- {
		if fits(w.fakes[i].url, u) {
			return w.fakes[i]
		}
	}
	return nil
}

// fits tells whether fake stands for u.
func fits(fake, u *url.URL) bool {
	if fake.Scheme != u.Scheme || hostPort(fake) != hostPort(u) {
		return false
	}
	want, path := fake.Path, u.Path
	if want == "" {
		want = "/"
	}
	if path == "" {
		path = "/"
	}
	if begin, open := strings.CutSuffix(want, "*"); open && fake.RawQuery == "" {
		return strings.HasPrefix(path, begin)
	}
	return want == path && (fake.RawQuery == "" || fake.Query().Encode() == u.Query().Encode())
}

func (w *webs) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var known *diag.Error
	if errors.As(err, &known) && known.Kind != diag.KindStopping && w.failed == nil {
		w.failed = known
	}
}

// trouble is why a function of the spec did not answer, nil when all did.
func (w *webs) trouble() *diag.Error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

// story is what was asked and answered, for reading.
func (w *webs) story() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, f := range w.fakes {
		b.WriteString(f.story())
	}
	return b.String()
}

// story is what was said at one address, for reading.
func (f *web) story() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.said) == 0 {
		return fmt.Sprintf("%s: nobody asked\n", f.url)
	}
	return fmt.Sprintf("%s:\n%s", f.url, indented(f.said))
}

func (w *webs) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.lasting {
		l.end()
	}
	for _, s := range w.servers {
		_ = s.Close() // nothing can be done about it
	}
}

func (f *web) note(r *luabind.HTTPCall) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, r)
	line := "script: " + r.Method + " " + r.URL.RequestURI()
	if len(r.Body) > 0 {
		line += fmt.Sprintf(" %.200s", r.Body)
	}
	f.said = append(f.said, line)
}

func (f *web) say(line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.said = append(f.said, line)
}

// Requests implements luabind.SpecWeb.
func (f *web) Requests() []*luabind.HTTPCall {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*luabind.HTTPCall(nil), f.requests...)
}

// pipeListener hands over connections within the process.
type pipeListener struct {
	conns   chan net.Conn
	closed  chan struct{}
	once    sync.Once
	address string
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr(l.address) }

type pipeAddr string

func (pipeAddr) Network() string  { return "pipe" }
func (a pipeAddr) String() string { return string(a) }

// FakeHTTP implements luabind.SpecRunner.
func (r *runner) FakeHTTP(u *url.URL, answer func(context.Context, *luabind.HTTPCall) (*luabind.HTTPReply, error)) (luabind.SpecWeb, error) {
	if r.net == nil {
		return nil, &diag.Error{Kind: diag.KindUsage, Message: "t.fake_http was called outside of a sentence", Hint: "put it into t.before_each or t.it"}
	}
	if _, outside := r.world.(real); outside {
		return nil, &diag.Error{Kind: diag.KindUsage, Message: "there is no fake network beside a real homeserver"}
	}
	f := &web{url: u, answer: answer}
	r.net.web.add(f)
	return f, nil
}

var _ luabind.SpecWeb = (*web)(nil)
