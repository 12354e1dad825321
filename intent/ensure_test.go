package intent

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"

	"bridgehost/matrix"
)

const (
	forbidden = `{"errcode":"M_FORBIDDEN","error":"You are not invited"}`
	joinGhost = `POST /join/!r:x as @g:x {}`
	invite    = `POST /rooms/!r:x/invite as @bot:x {"user_id":"@g:x"}`
	unban     = `POST /rooms/!r:x/unban as @bot:x {"user_id":"@g:x"}`
)

func TestEnsureJoinedGoesEveryWay(t *testing.T) {
	for _, tt := range []struct {
		name   string
		rules  []rule
		opts   EnsureJoinedOptions
		want   []string
		err    error
		member string
	}{
		{"EJ-2 a public room", nil, EnsureJoinedOptions{}, []string{joinGhost}, nil, "join"},
		{"EJ-3 invite-only", []rule{{joinGhost, 403, forbidden}}, EnsureJoinedOptions{}, []string{joinGhost, invite, joinGhost}, nil, "join"},
		{"EJ-3 refused again", []rule{{joinGhost, 403, forbidden}, {joinGhost, 403, forbidden}}, EnsureJoinedOptions{},
			[]string{joinGhost, invite, joinGhost}, matrix.ErrForbidden, "invite"},
		{"EJ-3 the bot may not invite", []rule{{joinGhost, 403, forbidden}, {invite, 403, forbidden}}, EnsureJoinedOptions{},
			[]string{joinGhost, invite}, matrix.ErrForbidden, ""},
		{"EJ-4 banned", []rule{{joinGhost, 403, `{"errcode":"M_BAD_STATE"}`}}, EnsureJoinedOptions{},
			[]string{joinGhost, unban, invite, joinGhost}, nil, "join"},
		{"EJ-5 nobody helps", []rule{{joinGhost, 403, forbidden}}, EnsureJoinedOptions{NoBot: true}, []string{joinGhost}, matrix.ErrForbidden, ""},
		{"EJ-7 restricted", []rule{{joinGhost, 403, `{"errcode":"M_UNABLE_TO_AUTHORISE_JOIN"}`}}, EnsureJoinedOptions{},
			[]string{joinGhost, invite, joinGhost}, nil, "join"},
		{"a deactivated account is not invited", []rule{{joinGhost, 403, `{"errcode":"M_USER_DEACTIVATED"}`}}, EnsureJoinedOptions{},
			[]string{joinGhost}, matrix.ErrUserDeactivated, ""},
		{"an answer without a room", []rule{{joinGhost, 200, `{}`}}, EnsureJoinedOptions{}, []string{joinGhost}, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.rules...)
			joined, err := w.ghost.EnsureJoined(t.Context(), room, tt.opts)
			w.want(tt.want...)
			if joined != (tt.member == "join") || joined != (err == nil) || tt.err != nil && !errors.Is(err, tt.err) {
				t.Errorf("joined %v, err %v", joined, err)
			}
			if got := w.membership(ghost); got != tt.member {
				t.Errorf("membership %q, want %q", got, tt.member)
			}
			var e *Error
			if err != nil && (!errors.As(err, &e) || e.User != ghost || e.Room != string(room) || e.Op != "ensure_joined") {
				t.Errorf("error does not tell who and where: %#v", err)
			}
			if again, err := w.ghost.EnsureJoined(t.Context(), room, tt.opts); tt.member == "join" && (again || err != nil) {
				t.Errorf("EJ-1: again %v, %v", again, err)
			}
		})
	}
}

func TestEJ8OneChainForAllWhoWaitForIt(t *testing.T) {
	w := newWorld(t, rule{joinGhost, 403, forbidden})
	w.gate = make(chan struct{})
	var wg sync.WaitGroup
	errs := make(chan error, 20)
	for range 20 {
		wg.Go(func() { _, err := w.ghost.EnsureJoined(t.Context(), room, EnsureJoinedOptions{}); errs <- err })
	}
	close(w.gate)
	wg.Wait()
	for range 20 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	w.want(joinGhost, invite, joinGhost)
}

func TestAJoinIsNotForgottenByTheInvitationBeforeIt(t *testing.T) {
	for gated, o := range map[string]InviteUserOptions{"/invite": {}, "/m.room.member/": {ExtraContent: []byte(`{"is_direct":true}`)}} {
		w := newWorld(t)
		w.gate, w.gated = make(chan struct{}), gated
		done := make(chan error)
		go func() { done <- w.bot.InviteUser(t.Context(), room, ghost, o) }()
		for !strings.Contains(w.requests(), gated) {
			runtime.Gosched()
		}
		_ = w.store.SetMembership(t.Context(), room, ghost, "join") // while the answer is on its way
		close(w.gate)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if m := w.membership(ghost); m != "join" {
			t.Errorf("%s: membership %q", gated, m)
		}
	}
}

func TestER1Registering(t *testing.T) {
	const register = `POST /register as @new:x {"inhibit_login":true,"type":"m.login.application_service","username":"new"}`
	for _, tt := range []struct {
		name   string
		status int
		body   string
		err    error
		hint   string
	}{
		{"new", 200, `{"user_id":"@new:x"}`, nil, ""},
		{"in use is as good", 400, `{"errcode":"M_USER_IN_USE"}`, nil, ""},
		{"not ours", 400, `{"errcode":"M_EXCLUSIVE"}`, matrix.ErrExclusive, "namespaces"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, rule{"POST /register", tt.status, tt.body})
			i, _ := w.ghost.User("@new:x", UserOptions{})
			err := i.EnsureRegistered(t.Context())
			w.want(register)
			if !errors.Is(err, tt.err) || err != nil && !strings.Contains(err.Error(), tt.hint) {
				t.Errorf("err %v", err)
			}
			if known, _ := w.store.IsRegistered(t.Context(), "@new:x"); known != (err == nil) {
				t.Errorf("registered %v", known)
			}
		})
	}
}

func TestIntentsAreKept(t *testing.T) {
	w := newWorld(t)
	same, _ := w.ghost.User(ghost, UserOptions{})
	self, _ := w.bot.User(bot, UserOptions{})
	if same != w.ghost || self != w.bot || w.pool.Bot(bot) != w.bot || w.ghost.Bot() != w.bot || w.bot.Bot() != nil {
		t.Error("the same user gave another intent")
	}
	old, _ := w.bot.User("@alice:x", UserOptions{Token: "old"})
	renewed, _ := w.bot.User("@alice:x", UserOptions{Token: "new"})
	if old == renewed || !renewed.IsPuppet() {
		t.Error("a new token was not taken")
	}
	for _, bad := range []matrix.UserID{"", "alice:x", "@alice", "@alice:"} {
		var e *Error
		if _, err := w.bot.User(bad, UserOptions{}); !errors.As(err, &e) || !e.Usage {
			t.Errorf("user %q: %v", bad, err)
		}
	}
}
