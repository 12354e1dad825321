package luabind

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"

	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/egress"
)

// What the client keeps and takes, beside the script's own limits.
const (
	httpIdle       = 4 // connections kept for the next request; they count as open ones
	httpIdleTime   = 30 * time.Second
	httpMaxHeaders = 256 << 10
	httpPlaceTries = 1000 // until a connection that is being closed has given its place back
)

// httpClient makes the HTTP requests of one loaded version of a script. Every connection
// goes through the script's account. It is an engine.Handle.
type httpClient struct {
	script    *Script
	account   *egress.Account
	clock     clockwork.Clock
	transport *http.Transport
}

// httpRequest is one request, its arguments checked.
type httpRequest struct {
	method    string
	url       *url.URL
	header    http.Header
	body      string
	timeout   time.Duration
	maxSize   int
	redirects int
	socket    bool // for a WebSocket, whose addresses begin with ws
}

// httpAnswer is what a server answered.
type httpAnswer struct {
	Status int
	Header http.Header
	Body   []byte
	URL    string // that answered, after redirects
}

func newHTTPClient(s *Script, account *egress.Account, clock clockwork.Clock) *httpClient {
	h := &httpClient{script: s, account: account, clock: clock}
	h.transport = &http.Transport{
		DialContext:            func(ctx context.Context, _, address string) (net.Conn, error) { return h.dial(ctx, address, false) },
		DialTLSContext:         func(ctx context.Context, _, address string) (net.Conn, error) { return h.dial(ctx, address, true) },
		MaxIdleConns:           httpIdle,
		MaxIdleConnsPerHost:    httpIdle,
		IdleConnTimeout:        httpIdleTime,
		MaxResponseHeaderBytes: httpMaxHeaders,
	}
	return h
}

// Alive implements engine.Handle.
func (h *httpClient) Alive() bool { return true }

// Close implements engine.Handle: connections that are kept are closed.
func (h *httpClient) Close() error {
	h.transport.CloseIdleConnections()
	return nil
}

func (h *httpClient) dial(ctx context.Context, address string, secure bool) (net.Conn, error) {
	host, digits, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(digits)
	if err != nil {
		return nil, err
	}
	target := egress.Target{Need: capability.HTTPFetch, Host: host, Port: port, TLS: secure}
	conn, err := h.account.Dial(ctx, target)
	for tries := 0; isFull(err) && tries < httpPlaceTries; tries++ {
		h.transport.CloseIdleConnections() // they hold places that somebody wants
		conn, err = h.account.Dial(ctx, target)
		runtime.Gosched() // one whose answer was just read is closed in a moment
	}
	if err != nil {
		return nil, err
	}
	return conn, nil
}

func isFull(err error) bool {
	var e *egress.Error
	return errors.As(err, &e) && e.Code == egress.CodeLimit
}

// do makes a request. A status from 400 on is an error, too: then both are returned.
func (h *httpClient) do(ctx context.Context, r *httpRequest) (*httpAnswer, error) {
	if err := h.script.Check(capability.HTTPFetch, r.url.String()); err != nil {
		return nil, err
	}
	limited, cancel := clockwork.WithTimeout(ctx, h.clock, r.timeout)
	defer cancel()
	answer, err := h.exchange(limited, r)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return nil, &diag.Error{Kind: diag.KindTimeout, Code: egress.CodeTimeout, Retryable: true, Request: r.name(), Cause: err,
			Message: fmt.Sprintf("%s: no answer within %s", r.name(), r.timeout)}
	}
	if err != nil {
		return nil, r.failed(err)
	}
	if answer.Status >= 400 {
		return answer, r.refused(answer, h.clock.Now())
	}
	return answer, nil
}

func (h *httpClient) exchange(ctx context.Context, r *httpRequest) (*httpAnswer, error) {
	q, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), strings.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	q.Header = r.header
	client := http.Client{Transport: h.transport, CheckRedirect: func(next *http.Request, via []*http.Request) error { return h.redirected(r, next, via) }}
	res, err := client.Do(q)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, int64(r.maxSize)+1))
	if err != nil {
		return nil, err
	}
	if len(body) > r.maxSize {
		return nil, &diag.Error{Kind: diag.KindHTTP, Code: "E_TOO_LARGE", Status: res.StatusCode, Request: r.name(),
			Message: fmt.Sprintf("%s: the answer is longer than %d bytes", r.name(), r.maxSize), Hint: "ask for less, or raise max_size where the call has it"}
	}
	return &httpAnswer{Status: res.StatusCode, Header: res.Header, Body: body, URL: res.Request.URL.String()}, nil
}

