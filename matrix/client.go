package matrix

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"
)

const (
	maxAnswer     = 64 << 20        // bytes of one answer (TR-3)
	maxKept       = 64 << 10        // bytes of a refusal kept in Error.Body
	maxAtOnce     = 64              // requests under way (TR-5)
	attemptLimit  = 3 * time.Minute // for one attempt; joins over federation are slow
	excerptLength = 200             // characters of an answer that is no JSON
)

// ClientConfig is what all requests of a host share.
type ClientConfig struct {
	HTTP    *http.Client    // nil: a client of our own that keeps connections
	Clock   clockwork.Clock // for the waits between repeats
	Log     hclog.Logger
	Retries int // how often a request is repeated after 502, 503, 504 or a failed connection; 0: never
}

// Client makes requests of homeservers by the transport rules (TR-1 … TR-5). One
// serves all users; who acts stands in the request. It is safe for concurrent use.
type Client struct {
	http    *http.Client
	clock   clockwork.Clock
	log     hclog.Logger
	retries int
	gate    *gate
}

// NewClient makes a client.
func NewClient(cfg ClientConfig) *Client {
	c := &Client{http: cfg.HTTP, clock: cfg.Clock, log: cfg.Log, retries: cfg.Retries, gate: newGate(maxAtOnce)}
	if c.http == nil {
		c.http = NewHTTPClient()
	}
	if c.clock == nil {
		c.clock = clockwork.NewRealClock()
	}
	if c.log == nil {
		c.log = hclog.NewNullLogger()
	}
	return c
}

// NewHTTPClient makes an HTTP client for talking to one homeserver: it keeps as many
// connections as there are requests at once, and follows no redirects (they would
// carry the token elsewhere).
func NewHTTPClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout:   10 * time.Second,
			ExpectContinueTimeout: time.Second,
			MaxIdleConns:          2 * maxAtOnce,
			MaxIdleConnsPerHost:   maxAtOnce,
			IdleConnTimeout:       90 * time.Second,
			ForceAttemptHTTP2:     true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Request is one call of a homeserver's, repeats included.
type Request struct {
	BaseURL  string // "https://matrix.example.org", maybe with a path
	Token    string // goes into the Authorization header and nowhere else
	As       UserID // who acts, for errors and logs
	UserID   UserID // the query parameter user_id; "" for none (ID-1)
	DeviceID string // the query parameter device_id; "" for none (ID-5)

	Method string
	Path   string // encoded: Path, ClientPath or RawPath
	Query  url.Values
	Header map[string]string
	Body   any // marshalled as JSON, Bytes as they are; nil: no body
	// ContentType is what the body is; "": application/json.
	ContentType string
	// Binary: a good answer may be anything, not JSON alone (media).
	Binary bool
	// MaxAnswer is how many bytes the answer may have; 0: 64 MiB.
	MaxAnswer int64
	Lane      string // whose turn it is among those that wait: the room

	Retries *int // in place of the client's
	// Once: a repeat could do it twice, so it is repeated only when the connection
	// failed before anything was written (createRoom).
	Once bool
}

// Do makes the request, waits and repeats as the rules say (TR-2), and returns the
// answer, which is valid JSON unless r.Binary. All of it is bounded by ctx.
// Errors: *Error.
func (c *Client) Do(ctx context.Context, r Request) (json.RawMessage, error) {
	body, err := encodeBody(r.Body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: the content cannot be written as JSON: %w", r.Method, r.Path, err)
	}
	retry := newRetry(c, r)
	carried := false // an earlier try may have been carried out
	for {
		answer, wrote, err := c.attempt(ctx, r, body)
		if err == nil {
			return answer, nil
		}
		err.Repeated = carried
		carried = carried || wrote && err.Status != http.StatusTooManyRequests
		wait, again := retry.next(ctx, err, wrote)
		if !again {
			return nil, err
		}
		c.log.Debug("request is repeated", "method", r.Method, "path", r.Path, "user_id", string(r.As), "in", wait, "err", err)
		select {
		case <-c.clock.After(wait):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// attempt makes one HTTP request. wrote tells whether the server can have seen any of it.
func (c *Client) attempt(ctx context.Context, r Request, body []byte) (answer json.RawMessage, wrote bool, err *Error) {
	if cause := c.gate.enter(ctx, r.Lane); cause != nil {
		return nil, false, r.noAnswer(cause)
	}
	defer c.gate.leave()
	ctx, cancel := context.WithTimeout(ctx, attemptLimit)
	defer cancel()

	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaderField: func(string, []string) { sent.Store(true) }})
	req, cause := r.build(ctx, body)
	if cause != nil {
		return nil, false, r.noAnswer(cause)
	}
	resp, cause := c.http.Do(req)
	if cause != nil {
		return nil, sent.Load(), r.noAnswer(cause)
	}
	defer resp.Body.Close()
	limit := r.limit()
	if resp.ContentLength > limit && resp.StatusCode < 300 {
		return nil, true, r.tooLarge(resp.StatusCode)
	}
	data, cause := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if cause != nil {
		return nil, true, r.noAnswer(cause)
	}
	if e := r.refusal(c, resp, data); e != nil {
		return nil, true, e
	}
	return data, true, nil
}

func (r *Request) build(ctx context.Context, body []byte) (*http.Request, error) {
	q := url.Values{}
	for k, v := range r.Query {
		q[k] = v
	}
	if r.UserID != "" {
		q.Set("user_id", string(r.UserID))
	}
	if r.DeviceID != "" {
		q.Set("device_id", r.DeviceID)
		// COMPAT(synapse): its name until servers have MSC4326 in the stable form.
		q.Set("org.matrix.msc3202.device_id", r.DeviceID)
	}
	target := strings.TrimRight(r.BaseURL, "/") + r.Path
	if len(q) > 0 {
		target += "?" + encodeQuery(q)
	}
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, target, reader)
	if err != nil {
		return nil, err
	}
	for k, v := range r.Header {
		req.Header.Set(k, v)
	}
	if body != nil {
		req.Header.Set("Content-Type", cmp.Or(r.ContentType, "application/json"))
	}
	if r.Token != "" {
		req.Header.Set("Authorization", "Bearer "+r.Token)
	}
	return req, nil
}

// encodeBody leaves raw JSON as it is and escapes no more than JSON asks for.
func encodeBody(body any) ([]byte, error) {
	switch raw := body.(type) {
	case nil:
		return nil, nil
	case Bytes:
		return raw, nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

func (r *Request) noAnswer(cause error) *Error {
	var ue *url.Error
	if errors.As(cause, &ue) {
		cause = ue.Err // the method and the address are told by Error's fields
	}
	return &Error{Method: r.Method, Path: r.Path, As: r.As, Message: r.clean(cause.Error()), Cause: cause}
}

// clean keeps our token out of texts, should a server repeat it.
func (r *Request) clean(s string) string {
	if r.Token == "" {
		return s
	}
	return strings.ReplaceAll(s, r.Token, "…")
}
