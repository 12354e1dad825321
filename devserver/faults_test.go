package devserver

import "testing"

func TestEachNthRequestIsRefused(t *testing.T) {
	hs, b := setUp(t, Options{})
	b.register("_bh_x")
	hs.SetFaults(Faults{RateLimitEvery: 3})
	for i := range 7 {
		a := b.as("", "GET", "v3/account/whoami", nil)
		if limited := (i+1)%3 == 0; limited {
			a.expect(t, "a third one", 429, "M_LIMIT_EXCEEDED", "Too Many Requests")
		} else if a.status != 200 {
			t.Errorf("request %d: %s", i, a.raw)
		}
	}
	if hs.Faults().RateLimitEvery != 3 {
		t.Error("the faults are forgotten")
	}
}

func TestUsersAreListedWithWhomTheyBelongTo(t *testing.T) {
	hs, b := setUp(t, Options{})
	before := len(hs.Users())
	hs.User("zoe")
	ghost := b.register("_bh_x")
	found := 0
	for _, u := range hs.Users() {
		if u.ID == "@zoe:bh.test" && !u.Service && u.Displayname == "zoe" || string(u.ID) == ghost && u.Service {
			found++
		}
	}
	if found != 2 || len(hs.Users()) != before+2 {
		t.Errorf("the users: %+v", hs.Users())
	}
	if hs.Reserved("@zoe:bh.test") || !hs.Reserved("@_bh_new:bh.test") {
		t.Error("reserved is who belongs to a service, also before it is registered")
	}
}
