package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

// answers gives its handlers' answers in turn, the last one for ever, and counts.
type answers struct {
	mu   sync.Mutex
	todo []http.HandlerFunc
	seen []*http.Request
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	h := a.todo[0]
	if len(a.todo) > 1 {
		a.todo = a.todo[1:]
	}
	a.seen = append(a.seen, r)
	a.mu.Unlock()
	h(w, r)
}

func (a *answers) count() int { a.mu.Lock(); defer a.mu.Unlock(); return len(a.seen) }

func answer(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for n := 0; n+1 < len(header); n += 2 {
			w.Header().Set(header[n], header[n+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func newTestClient(t *testing.T, retries int, todo ...http.HandlerFunc) (*Client, *answers, *clockwork.FakeClock, Request) {
	t.Helper()
	a := &answers{todo: todo}
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	clock := clockwork.NewFakeClock()
	c := NewClient(ClientConfig{Clock: clock, Retries: retries})
	return c, a, clock, Request{BaseURL: srv.URL + "/base/", Token: "secret-token", As: "@a:x", UserID: "@a:x",
		Method: "PUT", Path: ClientPath("rooms", "!r:x", "send", "t", "1"), Body: json.RawMessage(`{"n":9007199254740993}`)}
}

// doWaiting runs Do and lets the clock run through each wait, telling how long they were.
func doWaiting(t *testing.T, c *Client, clock *clockwork.FakeClock, r Request, waits ...time.Duration) (json.RawMessage, error) {
	t.Helper()
	type result struct {
		answer json.RawMessage
		err    error
	}
	done := make(chan result, 1)
	go func() { a, err := c.Do(context.Background(), r); done <- result{a, err} }()
	for n, least := range waits {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		err := clock.BlockUntilContext(ctx, 1)
		cancel()
		if err != nil {
			t.Fatalf("wait %d did not come", n+1)
		}
		clock.Advance(least - time.Millisecond)
		select {
		case <-done:
			t.Fatalf("wait %d was shorter than %s", n+1, least)
		default:
		}
		clock.Advance(least/4 + 200*time.Millisecond)
	}
	select {
	case res := <-done:
		return res.answer, res.err
	case <-time.After(10 * time.Second):
		t.Fatal("no result: one wait more than expected")
		return nil, nil
	}
}

func TestRepeatsByTheRules(t *testing.T) {
	ok, bad := answer(200, `{"ok":true}`), answer(502, "<h1>bad gateway</h1>")
	zero, two := 0, 2
	tests := []struct {
		name    string
		retries int
		change  func(*Request)
		todo    []http.HandlerFunc
		waits   []time.Duration
		status  int // of the error; 0: success
		count   int
	}{
		{"429 waits Retry-After in seconds", 0, nil, []http.HandlerFunc{answer(429, `{}`, "Retry-After", "7"), ok}, []time.Duration{7 * time.Second}, 0, 2},
		{"429 waits retry_after_ms", 0, nil, []http.HandlerFunc{answer(429, `{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":3000}`), ok}, []time.Duration{3 * time.Second}, 0, 2},
		{"429 without a delay grows", 0, nil, []http.HandlerFunc{answer(429, ``), answer(429, ``), ok}, []time.Duration{2 * time.Second, 4 * time.Second}, 0, 3},
		{"429 delay is capped", 0, nil, []http.HandlerFunc{answer(429, ``, "Retry-After", "86400"), ok}, []time.Duration{time.Minute}, 0, 2},
		{"429s without end are raised", 0, nil, []http.HandlerFunc{answer(429, `{"errcode":"M_LIMIT_EXCEEDED"}`)}, manyWaits(), 429, limitTries + 1},
		{"503 is repeated, as long after as it says", 1, nil, []http.HandlerFunc{answer(503, ``, "Retry-After", "9"), ok}, []time.Duration{9 * time.Second}, 0, 2},
		{"504 is repeated", 1, nil, []http.HandlerFunc{answer(504, ``), ok}, []time.Duration{4 * time.Second}, 0, 2},
		{"an answer that breaks off is repeated", 1, nil, []http.HandlerFunc{answer(200, `{"half":`, "Content-Length", "100"), ok}, []time.Duration{4 * time.Second}, 0, 2},
		{"502 without retries fails at once", 0, nil, []http.HandlerFunc{bad, ok}, nil, 502, 1},
		{"502 is repeated with growing waits", 2, nil, []http.HandlerFunc{bad, bad, ok}, []time.Duration{4 * time.Second, 8 * time.Second}, 0, 3},
		{"retries end", 1, nil, []http.HandlerFunc{bad}, []time.Duration{4 * time.Second}, 502, 2},
		{"reset connections are repeated", 1, nil, []http.HandlerFunc{hangUp, ok}, []time.Duration{4 * time.Second}, 0, 2},
		{"retry_count overrides to none", 3, func(r *Request) { r.Retries = &zero }, []http.HandlerFunc{bad, ok}, nil, 502, 1},
		{"retry_count overrides to some", 0, func(r *Request) { r.Retries = &two }, []http.HandlerFunc{bad, ok}, []time.Duration{4 * time.Second}, 0, 2},
		{"what must not be done twice is not repeated once written", 5, func(r *Request) { r.Once = true }, []http.HandlerFunc{bad, ok}, nil, 502, 1},
		{"500 is not repeated", 5, nil, []http.HandlerFunc{answer(500, `{}`), ok}, nil, 500, 1},
		{"a file that has not come is not asked for again", 5, nil, []http.HandlerFunc{answer(504, `{"errcode":"M_NOT_YET_UPLOADED"}`), ok}, nil, 504, 1},
		{"403 is not repeated", 5, nil, []http.HandlerFunc{answer(403, `{"errcode":"M_FORBIDDEN"}`), ok}, nil, 403, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, a, clock, r := newTestClient(t, tt.retries, tt.todo...)
			if tt.change != nil {
				tt.change(&r)
			}
			_, err := doWaiting(t, c, clock, r, tt.waits...)
			var e *Error
			if got := errors.As(err, &e); got != (tt.status != 0) || got && e.Status != tt.status {
				t.Errorf("error %v, want status %d", err, tt.status)
			}
			if a.count() != tt.count {
				t.Errorf("%d requests, want %d", a.count(), tt.count)
			}
		})
	}
}

func TestAnErrorTellsWhetherAnEarlierTryMayHaveBeenCarriedOut(t *testing.T) {
	refused := answer(409, `{"errcode":"M_CANNOT_OVERWRITE_MEDIA"}`)
	for _, tt := range []struct {
		todo  []http.HandlerFunc
		waits []time.Duration
		want  bool
	}{
		{[]http.HandlerFunc{refused}, nil, false},
		{[]http.HandlerFunc{answer(429, ``, "Retry-After", "1"), refused}, []time.Duration{time.Second}, false},
		{[]http.HandlerFunc{answer(502, ``), refused}, []time.Duration{4 * time.Second}, true},
		{[]http.HandlerFunc{hangUp, refused}, []time.Duration{4 * time.Second}, true},
	} {
		c, _, clock, r := newTestClient(t, 1, tt.todo...)
		_, err := doWaiting(t, c, clock, r, tt.waits...)
		var e *Error
		if !errors.As(err, &e) || e.Status != 409 || e.Repeated != tt.want {
			t.Errorf("after %d tries: %#v, want %v", len(tt.todo), err, tt.want)
		}
	}
}

func TestOnceIsRepeatedWhenNothingWasWritten(t *testing.T) {
	c, _, clock, r := newTestClient(t, 1, answer(200, `{}`))
	r.Once, r.BaseURL = true, "http://127.0.0.1:1"
	_, err := doWaiting(t, c, clock, r, 4*time.Second)
	var e *Error
	if !errors.As(err, &e) || e.Status != 0 || !e.Retryable() || e.Cause == nil {
		t.Errorf("got %#v", err)
	}
}

func TestTheRequestOnTheWire(t *testing.T) {
	c, a, _, r := newTestClient(t, 0, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	})
	got, err := c.Do(context.Background(), r)
	if err != nil || string(got) != `{"n":9007199254740993}` {
		t.Fatalf("got %s, %v", got, err)
	}
	seen := a.seen[0]
	if seen.RequestURI != "/base/_matrix/client/v3/rooms/%21r%3Ax/send/t/1?user_id=%40a%3Ax" {
		t.Errorf("uri %s", seen.RequestURI)
	}
	if seen.Header.Get("Authorization") != "Bearer secret-token" || seen.Header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", seen.Header)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for _, tt := range []struct {
		name          string
		h             http.HandlerFunc
		status        int
		code, message string
	}{
		{"200 with HTML", answer(200, "<html>"+strings.Repeat("x", 500)), 200, "M_UNKNOWN", "not JSON: <html>xxx"},
		{"unknown code kept", answer(400, `{"errcode":"ORG_EXAMPLE","error":"why"}`), 400, "ORG_EXAMPLE", "why"},
		{"no body", answer(404, ""), 404, "M_UNKNOWN", "Not Found"},
		{"errcode of a wrong type", answer(403, `{"errcode":5,"error":"text"}`), 403, "M_UNKNOWN", "text"},
		{"our token repeated", answer(401, `{"errcode":"M_UNKNOWN_TOKEN","error":"bad secret-token"}`), 401, "M_UNKNOWN_TOKEN", "bad …"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _, _, r := newTestClient(t, 0, tt.h)
			_, err := c.Do(context.Background(), r)
			var e *Error
			if !errors.As(err, &e) || e.Status != tt.status || e.Code != tt.code || !strings.Contains(e.Message, tt.message) {
				t.Fatalf("got %#v", err)
			}
			if len(e.Message) > 300 || strings.Contains(e.Error()+string(e.Body), "secret-token") {
				t.Errorf("message %q", e.Message)
			}
		})
	}
}

