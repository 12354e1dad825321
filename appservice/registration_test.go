package appservice

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bridgehost/matrix"
)

func TestNewRegistrationOwnsItsNamespaceOnly(t *testing.T) {
	r, err := NewRegistration(NewOptions{URL: "http://127.0.0.1:29333/", ServerName: "ex-a.mple.org"})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.ASToken) != 64 || len(r.HSToken) != 64 || r.ASToken == r.HSToken {
		t.Error("tokens must be two different ones of 256 bits")
	}
	if *r.URL != "http://127.0.0.1:29333" || r.ID != "bridgehost" {
		t.Errorf("url %q, id %q", *r.URL, r.ID)
	}
	for user, want := range map[matrix.UserID]bool{
		"@_bh_bot:ex-a.mple.org": true, "@_bh_irc_bob:ex-a.mple.org": true, "@alice:ex-a.mple.org": false,
		"@_bh_x:ex-aXmple.org": false, "@_bh_x:ex-a.mple.org.evil": false, "x@_bh_x:ex-a.mple.org": false,
	} {
		if r.OwnsUser(user) != want {
			t.Errorf("OwnsUser(%s) = %v", user, !want)
		}
	}
	if !r.OwnsAlias("#_bh_irc_p_1:ex-a.mple.org") || r.OwnsAlias("#irc:ex-a.mple.org") {
		t.Error("aliases")
	}
	r, err = NewRegistration(NewOptions{ServerName: "a.b", SenderLocalpart: "bridge"})
	if err != nil || r.URL != nil || !r.OwnsUser("@bridge:a.b") || r.OwnsUser("@bridge2:a.b") || r.OwnsUser("@bridge:c.d") {
		t.Errorf("a sender outside the prefix is ours too: %v", err)
	}
	for _, o := range []NewOptions{{}, {ServerName: "a", Prefix: "A B"}, {ServerName: "a", ID: "x|y"}, {ServerName: "a", SenderLocalpart: "Ü"}} {
		if _, err := NewRegistration(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

func TestWriteAndReadKeepsEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registration.yaml")
	r, err := NewRegistration(NewOptions{ServerName: "a.b"})
	if err != nil {
		t.Fatal(err)
	}
	r.Extra = map[string]any{"io.element.msc4190": true}
	if err := r.Write(path, false); err != nil {
		t.Fatal(err)
	}
	if err := r.Write(path, false); !errors.Is(err, ErrExists) {
		t.Errorf("the second write: %v", err)
	}
	if err := r.Write(path, true); err != nil {
		t.Errorf("by force: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".registration-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	got, warn, err := ReadRegistration(path)
	if err != nil || len(warn) > 0 {
		t.Fatalf("%v, %v", warn, err)
	}
	if got.URL != nil || got.ASToken != r.ASToken || got.Extra["io.element.msc4190"] != true || !got.PushEphemeral || !got.OwnsUser("@_bh_x:a.b") {
		t.Errorf("%+v", got)
	}
	if s := got.Show(); strings.Contains(s, r.ASToken) || strings.Contains(s, r.HSToken) || !strings.Contains(s, "set, 64 characters") {
		t.Error(s)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, warn, err = ReadRegistration(path); err != nil || len(warn) != 1 || !strings.Contains(string(warn[0]), "readable by everybody") {
		t.Errorf("%v, %v", warn, err)
	}
}

const good = `id: x
url: null
as_token: a
hs_token: h
sender_localpart: bot
namespaces: {users: [{exclusive: true, regex: "@_bh_.*"}]}
`

func TestReadNamesWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"as_token: a\n", "", "the key as_token is missing"},
		{"as_token: a", "as_token: ''", "the key as_token is empty"},
		{"url: null\n", "", "the key url is missing"},
		{"url: null", "url: localhost:80", `url "localhost:80" is not an http`},
		{"hs_token: h", "hs_token: a", "must differ"},
		{"sender_localpart: bot", "sender_localpart: '@bot:x'", "must be a localpart"},
		{"@_bh_.*", "@(", `namespaces.users[0].regex "@(" is not a regular expression`},
		{"id: x", "id: [", "not readable as YAML: line "},
		{"namespaces: {users: [{exclusive: true, regex: \"@_bh_.*\"}]}", "namespaces: 3", "not readable as YAML"},
	} {
		path := filepath.Join(t.TempDir(), "r.yaml")
		if err := os.WriteFile(path, []byte(strings.Replace(good, c.old, c.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := ReadRegistration(path)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", c.new, err)
		}
	}
	if _, err := parseRegistration([]byte(good)); err != nil {
		t.Error(err)
	}
}

func FuzzRegistration(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseRegistration(data)
		if err == nil {
			r.OwnsUser("@_bh_x:y")
			if strings.Contains(r.Show(), r.ASToken) && len(r.ASToken) > 40 {
				t.Error("a token shows")
			}
		}
	})
}
