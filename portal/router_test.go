package portal_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"bridgehost/intent"
	"bridgehost/matrix"
	"bridgehost/portal"
)

const theRoom = matrix.RoomID("!r:bh.test")

// routing is a router over a store in memory, with the scripts irc, rss and echo.
type routing struct {
	t       *testing.T
	store   *intent.MemoryStore
	router  *portal.Router
	scripts []string
	own     []string // scripts with a handler for own events

	mu    sync.Mutex
	asked []string                        // "irc", who asked for members
	lists map[string]func() (int, string) // what the homeserver answers whom
}

func newRouting(t *testing.T) *routing {
	t.Helper()
	r := &routing{t: t, store: intent.NewMemoryStore(owns), scripts: []string{"echo", "irc", "rss"}, lists: map[string]func() (int, string){}}
	hs := httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(hs.Close)
	pool := intent.NewPool(intent.Config{HomeserverURL: hs.URL, ServerName: "bh.test", ASToken: "as", Bot: "@_bh_bot:bh.test", Store: r.store})
	r.router = portal.NewRouter(portal.RouterConfig{
		Names: names, BridgeName: "bh", Store: r.store, Owns: owns,
		Scripts: func() []string { return r.scripts },
		WantsOwn: func(script, eventType string) bool {
			return eventType == "m.room.message" && slices.Contains(r.own, script)
		},
		Bot: func(script string) *intent.Intent { return pool.Bot(names.Bot(script)) },
	})
	return r
}

