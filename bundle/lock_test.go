package bundle

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const lockText = `# written by bridgehost, meant to be committed
version = 1

[[bundle]]
id = "org.example.irc-lounge"
version = "1.4.0"
source = "https://example.org/b/irc-lounge-1.4.0.bridge"
sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
publisher = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
granted = ["kv", "net:connect irc.libera.chat:6697"]
requires = ["org.example.irc-parser@2.1.3"]

[[bundle]]
id = "org.example.irc-parser"
version = "2.1.3"
source = "https://example.org/b/irc-parser-2.1.3.bridge"
sha256 = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
granted = []
requires = []
`

func TestLock(t *testing.T) {
	l, err := ParseLock(lockText)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := l.Text(); err != nil || again != lockText {
		t.Errorf("%v\n%s", err, again)
	}
	slices.Reverse(l.Bundles)
	l.Bundles[1].Granted = []string{"net:connect irc.libera.chat:6697", "kv", "kv"}
	if again, err := l.Text(); err != nil || again != lockText {
		t.Errorf("out of order: %v\n%s", err, again)
	}
	if by := l.NeededBy("org.example.irc-parser", "2.1.3"); !slices.Equal(by, []string{"irc-lounge"}) {
		t.Errorf("%q", by)
	}
	k, ok := l.Find("irc-lounge")
	if !ok || k.Version != "1.4.0" {
		t.Errorf("%+v", k)
	}
	k.Version = "1.5.0"
	l.Put(k)
	if k, _ := l.Find("irc-lounge"); k.Version != "1.5.0" || len(l.Bundles) != 2 {
		t.Errorf("%+v", l)
	}
	l.Remove("irc-parser")
	if _, err := l.Text(); err == nil || !strings.Contains(err.Error(), "requires org.example.irc-parser@2.1.3, which is not in it") {
		t.Errorf("a dependency was removed: %v", err)
	}
	l.Put(Locked{ID: "org.example.irc-parser", As: "second", Version: "2.1.3", Source: "/b", SHA256: k.SHA256})
	if _, err := l.Text(); err != nil {
		t.Error(err)
	}
	if k, ok := l.Find("second"); !ok || k.ID != "org.example.irc-parser" {
		t.Errorf("%+v", k)
	}
}

func TestTamperedLocks(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"version = 1\n", "version = 2\n", "made by a newer bridgehost"},
		{"version = 1\n", "", "its version is missing"},
		{"version = 1\n", "version = 1\nevil = 1\n", "unknown key 'evil'"},
		{"granted", "grantd", "unknown key 'bundle.grantd'"},
		{"org.example.irc-lounge", "irc-lounge", "no id of a bundle"},
		{"irc-lounge\"", "irc-l\u043eunge\"", "no id of a bundle"},
		{`"1.4.0"`, `"1.4"`, `"1.4" is no version`},
		{"0123456789abcdef\"", "0123456789ABCDEF\"", "its sha256 is not"},
		{"0123456789abcdef\"", "\"", "its sha256 is not"},
		{`"kv"`, `"kw"`, `there is no permission "kw"`},
		{`"kv", `, `"sql", `, "what is granted is not in order"},
		{`"kv", `, `"kv", "kv", `, "stands twice"},
		{"@2.1.3", "@2.1.4", "requires org.example.irc-parser@2.1.4, which is not in it"},
		{"@2.1.3", "", "is no requirement like"},
		{"RWQf6", "RWQf7-", "is no public key"},
		{`id = "org.example.irc-parser"`, `id = "com.evil.irc-lounge"`, "are both called irc-lounge"},
		{`"2.1.3"` + "\n", `"2.1.3"` + "\nas = \"../x\"\n", `"../x" is no name of a script`},
		{`source = "https://example.org/b/irc-lounge-1.4.0.bridge"`, ``, "its source is missing"},
		{"[[bundle]]", "[bundle]", "line "},
		{"# written", "# \u202ewritten", "line 1 is too long or has a character"},
		{"# written", strings.Repeat("a.", 40) + "a = 1\n# written", "line 1 has a key with more than 32 dots"},
		{"# written", strings.Repeat("#\n", maxLock/2) + "# written", "more than 1 MB"},
	} {
		_, err := ParseLock(strings.Replace(lockText, c.old, c.new, 1))
		var refused *Refused
		if !errors.As(err, &refused) || !strings.HasPrefix(err.Error(), "bridges.lock: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: %v, want %s", c.new, err, c.want)
		}
	}
}

func FuzzParseLock(f *testing.F) {
	f.Add(lockText)
	f.Add("version = 1\n")
	f.Add("version = 1\n[[bundle]]\n")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ParseLock(text)
		if err != nil {
			var refused *Refused
			if !errors.As(err, &refused) {
				t.Errorf("an error that is no refusal: %v", err)
			}
			return
		}
		written, err := l.Text()
		if err != nil {
			t.Fatalf("taken, and not to be written: %v", err)
		}
		again, err := ParseLock(written)
		if err != nil {
			t.Fatalf("%v\n%s", err, written)
		}
		if twice, err := again.Text(); err != nil || twice != written || len(again.Bundles) != len(l.Bundles) {
			t.Errorf("%v\n%s\n%s", err, written, twice)
		}
	})
}

