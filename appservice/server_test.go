package appservice

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"bridgehost/matrix"
)

// memory is a TransactionLog; gate, when set, holds Accept until it is closed or ctx ends.
type memory struct {
	mu      sync.Mutex
	got     []Accepted
	seen    map[string]bool
	entered chan struct{}
	gate    chan struct{}
	err     error
}

func (m *memory) Seen(_ context.Context, id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seen[id], nil
}

func (m *memory) Last() string { return "" }

func (m *memory) Accept(ctx context.Context, a Accepted) error {
	if m.entered != nil {
		m.entered <- struct{}{}
	}
	if m.gate != nil {
		select {
		case <-m.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	m.got = append(m.got, a)
	m.seen[a.Key] = true
	return nil
}

type world struct{ err error }

func (w world) QueryUser(_ context.Context, u matrix.UserID) (bool, error) {
	return u == "@_bh_a/b:x", w.err
}

func (w world) QueryAlias(_ context.Context, a matrix.RoomAlias) (bool, error) {
	return a == "#_bh_r:x", w.err
}

func newTest(o ServerOptions) (*Server, *memory) {
	m := &memory{seen: map[string]bool{}}
	o.Registration, o.Log = &Registration{HSToken: "secret"}, m
	return NewServer(o), m
}

func do(s http.Handler, method, path, token, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestAnswers(t *testing.T) {
	const txn = "/_matrix/app/v1/transactions/1"
	s, _ := newTest(ServerOptions{Queries: world{}, MaxBody: 1000})
	broken, _ := newTest(ServerOptions{Queries: world{errors.New("x")}})
	empty, _ := newTest(ServerOptions{})
	for _, c := range []struct {
		name, method, path, token, body string
		status                          int
		code                            string
		server                          *Server
	}{
		{"taken", "PUT", txn, "secret", `{"events":[]}`, 200, "", s},
		{"the old path", "PUT", "/transactions/2", "secret", `{"events":[]}`, 200, "", s},
		{"token in the query", "PUT", "/transactions/3?access_token=secret", "", `{"events":[]}`, 200, "", s},
		{"the header goes first", "PUT", txn + "?access_token=secret", "bad", `{}`, 403, "M_FORBIDDEN", s},
		{"no token", "PUT", txn, "", `{}`, 401, "M_MISSING_TOKEN", s},
		{"wrong token", "PUT", txn, "secre", `{}`, 403, "M_FORBIDDEN", s},
		{"not JSON", "PUT", txn, "secret", `{"events":`, 400, "M_NOT_JSON", s},
		{"no object", "PUT", txn, "secret", `[]`, 400, "M_BAD_JSON", s},
		{"too large", "PUT", txn, "secret", strings.Repeat(" ", 1001), 413, "M_TOO_LARGE", s},
		{"wrong method", "POST", txn, "secret", `{}`, 405, "M_UNRECOGNIZED", s},
		{"unknown path", "PUT", "/_matrix/app/v1/nothing", "secret", `{}`, 404, "M_UNRECOGNIZED", s},
		{"no id", "PUT", "/_matrix/app/v1/transactions/", "secret", `{}`, 404, "M_UNRECOGNIZED", s},
		{"ping", "POST", "/_matrix/app/v1/ping", "secret", `{"transaction_id":"x"}`, 200, "", s},
		{"ping without token", "POST", "/_matrix/app/v1/ping", "", `{}`, 401, "M_MISSING_TOKEN", s},
		{"a user", "GET", "/_matrix/app/v1/users/@_bh_a%2Fb:x", "secret", "", 200, "", s},
		{"no user", "GET", "/_matrix/app/v1/users/@_bh_z:x", "secret", "", 404, "M_NOT_FOUND", s},
		{"no user id", "GET", "/users/nonsense", "secret", "", 404, "M_NOT_FOUND", s},
		{"a room", "GET", "/_matrix/app/v1/rooms/%23_bh_r:x", "secret", "", 200, "", s},
		{"nobody to ask", "GET", "/_matrix/app/v1/rooms/%23_bh_r:x", "secret", "", 404, "M_NOT_FOUND", empty},
		{"asking failed", "GET", "/_matrix/app/v1/rooms/%23_bh_r:x", "secret", "", 500, "M_UNKNOWN", broken},
		{"third party", "GET", "/_matrix/app/v1/thirdparty/protocol/irc", "secret", "", 404, "M_NOT_FOUND", s},
	} {
		w := do(c.server, c.method, c.path, c.token, c.body)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.code) || (c.code == "" && w.Body.String() != "{}") {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
	}
}

func TestTransactionIsTakenOnce(t *testing.T) {
	s, m := newTest(ServerOptions{})
	body := `{"events":[{"type":"a","content":{"n":12345678901234567890}},{"no":"type"}],"ephemeral":[{"type":"m.typing"}]}`
	for range 3 {
		if w := do(s, "PUT", "/_matrix/app/v1/transactions/a%2Fb", "secret", body); w.Code != 200 {
			t.Fatal(w.Code, w.Body)
		}
	}
	if len(m.got) != 1 || m.got[0].TxnID != "a/b" || len(m.got[0].Ephemeral) != 1 || string(m.got[0].Events[0]) != `{"type":"a","content":{"n":12345678901234567890}}` {
		t.Errorf("%+v", m.got)
	}
	if st := s.Stats(); st != (Stats{Transactions: 1, Duplicates: 2, Events: 1, Ephemeral: 1, BadEvents: 1}) {
		t.Errorf("%+v", st)
	}
}

// A homeserver that counts from 1 again must not lose events; one that repeats sends
// other ages, and may leave out what is ephemeral.
func TestAnIdUsedAgainIsAnotherTransaction(t *testing.T) {
	s, m := newTest(ServerOptions{})
	for _, body := range []string{
		`{"events":[{"type":"a","event_id":"$1","unsigned":{"age":1}}],"ephemeral":[{"type":"m.typing"}]}`,
		`{"events":[{"event_id":"$1","type":"a","unsigned":{"age":2000}}]}`,
		`{"events":[{"type":"a","event_id":"$2"}]}`,
		`{"events":[{"type":"a","event_id":"$1"},{"type":"a","event_id":"$2"}]}`,
		`{"events":[{"type":"a"}]}`,
		`{"events":[],"ephemeral":[{"type":"m.typing"}]}`,
		`{"events":[],"ephemeral":[{"type":"m.typing"}]}`,
	} {
		if w := do(s, "PUT", "/_matrix/app/v1/transactions/1", "secret", body); w.Code != 200 {
			t.Fatal(w.Code, w.Body)
		}
	}
	if st := s.Stats(); len(m.got) != 5 || st.Duplicates != 2 {
		t.Errorf("%d accepted, want 5; %d known, want 2", len(m.got), st.Duplicates)
	}
}

func TestFiveMegabytes(t *testing.T) {
	s, m := newTest(ServerOptions{})
	event := `{"type":"m.room.message","content":{"body":"` + strings.Repeat("x", 50_000) + `"}}`
	body := `{"events":[` + strings.Repeat(event+",", 99) + event + `]}`
	if w := do(s, "PUT", "/_matrix/app/v1/transactions/1", "secret", body); w.Code != 200 || len(m.got[0].Events) != 100 {
		t.Fatal(w.Code, w.Body)
	}
}

func TestSameTransactionAtOnceIsAcceptedOnce(t *testing.T) {
	s, m := newTest(ServerOptions{})
	m.entered, m.gate = make(chan struct{}, 2), make(chan struct{})
	codes := make(chan int, 2)
	put := func() { codes <- do(s, "PUT", "/transactions/1", "secret", `{"events":[]}`).Code }
	go put()
	<-m.entered
	go put()
	for s.Stats().Duplicates == 0 { // the second has joined the first
		runtime.Gosched()
	}
	close(m.gate)
	if a, b := <-codes, <-codes; a != 200 || b != 200 || len(m.got) != 1 {
		t.Errorf("%d, %d, %d accepted", a, b, len(m.got))
	}
}

func TestFullInboxIsAnsweredLateThen503(t *testing.T) {
	clock := clockwork.NewFakeClock()
	s, m := newTest(ServerOptions{Clock: clock})
	m.entered, m.gate = make(chan struct{}, 1), make(chan struct{})
	done := make(chan *httptest.ResponseRecorder)
	go func() { done <- do(s, "PUT", "/transactions/1", "secret", `{"events":[]}`) }()
	<-m.entered
	clock.Advance(29 * time.Second)
	select {
	case w := <-done:
		t.Fatalf("answered too early: %d", w.Code)
	default:
	}
	clock.Advance(2 * time.Second)
	if w := <-done; w.Code != 503 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "M_UNKNOWN") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	close(m.gate)
	if w := do(s, "PUT", "/transactions/1", "secret", `{"events":[]}`); w.Code != 200 || len(m.got) != 1 {
		t.Errorf("repeated: %d, %d accepted", w.Code, len(m.got))
	}
}

func TestDiskErrorIs503(t *testing.T) {
	s, m := newTest(ServerOptions{})
	m.err = errors.New("disk full")
	if w := do(s, "PUT", "/transactions/1", "secret", `{"events":[]}`); w.Code != 503 || strings.Contains(w.Body.String(), "disk") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
