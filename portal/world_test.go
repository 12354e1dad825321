package portal_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jonboulle/clockwork"

	"bridgehost/delivery"
	"bridgehost/devserver"
	"bridgehost/intent"
	"bridgehost/matrix"
	"bridgehost/portal"
	"bridgehost/store/sqlite"
)

// world is a homeserver, a store and the manager of the script "irc".
type world struct {
	t    *testing.T
	ctx  context.Context
	hs   *devserver.Server
	db   *sqlite.DB
	pool *intent.Pool
	data *delivery.Data
	bot  *intent.Intent
	m    *portal.Manager
	you  *devserver.User

	came map[matrix.RoomID]int // events that arrive has brought
}

func owns(u matrix.UserID) bool {
	return strings.HasPrefix(string(u), "@_bh_") && u.Server() == "bh.test"
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOf(t, "")
}

// newOldWorld has rooms of version 11, whose creator can be thrown out.
func newOldWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOf(t, "11")
}

func newWorldOf(t *testing.T, roomVersion string) *world {
	t.Helper()
	w := &world{t: t, ctx: t.Context(), came: map[matrix.RoomID]int{}}
	w.hs = devserver.New(devserver.Options{ServerName: "bh.test", RoomVersion: roomVersion})
	t.Cleanup(w.hs.Close)
	url, err := w.hs.Start("127.0.0.1:0")
	w.must(err)
	w.hs.AddAppservice(devserver.Appservice{ID: "bh", ASToken: "as", HSToken: "hs", SenderLocalpart: "_bh_bot",
		UserRegex: []string{`@_bh_.*:bh\.test$`}, AliasRegex: []string{`#_bh_.*:bh\.test$`}})
	w.db, err = sqlite.Open(sqlite.Options{Dir: t.TempDir(), Durability: "normal", Owns: owns})
	w.must(err)
	t.Cleanup(func() { _ = w.db.Close() })
	w.pool = intent.NewPool(intent.Config{HomeserverURL: url, ServerName: "bh.test", ASToken: "as", Bot: "@_bh_bot:bh.test",
		Retries: 2, Store: w.db, Owns: owns})
	w.bot = w.pool.Bot("@_bh_irc:bh.test")
	w.you = w.hs.User("you")
	w.restart()
	return w
}

// restart makes the manager anew, over what is on disk.
func (w *world) restart() {
	w.data = delivery.NewData("irc", w.db, clockwork.NewRealClock())
	w.m = portal.NewManager(portal.ManagerConfig{Script: "irc", Names: names, Bot: w.bot, Store: w.db, Data: w.data,
		Clock: clockwork.NewRealClock(), Key: []byte("secret")})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// portal asks for a portal, which must go well.
func (w *world) portal(remoteID string, o portal.Options) *portal.Portal {
	w.t.Helper()
	p, err := w.m.Portal(w.ctx, remoteID, o)
	w.must(err)
	return p
}

// arrive brings the state of all rooms to the store and the manager, as transactions do.
func (w *world) arrive() {
	w.t.Helper()
	for _, room := range w.hs.Rooms() {
		events := w.hs.Timeline(room)
		for _, e := range events[w.came[room]:] {
			if e.StateKey != nil {
				w.must(w.db.UpdateState(w.ctx, &e))
				w.must(w.m.Follow(w.ctx, &e))
			}
		}
		w.came[room] = len(events)
	}
}

// asked counts the requests of that method whose path holds part.
func (w *world) asked(method, part string) (n int) {
	for _, r := range w.hs.Requests() {
		if r.Method == method && strings.Contains(r.Path, part) {
			n++
		}
	}
	return n
}

// state is one field of a room's state, "" when there is none.
func (w *world) state(room matrix.RoomID, typ, field string) string {
	e := w.hs.State(room, typ, "")
	if e == nil {
		return ""
	}
	var c map[string]any
	w.must(json.Unmarshal(e.Content, &c))
	s, _ := c[field].(string)
	return s
}

func (w *world) members(room matrix.RoomID, want map[matrix.UserID]string) {
	w.t.Helper()
	got := w.hs.Members(room)
	for user, m := range want {
		if got[user] != m {
			w.t.Errorf("%s is %q in the room, want %q", user, got[user], m)
		}
	}
}

// usable checks that the bot can write into the portal.
func (w *world) usable(p *portal.Portal) {
	w.t.Helper()
	if _, err := w.bot.SendText(w.ctx, p.RoomID(), intent.SendTextOptions{Text: "hello"}); err != nil {
		w.t.Errorf("the portal is of no use: %v", err)
	}
}

func ptr[T any](v T) *T { return &v }

// once is a fault for the first request of that method whose path holds part.
func once(method, part string, f devserver.Fault) devserver.Faults {
	var used atomic.Bool
	return devserver.Faults{Hook: func(r *http.Request) *devserver.Fault {
		if r.Method != method || !strings.Contains(r.URL.Path, part) || used.Swap(true) {
			return nil
		}
		return &f
	}}
}