func TestJSONUnderAnotherContentTypeIsGood(t *testing.T) {
	c, _, _, r := newTestClient(t, 0, answer(200, `{"a":1}`, "Content-Type", "text/plain"))
	if got, err := c.Do(context.Background(), r); err != nil || string(got) != `{"a":1}` {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestAWaitBeyondTheDeadlineIsNotBegun(t *testing.T) {
	c, a, _, r := newTestClient(t, 0, answer(429, ``, "Retry-After", "50"))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if _, err := c.Do(ctx, r); !errors.Is(err, ErrUnknown) || a.count() != 1 {
		t.Errorf("err %v after %d requests", err, a.count())
	}
}

func TestTheGateIsFairBetweenLanes(t *testing.T) {
	g := newGate(1)
	_ = g.enter(context.Background(), "x")
	order, waiting := make(chan string, 4), 0
	for _, lane := range []string{"busy", "busy", "busy", "quiet"} {
		go func() { _ = g.enter(context.Background(), lane); order <- lane }()
		waiting++
		for n := 0; n < waiting; {
			g.mu.Lock()
			n = 0
			for _, l := range g.lanes {
				n += len(l)
			}
			g.mu.Unlock()
		}
	}
	got := ""
	for range 4 {
		g.leave()
		got += <-order + " "
	}
	if got != "busy quiet busy busy " {
		t.Errorf("order %q", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := g.enter(ctx, "late"); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled wait: %v", err)
	}
	g.leave()
	if g.free != 1 || len(g.lanes) != 0 || len(g.turn) != 0 {
		t.Errorf("gate is left with %+v", g)
	}
}
