// Package intentload holds a test of much work at once: many ghosts that many handlers
// want in many rooms.
package intentload

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"bridgehost/devserver"
	"bridgehost/intent"
	"bridgehost/matrix"
)

const name = "bh.test"

// counter counts requests by method and path.
type counter struct {
	next http.RoundTripper
	mu   sync.Mutex
	seen map[string]int
}

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	key := r.Method + " " + r.URL.EscapedPath()
	if as := r.URL.Query().Get("user_id"); as != "" {
		key += " " + as
	}
	c.mu.Lock()
	c.seen[key]++
	c.mu.Unlock()
	return c.next.RoundTrip(r)
}

// TestEachGhostIsRegisteredAndJoinedOnce lets 100 handlers at once ensure every ghost in
// every room, each pair by two of them: one chain of requests for each, and none twice.
func TestEachGhostIsRegisteredAndJoinedOnce(t *testing.T) {
	ghosts, rooms, handlers := 500, 50, 100
	if raceDetector || testing.Short() {
		ghosts, rooms = 60, 10
	}
	hs := devserver.New(devserver.Options{ServerName: name})
	address, err := hs.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hs.Close)
	hs.AddAppservice(devserver.Appservice{ID: "load", ASToken: "as", HSToken: "hs", SenderLocalpart: "bot", UserRegex: []string{`@_bh_.*`}})
	counts := &counter{next: matrix.NewHTTPClient().Transport, seen: map[string]int{}}
	store := intent.NewMemoryStore(func(u matrix.UserID) bool { return strings.HasPrefix(string(u), "@_bh_") })
	pool := intent.NewPool(intent.Config{HomeserverURL: address, ServerName: name, ASToken: "as",
		Bot: matrix.NewUserID("bot", name), Store: store, HTTP: &http.Client{Transport: counts}})
	owner := hs.User("owner")
	ids := make([]matrix.RoomID, rooms)
	for i := range ids {
		if ids[i], err = owner.CreateRoom(devserver.RoomOptions{Preset: "public_chat"}); err != nil {
			t.Fatal(err)
		}
	}
	ghost := func(n int) matrix.UserID { return matrix.NewUserID(fmt.Sprintf("_bh_load_%d", n), name) }

	var running sync.WaitGroup
	for h := range handlers {
		running.Go(func() {
			for pair := h / 2; pair < ghosts*rooms; pair += handlers / 2 {
				g, err := pool.Bot("").User(ghost(pair/rooms), intent.UserOptions{})
				if err == nil {
					_, err = g.EnsureJoined(t.Context(), ids[pair%rooms], intent.EnsureJoinedOptions{})
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	running.Wait()

	registered, joined := 0, 0
	for key, n := range counts.seen {
		switch plain, _ := url.PathUnescape(key); {
		case strings.Contains(plain, "/register"):
			registered += n
		case strings.Contains(plain, "/join/"):
			joined += n
		default:
			t.Errorf("an unexpected request: %s", plain)
		}
		if n != 1 {
			t.Errorf("made %d times: %s", n, key)
		}
	}
	if registered != ghosts || joined != ghosts*rooms {
		t.Errorf("%d registered and %d joins, want %d and %d", registered, joined, ghosts, ghosts*rooms)
	}
	for _, room := range ids {
		members, err := store.Members(t.Context(), room, "join")
		if err != nil || len(members) != ghosts {
			t.Errorf("%s: %d members known, want %d (%v)", room, len(members), ghosts, err)
		}
	}
}
