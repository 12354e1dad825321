package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var today = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// listed is an index with three versions of one bundle, and one of another of that name.
func listed(t testing.TB) *Index {
	t.Helper()
	i := &Index{Name: "Example's bridges", Serial: 7, Expires: today.Add(90 * 24 * time.Hour)}
	for _, change := range []string{"1.4.0", "1.10.0", "1.9.0", "2.0.0"} {
		files := plainFiles()
		manifest := strings.Replace(text, "1.4.0", change, 1)
		if change == "2.0.0" {
			manifest = strings.Replace(manifest, "org.example", "com.other", 1)
		}
		files[File] = []byte(manifest)
		raw, b, err := Pack(files)
		if err != nil {
			t.Fatal(err)
		}
		i.Bundles = append(i.Bundles, List(b, b.Manifest.FileName(), len(raw)))
	}
	return i
}

func TestIndex(t *testing.T) {
	key := keyOf(t, 1)
	raw, signature, err := SignIndex(listed(t), key)
	if err != nil {
		t.Fatal(err)
	}
	i, err := ReadIndex(raw, signature, key.Public(), today, 7)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := ParseRange("^1")
	if best, ok := i.Find("org.example.lounge", r); !ok || best.Version != "1.10.0" {
		t.Errorf("%+v", best)
	}
	if _, ok := i.Find("lounge", r); ok {
		t.Error("found by a part of its id")
	}
	if ids := i.Called("lounge"); !slices.Equal(ids, []string{"com.other.lounge", "org.example.lounge"}) {
		t.Errorf("%q", ids)
	}
	if ids := i.Called("org.example.lounge"); !slices.Equal(ids, []string{"org.example.lounge"}) {
		t.Errorf("%q", ids)
	}
	if again, _, err := SignIndex(i, key); err != nil || !bytes.Equal(again, raw) {
		t.Errorf("%v: another edition of the same has other bytes", err)
	}
	_, b, err := Pack(plainFiles())
	if err != nil {
		t.Fatal(err)
	}
	right := i.Versions("org.example.lounge")[0]
	hash, version, publisher := right, right, right
	hash.SHA256, version.Version, publisher.Publisher = i.Bundles[0].SHA256, "1.4.1", key.Public().String()
	for _, c := range []struct {
		l    Listed
		want string
	}{{right, ""}, {hash, "the index has sha256"}, {version, "the index calls it org.example.lounge 1.4.1"}, {publisher, "name different publishers"}} {
		if err := c.l.Matches(b); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

func TestAttacksOnIndexes(t *testing.T) {
	key := keyOf(t, 1)
	good, signature, err := SignIndex(listed(t), key)
	if err != nil {
		t.Fatal(err)
	}
	signed := func(old, new string) ([]byte, []byte) {
		raw := bytes.Replace(good, []byte(old), []byte(new), 1)
		if old != "" && bytes.Equal(raw, good) {
			t.Fatalf("%q is not there", old)
		}
		s, err := signBytes(raw, listed(t).comment(), key)
		if err != nil {
			t.Fatal(err)
		}
		return raw, s
	}
	type attack struct {
		name           string
		raw, signature []byte
		key            PublicKey
		now            time.Time
		seen           int64
		want           string
	}
	attacks := []attack{
		{"expired", good, signature, key.Public(), today.Add(90 * 24 * time.Hour), 0, "it expired on 2026-05-30"},
		{"old edition", good, signature, key.Public(), today, 8, "an old edition (serial 7, seen was 8)"},
		{"other key", good, signature, keyOf(t, 2).Public(), today, 0, "it is signed by the key"},
		{"changed", bytes.Replace(good, []byte("1.9.0"), []byte("1.9.1"), 1), signature, key.Public(), today, 0, "the signature is wrong"},
		{"not signed", good, nil, key.Public(), today, 0, "not of the four lines"},
		{"huge", make([]byte, maxIndex+1), signature, key.Public(), today, 0, "more than 8 MB"},
	}
	for _, c := range []struct{ old, new, want string }{
		{`"serial": 7`, `"serial": 70`, "its signature is for another"},
		{"2026-05-30T12:00:00Z", "2036-05-30T12:00:00Z", "its signature is for another"},
		{`"expires": "2026-05-30T12:00:00Z",`, "", "the day on which it expires is missing"},
		{`"version": 1,`, `"version": 2,`, "it has version 2"},
		{`"serial": 7`, `"serial": 0`, "its serial is missing"},
		{`"serial"`, `"extra": 1, "serial"`, `unknown field "extra"`},
		{"]\n}\n", "]\n}\n{}", "something stands behind its end"},
		{"{", "[", "it cannot be read"},
		{"Example's bridges", `\u001b[2J`, "its name is missing, too long, or has a character"},
		{"org.example.lounge", "org.ex\u0430mple.lounge", "U+0430, which may look like a letter"},
		{"org.example.lounge", "lounge", "no id of a bundle"},
		{`"1.9.0"`, `"1.9"`, "is no version"},
		{`"version": "1.9.0"`, `"version": "1.10.0"`, "org.example.lounge 1.10.0 stands twice"},
		{`"url": "lounge-1.9.0.bridge"`, `"url": "file:///etc/passwd"`, "is no web address"},
		{`"url": "lounge-1.9.0.bridge"`, `"url": "https://user:pw@example.org/x"`, "is no web address"},
		{`"url": "lounge-1.9.0.bridge"`, `"url": "javascript:x"`, "is no web address"},
		{`"url": "lounge-1.9.0.bridge"`, `"url": ""`, "is no web address"},
		{`"sha256": "`, `"sha256": "0`, "its sha256 is not"},
		{`"size": `, `"size": 999999999`, "a bundle cannot have"},
		{`"size": `, `"size": -`, "a bundle cannot have"},
		{`"size": `, `"publisher": "RW", "size": `, "is no public key"},
		{`"size": `, `"dependencies": {"x": "^1"}, "size": `, "is no dependency"},
		{`"name": "Lounge"`, `"name": "Lou\u202enge"`, "a character that is not seen (U+202E)"},
	} {
		raw, s := signed(c.old, c.new)
		attacks = append(attacks, attack{c.new, raw, s, key.Public(), today, 0, c.want})
	}
	for _, a := range attacks {
		_, err := ReadIndex(a.raw, a.signature, a.key, a.now, a.seen)
		var refused *Refused
		if !errors.As(err, &refused) || !strings.HasPrefix(err.Error(), "index.json: ") || !strings.Contains(err.Error(), a.want) {
			t.Errorf("%s: %v, want %s", a.name, err, a.want)
		}
	}
	many := &Index{Name: "x", Serial: 1, Expires: today}
	for n := range maxListed + 1 {
		many.Bundles = append(many.Bundles, Listed{ID: fmt.Sprintf("a.b%d", n), Version: "1.0.0"})
	}
	if _, _, err := SignIndex(many, key); err == nil || !strings.Contains(err.Error(), "more than 20000 bundles") {
		t.Error(err)
	}
}

func FuzzParseIndex(f *testing.F) {
	key := keyOf(f, 1)
	raw, _, err := SignIndex(listed(f), key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"version":1,"name":"x","serial":1,"expires":"2026-01-01T00:00:00+02:00","bundles":null}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		i, err := ParseIndex(raw)
		if err != nil {
			var refused *Refused
			if !errors.As(err, &refused) {
				t.Errorf("an error that is no refusal: %v", err)
			}
			return
		}
		written, signature, err := SignIndex(i, key)
		if err != nil {
			t.Fatalf("taken, and not to be written: %v", err)
		}
		if _, err := ReadIndex(written, signature, key.Public(), i.Expires.Add(-time.Second), i.Serial); err != nil {
			t.Errorf("%v\n%s", err, written)
		}
	})
}
