package intent

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/jonboulle/clockwork"

	"bridgehost/delivery"
	"bridgehost/matrix"
)

const (
	room  = matrix.RoomID("!r:x")
	ghost = matrix.UserID("@g:x")
	bot   = matrix.UserID("@bot:x")
)

// home is a homeserver that records requests and answers by rules, each used once.
type home struct {
	mu    sync.Mutex
	seen  []string // "POST /join/!r:x as @g:x {…}"
	rules []rule
	txns  []string
	gate  chan struct{} // when set, joins wait for it, or what gated is a part of
	gated string
}

type rule struct {
	match  string // the start of what is recorded
	status int
	body   string
}

func (h *home) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	path := strings.TrimPrefix(r.URL.Path, "/_matrix/client/v3")
	if parts := strings.Split(path, "/"); len(parts) > 3 && (parts[3] == "send" || parts[3] == "redact") {
		h.mu.Lock()
		h.txns = append(h.txns, parts[len(parts)-1])
		h.mu.Unlock()
		path = strings.Join(parts[:len(parts)-1], "/")
	}
	who := r.URL.Query().Get("user_id")
	if auth := r.Header.Get("Authorization"); auth != "Bearer as" {
		who = auth
	}
	line := fmt.Sprintf("%s %s as %s %s", r.Method, path, who, body)
	h.mu.Lock()
	h.seen = append(h.seen, strings.TrimSpace(line))
	gate, n, status, answer := h.gate, len(h.seen), 200, ""
	for k, rule := range h.rules {
		if strings.HasPrefix(line, rule.match) {
			status, answer = rule.status, rule.body
			h.rules = append(h.rules[:k:k], h.rules[k+1:]...)
			break
		}
	}
	h.mu.Unlock()
	if gate != nil && strings.Contains(path, cmp.Or(h.gated, "/join/")) {
		<-gate
	}
	if answer == "" {
		answer = fmt.Sprintf(`{"event_id":"$%d","room_id":"!r:x"}`, n)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer)
}

func (h *home) requests() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.seen, "\n")
}

type world struct {
	*home
	t     *testing.T
	pool  *Pool
	store *MemoryStore
	bot   *Intent
	ghost *Intent
	clock *clockwork.FakeClock
}

// newWorld has a registered bot in the room, a registered ghost outside, and known levels.
func newWorld(t *testing.T, rules ...rule) *world {
	t.Helper()
	h := &home{rules: rules}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	w := &world{home: h, t: t, clock: clockwork.NewFakeClock()}
	w.store = NewMemoryStore(func(u matrix.UserID) bool { return u == ghost || u == bot })
	w.pool = NewPool(Config{HomeserverURL: srv.URL, ServerName: "x", ASToken: "as", Bot: bot, BridgeName: "irc", Store: w.store, Clock: w.clock})
	w.bot = w.pool.Bot(bot)
	var err error
	if w.ghost, err = w.bot.User(ghost, UserOptions{}); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	_ = w.store.Registered(ctx, bot)
	_ = w.store.Registered(ctx, ghost)
	_ = w.store.SetMembership(ctx, room, bot, "join")
	_ = w.store.SetPowerLevels(ctx, room, json.RawMessage(`{"users":{"@bot:x":100}}`))
	_ = w.store.SetCreate(ctx, room, json.RawMessage(`{"sender":"@c:x","content":{"room_version":"10"}}`))
	return w
}

func (w *world) inRoom() *world {
	_ = w.store.SetMembership(w.t.Context(), room, ghost, "join")
	return w
}

func (w *world) want(lines ...string) {
	w.t.Helper()
	if got, want := w.requests(), strings.Join(lines, "\n"); got != want {
		w.t.Errorf("requests:\n%s\nwant:\n%s", got, want)
	}
}

func (w *world) membership(user matrix.UserID) string {
	m, _ := w.store.Member(context.Background(), room, user)
	if m == nil {
		return ""
	}
	return m.Membership
}

func unitContext(ctx context.Context, known ...delivery.Effect) (context.Context, *delivery.Unit) {
	u := delivery.NewUnit(delivery.Item{Key: "item"}, known, nil)
	return delivery.With(ctx, u), u
}
