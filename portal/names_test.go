package portal_test

import (
	"strings"
	"testing"

	"bridgehost/matrix"
	"bridgehost/portal"
)

var names = portal.Names{Prefix: "_bh_", ServerName: "bh.test"}

func TestGhostNames(t *testing.T) {
	for _, c := range []struct{ remote, local string }{
		{"bob", "_bh_irc_bob"},
		{"Bob", "_bh_irc__bob"},
		{"BOB", "_bh_irc__b_o_b"},
		{"a_b", "_bh_irc_a__b"},
		{"_", "_bh_irc___"},
		{"_A", "_bh_irc____a"},
		{"a.b-c/d+1", "_bh_irc_a.b-c/d+1"},
		{"@you:bh.test", "_bh_irc_=40you=3abh.test"},
		{"=41", "_bh_irc_=3d41"},
		{"ä", "_bh_irc_=c3=a4"},
		{"\x00 \xff", "_bh_irc_=00=20=ff"},
		{"日本", "_bh_irc_=e6=97=a5=e6=9c=ac"},
	} {
		user, exact := names.Ghost("irc", c.remote)
		if want := matrix.NewUserID(c.local, "bh.test"); user != want || !exact {
			t.Errorf("the ghost of %q is %s (exact: %v), want %s", c.remote, user, exact, want)
		}
		if back, ok := names.RemoteID("irc", user); !ok || back != c.remote {
			t.Errorf("%s stands for %q (%v), want %q", user, back, ok, c.remote)
		}
	}
}

func TestWhoIsNoGhost(t *testing.T) {
	for _, user := range []matrix.UserID{
		"", "@", "@alice:bh.test", "@_bh_irc:bh.test", "@_bh_irc_:bh.test", "@_bh_irc_bob:other.test", "@_bh_rss_bob:bh.test",
		"@_bh_irc2_bob:bh.test", "@_bh_irc_Bob:bh.test", "@_bh_irc_b_:bh.test", "@_bh_irc_=4:bh.test", "@_bh_irc_=4G:bh.test",
		"@_bh_irc_=41:bh.test", // what is never written so
		"@_bh_irc_=C3:bh.test", "@_bh_irc_a b:bh.test", "#_bh_irc_bob:bh.test", "_bh_irc_bob:bh.test",
	} {
		if remote, ok := names.RemoteID("irc", user); ok {
			t.Errorf("%q counts as the ghost of %q", user, remote)
		}
	}
}

func TestWhoseUser(t *testing.T) {
	for user, want := range map[matrix.UserID]string{
		"@_bh_irc:bh.test": "irc", "@_bh_irc_bob:bh.test": "irc", "@_bh_irc-2_b__c:bh.test": "irc-2",
		"@_bh_:bh.test": "", "@_bh__x:bh.test": "", "@alice:bh.test": "", "@_bh_irc:other.test": "", "": "",
	} {
		if script, ok := names.Script(user); script != want || ok != (want != "") {
			t.Errorf("%q belongs to %q (%v), want %q", user, script, ok, want)
		}
	}
	if bot := names.Bot("irc"); bot != "@_bh_irc:bh.test" {
		t.Errorf("the bot is %s", bot)
	}
}

func TestLongNames(t *testing.T) {
	room := matrix.MaxIDLength - len("@_bh_irc_:bh.test")
	fits := strings.Repeat("a", room)
	if user, exact := names.Ghost("irc", fits); !exact || len(user) != matrix.MaxIDLength {
		t.Errorf("%d bytes that fit make an id of %d (exact: %v)", room, len(user), exact)
	}
	seen := map[matrix.UserID]string{}
	for _, remote := range []string{fits + "a", fits + "b", strings.Repeat("ä", 90), strings.Repeat("ä", 91), strings.Repeat("A", 5000), strings.Repeat("=", 300)} {
		user, exact := names.Ghost("irc", remote)
		again, _ := names.Ghost("irc", remote)
		switch {
		case exact || len(user) > matrix.MaxIDLength:
			t.Errorf("%d bytes make an id of %d (exact: %v)", len(remote), len(user), exact)
		case again != user:
			t.Errorf("the same remote id gives %s and %s", user, again)
		case seen[user] != "":
			t.Errorf("two remote ids give %s", user)
		}
		seen[user] = remote
		if script, ok := names.Script(user); !ok || script != "irc" {
			t.Errorf("%s belongs to %q", user, script)
		}
		if back, ok := names.RemoteID("irc", user); ok {
			t.Errorf("%s was cut, and stands for %q", user, back)
		}
	}
}

// FuzzNames: every remote id has one ghost of at most 255 bytes, and leads back unless it was cut.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"", "bob", "Bob_2", "=3d", "_", "__", "日本", "\x00\xff", strings.Repeat("A", 200), strings.Repeat("=_", 120)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, remote string) {
		user, exact := names.Ghost("irc", remote)
		if _, err := matrix.ParseUserID(string(user)); err != nil {
			t.Fatalf("the ghost of %q: %v", remote, err)
		}
		if user.Server() != "bh.test" || strings.ToLower(string(user)) != string(user) {
			t.Fatalf("the ghost of %q is %s", remote, user)
		}
		back, ok := names.RemoteID("irc", user)
		if ok != (exact && remote != "") || ok && back != remote {
			t.Fatalf("%q → %s → %q (%v, exact %v)", remote, user, back, ok, exact)
		}
		// The other way: what is read from any id is written as that id again.
		any := matrix.NewUserID("_bh_irc_"+remote, "bh.test")
		if back, ok := names.RemoteID("irc", any); ok {
			if again, exact := names.Ghost("irc", back); exact && again != any {
				t.Fatalf("%s → %q → %s", any, back, again)
			}
		}
	})
}