// lockedFor is what a lock has of a bundle.
func lockedFor(b *Bundle, publisher string, granted ...string) Locked {
	return Locked{ID: b.Manifest.ID, Version: b.Manifest.Version, Source: "x", SHA256: b.SHA256, Publisher: publisher, Granted: granted}
}

func TestLockAgainstFiles(t *testing.T) {
	key, other := keyOf(t, 1).Public().String(), keyOf(t, 2).Public().String()
	asks := "api = 1\n[permissions]\n\"kv\" = \"remember\"\n\"net:connect\" = { hosts = [\"${config.a}:1\", \"b:2\"], why = \"there\" }\n[optional-permissions]\n\"env\" = \"x\"\n"
	of := func(old, new string) *Bundle {
		t.Helper()
		files := plainFiles()
		files[File] = []byte(strings.Replace(strings.Replace(text, "assets = [\"sounds/*.ogg\"]\n", "", 1), old, new, 1))
		delete(files, "sounds/ping.ogg")
		_, b, err := Pack(files)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	plain, asking := of("", ""), of("api = 1\n", asks)
	newer, older, foreign := of("1.4.0", "1.10.0"), of("1.4.0", "1.3.9"), of("org.example", "com.evil")
	if got := asking.Manifest.Asked(); !slices.Equal(got, []string{"kv", "net:connect ${config.a}:1", "net:connect b:2"}) {
		t.Errorf("%q", got)
	}
	if got := Grown(plain.Manifest, asking.Manifest); !reflect.DeepEqual(got, asking.Manifest.Asked()) {
		t.Errorf("%q", got)
	}
	if got := Grown(asking.Manifest, plain.Manifest); len(got) != 0 {
		t.Errorf("%q", got)
	}
	locked := lockedFor(plain, key)
	changed := lockedFor(plain, key)
	changed.SHA256 = newer.SHA256
	for _, c := range []struct {
		name string
		err  error
		want string // "" for none
	}{
		{"as it was installed", locked.Check(plain, key), ""},
		{"with what was granted", lockedFor(asking, key, "env", "kv", "net:connect b:2").Check(asking, key), ""},
		{"another bundle", locked.Check(foreign, key), "the file holds the bundle com.evil.lounge"},
		{"another version", locked.Check(newer, key), "the lock has version 1.4.0, the file is 1.10.0"},
		{"wrong hash", changed.Check(plain, key), "one of them was changed"},
		{"other key", locked.Check(plain, other), "only a file signed by the old key can name a new one"},
		{"signature gone", locked.Check(plain, ""), "is not signed now"},
		{"signed by somebody now", lockedFor(plain, "").Check(plain, key), "was not signed when it was installed"},
		{"more granted than asked", lockedFor(plain, key, "matrix:raw").Check(plain, key), `it grants "matrix:raw", for which the bundle does not ask`},

		{"update", locked.Successor(newer, key, false), ""},
		{"the same again", locked.Successor(plain, key, false), ""},
		{"back, as was said", locked.Successor(older, key, true), ""},
		{"replayed old version", locked.Successor(older, key, false), "is older than 1.4.0, which is installed; to go back: --to 1.3.9"},
		{"update by another key", locked.Successor(newer, other, false), "only a file signed by the old key"},
		{"back by another key", locked.Successor(older, other, true), "only a file signed by the old key"},
		{"unsigned update", locked.Successor(newer, "", false), "is not signed now"},
		{"same version, other content", locked.Successor(asking, key, false), "a version is never published twice"},
		{"dependency confusion", locked.Successor(foreign, key, false), "com.evil.lounge cannot take the place of org.example.lounge"},
	} {
		if (c.err == nil) != (c.want == "") || c.err != nil && !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, c.err, c.want)
		}
	}
}

func TestRotation(t *testing.T) {
	old, next, evil := keyOf(t, 1), keyOf(t, 2), keyOf(t, 3)
	statement, signature, err := Rotate("org.example.lounge", old, next.Public())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Rotated("org.example.lounge", statement, signature, old.Public()); err != nil || got.String() != next.Public().String() {
		t.Errorf("%v, %s", err, got)
	}
	_, byEvil, err := Rotate("org.example.lounge", evil, next.Public())
	if err != nil {
		t.Fatal(err)
	}
	bundleSignature, err := signBytes(statement, "bundle:x version:1.0.0 sha256:00", old)
	if err != nil {
		t.Fatal(err)
	}
	swapped, err := signBytes(evil.Public().File(), "publisher:org.example.lounge old:"+old.Public().String()+" new:"+next.Public().String(), old)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, id             string
		statement, signature []byte
		want                 string
	}{
		{"signed by the new key", "org.example.lounge", statement, byEvil, "it is signed by the key"},
		{"another bundle's", "org.example.other", statement, signature, "the new key is for org.example.lounge, not for org.example.other"},
		{"another key in the file", "org.example.lounge", evil.Public().File(), signature, "the signature is wrong"},
		{"no statement", "org.example.lounge", statement, bundleSignature, "does not name a new one"},
		{"two keys", "org.example.lounge", evil.Public().File(), swapped, "name different keys"},
	} {
		if _, err := Rotated(c.id, c.statement, c.signature, old.Public()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}