// passed are the headers that a script's request keeps when it is sent on to another
// server: none of them is a secret.
var passed = []string{"Accept", "Accept-Language", "Content-Type", "If-Modified-Since", "If-None-Match", "User-Agent"}

// redirected decides about following a redirect: each step needs the capability anew.
func (h *httpClient) redirected(r *httpRequest, next *http.Request, via []*http.Request) error {
	if r.redirects == 0 {
		return http.ErrUseLastResponse
	}
	if len(via) > r.redirects {
		return &diag.Error{Kind: diag.KindHTTP, Code: "E_REDIRECTS", Request: r.name(),
			Message: fmt.Sprintf("%s: more than %d redirects", r.name(), r.redirects),
			Hint:    "the server may send clients in a circle; open the address in a browser to see where it ends"}
	}
	if next.URL.Scheme != "http" && next.URL.Scheme != "https" || next.URL.Host == "" {
		return &diag.Error{Kind: diag.KindHTTP, Code: "E_REDIRECTS", Request: r.name(),
			Message: fmt.Sprintf("%s: the server redirects to %s, which is no http or https address", r.name(), quoted(next.URL.Redacted()))}
	}
	if last := via[len(via)-1].URL; next.URL.Scheme != last.Scheme || next.URL.Host != last.Host {
		for name := range next.Header {
			if !slices.Contains(passed, name) {
				next.Header.Del(name)
			}
		}
	}
	next.Header.Del("Referer") // an address may hold a secret
	return h.script.Check(capability.HTTPFetch, r.scope(next.URL))
}

// scope is what the capability is needed on: an address as scripts write it.
func (r *httpRequest) scope(u *url.URL) string {
	if !r.socket {
		return u.String()
	}
	written := *u
	written.Scheme = "ws" + strings.TrimPrefix(u.Scheme, "http")
	return written.String()
}

// name is the request as errors show it: without what may be secret.
func (r *httpRequest) name() string {
	return r.method + " " + (&url.URL{Scheme: r.url.Scheme, Host: r.url.Host, Path: r.url.Path}).String()
}

// failed is why there is no answer, as scripts see it.
func (r *httpRequest) failed(err error) error {
	var known *diag.Error
	if errors.As(err, &known) {
		return known
	}
	var conn *egress.Error
	if errors.As(err, &conn) {
		d := ErrorOf(netFailure(conn))
		d.Message, d.Request = r.name()+": "+d.Message, r.name()
		return d
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	d := &diag.Error{Kind: diag.KindHTTP, Code: "E_HTTP", Message: r.name() + ": " + err.Error(), Request: r.name(), Retryable: true, Cause: err}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		d.Kind, d.Code, d.Message = diag.KindNet, egress.CodeReset, r.name()+": the server hung up before the end of its answer"
	} else if n := netError(err); n != nil {
		d.Kind, d.Code, d.Retryable = n.Kind, n.Code, n.Retryable
	}
	return d
}

// refused is an answer with a status from 400 on, as an error.
func (r *httpRequest) refused(a *httpAnswer, now time.Time) error {
	d := &diag.Error{Kind: diag.KindHTTP, Code: "E_STATUS", Status: a.Status, Request: r.name(),
		Message: strings.TrimSpace(fmt.Sprintf("%s: %d %s", r.name(), a.Status, http.StatusText(a.Status)))}
	d.Retryable = a.Status >= 500 || a.Status == http.StatusTooManyRequests || a.Status == http.StatusRequestTimeout || a.Status == http.StatusTooEarly
	d.RetryAfter = retryAfter(a.Header.Get("Retry-After"), now)
	return d
}

// maxRetryAfter is how long a server may ask to wait.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads the header of that name: seconds or a date. 0 when it says nothing.
func retryAfter(text string, now time.Time) time.Duration {
	var d time.Duration
	if n, err := strconv.Atoi(strings.TrimSpace(text)); err == nil {
		d = time.Duration(min(max(n, 0), int(maxRetryAfter/time.Second))) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}
