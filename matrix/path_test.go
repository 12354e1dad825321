package matrix

import (
	"net/url"
	"strings"
	"testing"
)

func TestPathEncodesEverySegmentAsAWhole(t *testing.T) {
	for segment, want := range map[string]string{
		"!room:example.org": "/%21room%3Aexample.org",
		"a/b":               "/a%2Fb",
		"a?b=c":             "/a%3Fb%3Dc",
		"a#b":               "/a%23b",
		"100%":              "/100%25",
		"a+b c":             "/a%2Bb%20c",
		".":                 "/%2E",
		"..":                "/%2E%2E",
		"...":               "/...",
		"m.room.name":       "/m.room.name",
		"ключ":              "/%D0%BA%D0%BB%D1%8E%D1%87",
		"":                  "/",
	} {
		if got := Path(segment); got != want {
			t.Errorf("Path(%q) = %q, want %q", segment, got, want)
		}
	}
}

func TestRawPathKeepsWhatIsEscaped(t *testing.T) {
	path, query := RawPath("_matrix/client/v3/rooms/!r:s/state/a%2Fb?x=1")
	if want := "/_matrix/client/v3/rooms/%21r%3As/state/a%2Fb"; path != want {
		t.Errorf("path = %q, want %q", path, want)
	}
	if query.Get("x") != "1" {
		t.Errorf("query = %v", query)
	}
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"a/b", "..", "%2e", "\x00", "a?b#c+d", "é\xff"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		path := Path(a, b)
		parts := strings.Split(path, "/")
		if len(parts) != 3 {
			t.Fatalf("%q, %q became %q: not two segments", a, b, path)
		}
		for n, want := range []string{a, b} {
			got, err := url.PathUnescape(parts[n+1])
			if err != nil || got != want {
				t.Fatalf("%q came back as %q (%v)", want, got, err)
			}
		}
		u, err := url.Parse("http://example.org" + path)
		if err != nil || u.EscapedPath() != path || u.RawQuery != "" || u.Fragment != "" {
			t.Fatalf("%q is sent as %q (%v)", path, u.EscapedPath(), err)
		}
		RawPath(a)
	})
}

func FuzzIDs(f *testing.F) {
	for _, s := range []string{"@a:b", "!r", "#x:y", "$e/+", "@:b", "@a", ":", "@\x00:b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if u, err := ParseUserID(s); err == nil {
			if u.Server() == "" || NewUserID(u.Localpart(), u.Server()) != u || len(s) > MaxIDLength {
				t.Fatalf("user ID %q does not come apart", s)
			}
		}
		if a, err := ParseRoomAlias(s); err == nil && "#"+a.Localpart()+":"+a.Server() != s {
			t.Fatalf("alias %q does not come apart", s)
		}
		_, _ = ParseRoomID(s)
		_, _ = ParseEventID(s)
	})
}

func FuzzParseEvent(f *testing.F) {
	f.Add([]byte(`{"type":"m.room.member","state_key":"@a:b","content":{"membership":"join"}}`))
	f.Add([]byte(`{"type":"x","content":null}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := ParseEvent(raw)
		if err == nil && (e.Type == "" || len(e.Content) == 0 || string(e.Raw) != string(raw)) {
			t.Fatalf("%q became %+v", raw, e)
		}
	})
}
