package bundle

import (
	"slices"
	"strings"
	"testing"
)

func TestRanges(t *testing.T) {
	for _, c := range []struct{ r, in, out string }{
		{"^2.1", "2.1.0 2.1.3 2.9.9", "2.0.9 3.0.0 1.9.0 3.0.0-rc.1 2.2.0-rc.1"},
		{"^0.3", "0.3.0 0.3.9", "0.4.0 0.2.9 1.0.0"},
		{"~1.4.2", "1.4.2 1.4.9", "1.4.1 1.5.0"},
		{">=0.3, <1.0", "0.3.0 0.9.9", "0.2.9 1.0.0 1.0.0-rc.1"},
		{"1.4.0", "1.4.0 1.4.0+build", "1.4.1"},
		{"=1.4.0-rc.1", "1.4.0-rc.1", "1.4.0 1.4.0-rc.2"},
		{">=2.0.0-rc.1", "2.0.0-rc.1 2.0.0 2.0.0-rc.10", "2.0.0-beta"},
		{">1.9", "1.10.0 2.0.0", "1.8.0"},
	} {
		r, err := ParseRange(c.r)
		if err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string]bool{c.in: true, c.out: false} {
			for _, word := range strings.Fields(text) {
				v, err := ParseVersion(word)
				if err != nil || r.Has(v) != want {
					t.Errorf("%s in %s: %v, want %v (%v)", word, c.r, !want, want, err)
				}
			}
		}
	}
	for _, wrong := range []string{"", "*", "latest", "^", "1.x", "^1 || ^2", "1 - 2", ">=1,", "^99999999999999999999", strings.Repeat(">1,", 100) + ">1"} {
		if r, err := ParseRange(wrong); err == nil {
			t.Errorf("%q was taken as %v", wrong, r)
		}
	}
	for _, wrong := range []string{"", "1", "1.2", "v1.2.3", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3-a..b", "1.2.-3", " 1.2.3", "1.2.3\n"} {
		if v, err := ParseVersion(wrong); err == nil {
			t.Errorf("%q was taken as %v", wrong, v)
		}
	}
}

func TestBest(t *testing.T) {
	var versions []Version
	for _, text := range strings.Fields("1.0.0 1.10.0 1.9.0 2.0.0 1.11.0-rc.1") {
		v, err := ParseVersion(text)
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, v)
	}
	r, _ := ParseRange("^1")
	if best, ok := r.Best(versions); !ok || best.String() != "1.10.0" {
		t.Errorf("%v, %v", best, ok)
	}
	r, _ = ParseRange("^3")
	if best, ok := r.Best(versions); ok {
		t.Errorf("%v", best)
	}
	slices.SortFunc(versions, Version.Compare)
	if versions[4].String() != "2.0.0" || versions[3].String() != "1.11.0-rc.1" {
		t.Errorf("%v", versions)
	}
}

func TestDependencies(t *testing.T) {
	m, err := Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	d := m.Dependencies()
	if len(d) != 1 || d[0].ID != "org.example.irc-parser" || d[0].Module != "irc-parser" || d[0].Range.String() != "^2.1" || m.Module() != "irc-lounge" {
		t.Errorf("%+v", d)
	}
}

func FuzzRange(f *testing.F) {
	f.Add("^2.1", "2.1.0")
	f.Add(">=0.3, <1.0-rc.1", "0.3.0-a+b")
	f.Fuzz(func(t *testing.T, r, v string) {
		rr, err := ParseRange(r)
		if err != nil {
			return
		}
		vv, err := ParseVersion(v)
		if err != nil {
			return
		}
		rr.Has(vv)
		if vv.String() != v || vv.Compare(vv) != 0 {
			t.Errorf("%q became %q", v, vv)
		}
	})
}
