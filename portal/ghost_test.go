package portal_test

import (
	"strings"
	"sync"
	"testing"

	"bridgehost/devserver"
	"bridgehost/intent"
	"bridgehost/portal"
)

func TestGhostProfileIsSetWhenItDiffers(t *testing.T) {
	w := newWorld(t)
	puts := func() int { return w.asked("PUT", "/displayname") + w.asked("PUT", "/avatar_url") }
	call := func(o portal.GhostOptions, want int, why string) *intent.Intent {
		t.Helper()
		before := puts()
		g, err := w.m.Ghost(w.ctx, "Bob", o)
		w.must(err)
		if got := puts() - before; got != want {
			t.Errorf("%s: the profile was set %d times, want %d", why, got, want)
		}
		return g
	}
	g := call(portal.GhostOptions{}, 0, "without options nothing is asked")
	if n := len(w.hs.Requests()); n != 0 {
		t.Errorf("%d requests for a ghost of which nothing was said", n)
	}
	if g.MXID() != "@_bh_irc__bob:bh.test" {
		t.Errorf("the ghost is %s", g.MXID())
	}
	call(portal.GhostOptions{Displayname: ptr("Bob (IRC)"), Avatar: ptr("mxc://bh.test/a")}, 2, "the first time")
	call(portal.GhostOptions{Displayname: ptr("Bob (IRC)"), Avatar: ptr("mxc://bh.test/a")}, 0, "the same again")
	call(portal.GhostOptions{}, 0, "left out stays")
	w.restart()
	call(portal.GhostOptions{Displayname: ptr("Bob (IRC)")}, 0, "the same after a restart")
	call(portal.GhostOptions{Displayname: ptr("Robert")}, 1, "another name")
	if name, err := w.bot.GetDisplayname(w.ctx, g.MXID()); err != nil || name != "Robert" {
		t.Errorf("the homeserver knows it as %q (%v)", name, err)
	}
	call(portal.GhostOptions{Displayname: ptr("")}, 1, "no name any more")
}

func TestGhostProfileThatFailedIsSetByTheNextCall(t *testing.T) {
	w := newWorld(t)
	w.hs.SetFaults(once("PUT", "/displayname", devserver.Fault{Status: 403, Code: "M_FORBIDDEN", Text: "not today"}))
	if _, err := w.m.Ghost(w.ctx, "bob", portal.GhostOptions{Displayname: ptr("Bob")}); err == nil || !strings.Contains(err.Error(), "not today") {
		t.Fatalf("the refusal is answered with %v", err)
	}
	_, err := w.m.Ghost(w.ctx, "bob", portal.GhostOptions{Displayname: ptr("Bob")})
	w.must(err)
	if name, _ := w.bot.GetDisplayname(w.ctx, w.m.MXID("bob")); name != "Bob" {
		t.Errorf("the ghost is called %q", name)
	}
}

func TestGhostAtOnceFromManyHandlers(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := w.m.Ghost(w.ctx, "bob", portal.GhostOptions{Displayname: ptr("Bob")}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := w.asked("PUT", "/displayname"); n != 1 {
		t.Errorf("the name was set %d times", n)
	}
	if n := w.asked("POST", "/register"); n != 1 {
		t.Errorf("the ghost was registered %d times", n)
	}
}

func TestRemoteIDOfLongNamesComesFromTheTable(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("Straße", 60)
	user := w.m.MXID(long)
	if _, ok, err := w.m.RemoteID(w.ctx, user); ok || err != nil {
		t.Errorf("known before the ghost was made (%v)", err)
	}
	_, err := w.m.Ghost(w.ctx, long, portal.GhostOptions{})
	w.must(err)
	w.restart()
	if back, ok, err := w.m.RemoteID(w.ctx, user); !ok || back != long || err != nil {
		t.Errorf("%s stands for %.20q (%v, %v)", user, back, ok, err)
	}
	for _, other := range []string{"@_bh_irc:bh.test", "@you:bh.test", "@_bh_rss_bob:bh.test"} {
		if back, ok, err := w.m.RemoteID(w.ctx, w.hs.User(other[1:]).ID); ok || err != nil {
			t.Errorf("%s stands for %q (%v)", other, back, err)
		}
	}
	if _, err := w.m.Ghost(w.ctx, "", portal.GhostOptions{}); err == nil {
		t.Error("a ghost without a remote id was made")
	}
}