func (r *routing) serve(w http.ResponseWriter, req *http.Request) {
	if !strings.HasSuffix(req.URL.Path, "/joined_members") {
		_, _ = w.Write([]byte("{}"))
		return
	}
	script, _ := names.Script(matrix.UserID(req.URL.Query().Get("user_id")))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, script)
	status, body := 403, `{"errcode":"M_FORBIDDEN","error":"You're not in the room"}`
	if f := r.lists[script]; f != nil {
		status, body = f()
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

func (r *routing) member(user matrix.UserID, membership string) {
	if err := r.store.SetMembership(r.t.Context(), theRoom, user, membership); err != nil {
		r.t.Fatal(err)
	}
}

func message(sender matrix.UserID, content string) *matrix.Event {
	return &matrix.Event{Type: "m.room.message", RoomID: theRoom, Sender: sender, Content: []byte(content)}
}

func member(sender matrix.UserID, user, membership string) *matrix.Event {
	return &matrix.Event{Type: "m.room.member", RoomID: theRoom, Sender: sender, StateKey: &user, Content: []byte(`{"membership":"` + membership + `"}`)}
}

// sees checks who sees e, which the store takes in first; "?" stands for: ask for the members.
func (r *routing) sees(e *matrix.Event, want ...string) {
	r.t.Helper()
	if err := r.store.UpdateState(r.t.Context(), e); err != nil {
		r.t.Fatal(err)
	}
	got, known, err := r.router.Route(r.t.Context(), e)
	if err != nil {
		r.t.Fatal(err)
	}
	if !known {
		got = append(got, "?")
	}
	if !slices.Equal(got, want) {
		r.t.Errorf("%s of %s is seen by %v, want %v", e.Type, e.Sender, got, want)
	}
}

var hello = message("@you:bh.test", `{"body":"hello"}`)

func TestWhoSeesWhat(t *testing.T) {
	for _, c := range []struct {
		name   string
		joined []matrix.UserID
		own    []string
		event  *matrix.Event
		want   []string
	}{
		{"the bot is there", []matrix.UserID{"@_bh_irc:bh.test"}, nil, hello, []string{"irc"}},
		{"a ghost is there", []matrix.UserID{"@_bh_irc_bob:bh.test"}, nil, hello, []string{"irc"}},
		{"several scripts, several ghosts", []matrix.UserID{"@_bh_rss_b:bh.test", "@_bh_irc_a:bh.test", "@_bh_irc_b:bh.test", "@_bh_rss:bh.test"}, nil, hello, []string{"irc", "rss"}},
		{"users of no script that is known", []matrix.UserID{"@_bh_irc:bh.test", "@_bh_gone_x:bh.test", "@_bh_bot:bh.test"}, nil, hello, []string{"irc"}},
		{"an invitation of the bot", nil, nil, member("@you:bh.test", "@_bh_irc:bh.test", "invite"), []string{"irc"}},
		{"an invitation of a ghost", nil, nil, member("@you:bh.test", "@_bh_irc_bob:bh.test", "invite"), []string{"irc"}},
		{"an invitation into another one's room", []matrix.UserID{"@_bh_rss:bh.test"}, nil, member("@you:bh.test", "@_bh_irc:bh.test", "invite"), []string{"irc", "rss"}},
		{"an invitation of the host's own bot", nil, nil, member("@you:bh.test", "@_bh_bot:bh.test", "invite"), nil},
		{"an invitation of another server's user of that name", []matrix.UserID{"@_bh_rss:bh.test"}, nil, member("@you:bh.test", "@_bh_irc:other.test", "invite"), []string{"rss"}},
		{"its own kick", []matrix.UserID{"@_bh_irc:bh.test"}, nil, member("@you:bh.test", "@_bh_irc:bh.test", "leave"), []string{"irc"}},
		{"its own ban", []matrix.UserID{"@_bh_irc:bh.test"}, nil, member("@you:bh.test", "@_bh_irc:bh.test", "ban"), []string{"irc"}},
		{"the last ghost's kick", []matrix.UserID{"@_bh_irc_bob:bh.test"}, nil, member("@you:bh.test", "@_bh_irc_bob:bh.test", "leave"), []string{"irc"}},
		{"another one's kick", []matrix.UserID{"@_bh_irc:bh.test"}, nil, member("@you:bh.test", "@eve:bh.test", "leave"), []string{"irc"}},
		{"what its own ghost said", []matrix.UserID{"@_bh_irc:bh.test"}, nil, message("@_bh_irc_bob:bh.test", `{}`), nil},
		{"what another script's ghost said", []matrix.UserID{"@_bh_irc:bh.test"}, nil, message("@_bh_rss_x:bh.test", `{}`), nil},
		{"who wants own events gets them", []matrix.UserID{"@_bh_irc:bh.test", "@_bh_rss:bh.test"}, []string{"rss"}, message("@_bh_irc_bob:bh.test", `{}`), []string{"rss"}},
		{"who wants own messages gets no other own events", []matrix.UserID{"@_bh_irc:bh.test"}, []string{"irc"}, member("@_bh_irc_bob:bh.test", "@_bh_irc_bob:bh.test", "join"), nil},
		{"who wants own events gets them of its rooms only", []matrix.UserID{"@_bh_irc:bh.test"}, []string{"rss"}, message("@_bh_irc_bob:bh.test", `{}`), nil},
		{"a double puppet of ours", []matrix.UserID{"@_bh_irc:bh.test"}, nil, message("@you:bh.test", `{"fi.mau.double_puppet_source":"bh"}`), nil},
		{"a double puppet of ours, wanted", []matrix.UserID{"@_bh_irc:bh.test"}, []string{"irc"}, message("@you:bh.test", `{"fi.mau.double_puppet_source":"bh"}`), []string{"irc"}},
		{"another bridge's double puppet", []matrix.UserID{"@_bh_irc:bh.test"}, nil, message("@you:bh.test", `{"fi.mau.double_puppet_source":"telegram"}`), []string{"irc"}},
		{"the mark's name in a text", []matrix.UserID{"@_bh_irc:bh.test"}, nil, message("@you:bh.test", `{"body":"fi.mau.double_puppet_source"}`), []string{"irc"}},
		{"a mark of a wrong type", []matrix.UserID{"@_bh_irc:bh.test"}, nil, message("@you:bh.test", `{"fi.mau.double_puppet_source":["bh"]}`), []string{"irc"}},
		{"content that is none", []matrix.UserID{"@_bh_irc:bh.test"}, nil, message("@you:bh.test", ``), []string{"irc"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRouting(t)
			r.own = c.own
			for _, user := range c.joined {
				r.member(user, "join")
			}
			r.sees(c.event, c.want...)
			r.sees(c.event, c.want...) // as remembered
		})
	}
}

func TestWhoIsThereChanges(t *testing.T) {
	r := newRouting(t)
	r.member("@_bh_irc:bh.test", "join")
	r.sees(hello, "irc")
	r.sees(member("@_bh_rss_x:bh.test", "@_bh_rss_x:bh.test", "join"))
	r.sees(hello, "irc", "rss")
	r.sees(member("@you:bh.test", "@_bh_irc:bh.test", "leave"), "irc", "rss")
	r.sees(hello, "rss")
	r.scripts = []string{"echo", "irc"}
	r.router.ScriptsChanged()
	r.member("@_bh_echo:bh.test", "join")
	r.sees(hello, "echo")
	r.scripts = []string{"echo", "irc", "rss"}
	r.router.ScriptsChanged()
	r.sees(hello, "echo", "rss")
}

func TestMembersAreAskedForOnce(t *testing.T) {
	r := newRouting(t)
	r.lists["irc"] = func() (int, string) {
		return 200, `{"joined":{"@_bh_irc:bh.test":{},"@_bh_rss_x:bh.test":{},"@you:bh.test":{}}}`
	}
	ask := func(want ...string) {
		t.Helper()
		if err := r.router.AskMembers(t.Context(), theRoom); err != nil {
			t.Fatal(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if !slices.Equal(r.asked, want) {
			t.Errorf("asked were %v, want %v", r.asked, want)
		}
		r.asked = nil
	}
	r.sees(hello, "?")
	r.sees(member("@eve:bh.test", "@eve:bh.test", "join"), "?") // knowing a stranger is not enough
	ask("echo", "irc")
	r.sees(hello, "irc", "rss")
}

func TestNobodyIsAnsweredAboutTheMembers(t *testing.T) {
	r := newRouting(t)
	r.sees(hello, "?")
	if err := r.router.AskMembers(t.Context(), theRoom); err != nil {
		t.Fatal(err)
	}
	if want := []string{"echo", "irc", "rss"}; !slices.Equal(r.asked, want) {
		t.Errorf("asked were %v, want %v", r.asked, want)
	}
	r.sees(hello) // none of ours is there: not asked again
	r.sees(member("@you:bh.test", "@_bh_irc:bh.test", "invite"), "irc")
	r.scripts = append(r.scripts, "new")
	r.router.ScriptsChanged()
	r.sees(hello, "?") // the new one's bot may be answered
}

func TestMembersThatAreAllKnownAreNotAskedFor(t *testing.T) {
	r := newRouting(t)
	err := r.store.SetMembers(t.Context(), theRoom, map[matrix.UserID]intent.Member{"@you:bh.test": {Membership: "join"}}, "join")
	if err != nil {
		t.Fatal(err)
	}
	r.sees(hello)
}

func TestAskingMembersFailsWhenItMayGoWellLater(t *testing.T) {
	for name, answer := range map[string]func() (int, string){
		"the homeserver is ill":        func() (int, string) { return 500, `{"errcode":"M_UNKNOWN"}` },
		"our token is not known (yet)": func() (int, string) { return 401, `{"errcode":"M_UNKNOWN_TOKEN"}` },
		"no JSON":                      func() (int, string) { return 502, `<html>` },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRouting(t)
			r.lists["irc"] = answer
			if err := r.router.AskMembers(t.Context(), theRoom); err == nil || !strings.Contains(err.Error(), "members of "+string(theRoom)) {
				t.Errorf("got %v", err)
			}
			r.sees(hello, "?") // still not known
		})
	}
}
