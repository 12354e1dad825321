package matrix

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

// manyWaits are those after 429s that name no delay.
func manyWaits() (waits []time.Duration) {
	for n := range limitTries {
		waits = append(waits, min(limitWait<<n, longestWait))
	}
	return waits
}

func TestARetryAfterThatIsADate(t *testing.T) {
	var at time.Time
	c, a, clock, r := newTestClient(t, 0, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", at.UTC().Format(http.TimeFormat))
		w.WriteHeader(429)
	}, answer(200, `{}`))
	at = clock.Now().Truncate(time.Second).Add(8 * time.Second)
	if _, err := doWaiting(t, c, clock, r, at.Sub(clock.Now())); err != nil || a.count() != 2 {
		t.Errorf("%v after %d requests", err, a.count())
	}
}

// network fails with its errors in turn and then answers.
type network struct{ errs []error }

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	if len(n.errs) > 0 {
		err := n.errs[0]
		n.errs = n.errs[1:]
		return nil, err
	}
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
}

func TestConnectionsThatFailAreTriedAgain(t *testing.T) {
	_, _, _, r := newTestClient(t, 0, answer(200, `{}`))
	clock := clockwork.NewFakeClock()
	c := NewClient(ClientConfig{Clock: clock, Retries: 5, HTTP: &http.Client{Transport: &network{[]error{
		syscall.ECONNREFUSED, syscall.ECONNRESET, context.DeadlineExceeded, &net.DNSError{IsTimeout: true}, io.EOF,
	}}}})
	if _, err := doWaiting(t, c, clock, r, 4*time.Second, 8*time.Second, 16*time.Second, 32*time.Second, time.Minute); err != nil {
		t.Error(err)
	}
}

func TestTheEndOfTheCallerEndsAWait(t *testing.T) {
	c, a, clock, r := newTestClient(t, 5, answer(502, ``))
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _ = clock.BlockUntilContext(context.Background(), 1); cancel() }()
	var e *Error
	if _, err := c.Do(ctx, r); !errors.As(err, &e) || e.Status != 502 || a.count() != 1 {
		t.Errorf("%v after %d requests", err, a.count())
	}
}

func TestWaitsGrowAndAreJittered(t *testing.T) {
	for n, least := range []time.Duration{4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute} {
		seen := map[time.Duration]bool{}
		for range 50 {
			w := grown(firstWait, n)
			if w < least || w > least*5/4 {
				t.Errorf("wait %d is %s", n, w)
			}
			seen[w] = true
		}
		if len(seen) < 10 {
			t.Errorf("wait %d is nearly always the same", n)
		}
	}
}

func TestAnAnswerHas64MiBAtMost(t *testing.T) {
	send := func(size int, told bool) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if told {
				w.Header().Set("Content-Length", strconv.Itoa(size))
			}
			_, _ = io.WriteString(w, `"`)
			chunk := strings.Repeat("x", 1<<20)
			for left := size - 2; left > 0; left -= len(chunk) {
				chunk = chunk[:min(left, len(chunk))]
				if _, err := io.WriteString(w, chunk); err != nil {
					return
				}
			}
			_, _ = io.WriteString(w, `"`)
		}
	}
	for _, told := range []bool{true, false} {
		c, _, _, r := newTestClient(t, 0, send(maxAnswer+1, told))
		var e *Error
		if _, err := c.Do(context.Background(), r); !errors.As(err, &e) || e.Code != "M_TOO_LARGE" || e.Status != 200 || !strings.Contains(e.Message, "64 MiB") {
			t.Errorf("%v", err)
		}
	}
}

func TestAtMost64RequestsAtOnceAndFairBetweenRooms(t *testing.T) {
	var mu sync.Mutex
	now, most := 0, 0
	answered := make(chan struct{}) // each lets one request be answered
	c, _, _, r := newTestClient(t, 0, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		<-answered
		mu.Lock()
		now--
		mu.Unlock()
		_, _ = io.WriteString(w, "{}")
	})
	var all sync.WaitGroup
	do := func(lane string) {
		r := r
		r.Lane = lane
		all.Go(func() {
			if _, err := c.Do(context.Background(), r); err != nil {
				t.Error(err)
			}
		})
	}
	waiting := func() map[string]int {
		c.gate.mu.Lock()
		defer c.gate.mu.Unlock()
		n := map[string]int{}
		for lane, all := range c.gate.lanes {
			n[lane] = len(all)
		}
		return n
	}
	until := func(busy, quiet int) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
			n := waiting()
			if n["busy"] == busy && n["quiet"] == quiet {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%v wait, want %d and %d", n, busy, quiet)
			}
		}
	}
	for range 200 {
		do("busy")
	}
	until(200-maxAtOnce, 0)
	do("quiet")
	until(200-maxAtOnce, 1)
	for arrived := 0; arrived < maxAtOnce; runtime.Gosched() {
		mu.Lock()
		arrived = now
		mu.Unlock()
	}
	answered <- struct{}{}
	until(199-maxAtOnce, 1)
	answered <- struct{}{}
	until(199-maxAtOnce, 0) // it was the quiet room's turn
	close(answered)
	all.Wait()
	if most != maxAtOnce {
		t.Errorf("%d at once, want %d", most, maxAtOnce)
	}
}

func TestQueryValuesAreEncoded(t *testing.T) {
	c, a, _, r := newTestClient(t, 0, answer(200, `{}`))
	r.UserID, r.DeviceID = "@a+b/=:x", "D&D"
	r.Query = url.Values{"from": {"t1-2_3~4 5&x=y#z/?%+ü"}, "via": {"a", "b"}}
	if _, err := c.Do(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	const want = "device_id=D%26D&from=t1-2_3~4%205%26x%3Dy%23z%2F%3F%25%2B%C3%BC&org.matrix.msc3202.device_id=D%26D&user_id=%40a%2Bb%2F%3D%3Ax&via=a&via=b"
	if got := a.seen[0].URL.RawQuery; got != want {
		t.Errorf("query %s\nwant  %s", got, want)
	}
}
