package bundle

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// shop makes offers of "a 1.0.0 b^1 c^2".
func shop(t *testing.T, lines ...string) func(string) ([]Listed, error) {
	t.Helper()
	i := &Index{}
	for _, line := range lines {
		words := strings.Fields(line)
		l := Listed{ID: "org.x." + words[0], Version: words[1], Depends: map[string]string{}}
		for _, dep := range words[2:] {
			at := strings.IndexAny(dep, "^=<>~")
			l.Depends["org.x."+dep[:at]] = dep[at:]
		}
		i.Bundles = append(i.Bundles, l)
	}
	return func(id string) ([]Listed, error) { return i.Versions(id), nil }
}

func TestResolve(t *testing.T) {
	for _, c := range []struct {
		name   string
		wants  string // of the root
		offers []string
		want   string // what is chosen, or a part of the error
	}{
		{"nothing", "", nil, ""},
		{"the newest", "a^1", []string{"a 1.0.0", "a 1.10.0", "a 1.9.0", "a 2.0.0"}, "a@1.10.0"},
		{"no forerunner of a version", "a^1", []string{"a 1.0.0", "a 1.1.0-rc.1"}, "a@1.0.0"},
		{"by way of another", "a^1", []string{"a 1.0.0 b^2", "b 1.0.0", "b 2.3.0"}, "a@1.0.0 b@2.3.0"},
		{"two agree", "a^1 b^1", []string{"a 1.0.0 c>=1.2", "b 1.0.0 c<1.5", "c 1.1.0", "c 1.4.0", "c 1.6.0"}, "a@1.0.0 b@1.0.0 c@1.4.0"},
		{"an older one that leads to an end", "a^1 b^1", []string{"a 1.0.0 c^1", "a 1.1.0 c^2", "b 1.0.0 c^1", "c 1.0.0", "c 2.0.0"}, "a@1.0.0 b@1.0.0 c@1.0.0"},
		{"in a circle", "a^1", []string{"a 1.0.0 b^1", "b 1.0.0 a^1"}, "a@1.0.0 b@1.0.0"},
		{"nobody has it", "a^1", nil, "org.x.root 1.0.0 wants ^1 of org.x.a, and nobody offers it"},
		{"too old", "a^2", []string{"a 1.0.0", "a 1.1.0"}, "no version of org.x.a suits: org.x.root 1.0.0 wants ^2; there is 1.0.0, 1.1.0"},
		{"they do not agree", "a^1 b^1", []string{"a 1.0.0 c^1", "b 1.0.0 c^2", "c 1.0.0", "c 2.0.0"},
			"no version of org.x.c suits: org.x.a 1.0.0 wants ^1, org.x.b 1.0.0 wants ^2; there is 1.0.0, 2.0.0"},
		{"itself", "a^1", []string{"a 1.0.0 root^1"}, "org.x.a 1.0.0 needs org.x.root, which is what is to be installed"},
	} {
		m := &Manifest{ID: "org.x.root", Version: "1.0.0", Depends: map[string]string{}}
		for _, dep := range strings.Fields(c.wants) {
			at := strings.IndexAny(dep, "^=<>~")
			m.Depends["org.x."+dep[:at]] = dep[at:]
		}
		for range 5 { // maps have no order
			list, err := Resolve(m, shop(t, c.offers...))
			var got []string
			for _, l := range list {
				got = append(got, strings.TrimPrefix(l.ID, "org.x.")+"@"+l.Version)
			}
			text := strings.Join(got, " ")
			if err != nil {
				text = err.Error()
			}
			if text != c.want {
				t.Errorf("%s: %s, want %s", c.name, text, c.want)
			}
		}
	}
	gone := errors.New("the index does not answer")
	m := &Manifest{ID: "org.x.root", Version: "1.0.0", Depends: map[string]string{"org.x.a": "^1"}}
	if _, err := Resolve(m, func(string) ([]Listed, error) { return nil, gone }); !errors.Is(err, gone) {
		t.Error(err)
	}
}

// TestResolveEnds gives it a choice that it cannot try to the end.
func TestResolveEnds(t *testing.T) {
	var lines []string
	for n := range 20 {
		for v := range 20 {
			lines = append(lines, fmt.Sprintf("b%d 1.%d.0 c^%d", n, v, n%2+1))
		}
	}
	m := &Manifest{ID: "org.x.root", Version: "1.0.0", Depends: map[string]string{}}
	for n := range 20 {
		m.Depends[fmt.Sprintf("org.x.b%d", n)] = "^1"
	}
	_, err := Resolve(m, shop(t, append(lines, "c 1.0.0", "c 2.0.0")...))
	if err == nil {
		t.Error("it found what is not there")
	}
}

// TestResolveAgainstAll compares with trying everything.
func TestResolveAgainstAll(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 400 {
		var lines []string
		for _, id := range []string{"a", "b", "c"} {
			for v := range 1 + random.IntN(3) {
				line := fmt.Sprintf("%s %d.0.0", id, v+1)
				for _, dep := range []string{"a", "b", "c"} {
					if dep != id && random.IntN(3) == 0 {
						line += fmt.Sprintf(" %s^%d", dep, 1+random.IntN(3))
					}
				}
				lines = append(lines, line)
			}
		}
		offers := shop(t, lines...)
		m := &Manifest{ID: "org.x.root", Version: "1.0.0", Depends: map[string]string{"org.x.a": fmt.Sprintf("^%d", 1+random.IntN(3))}}
		list, err := Resolve(m, offers)
		if want := possible(m.Depends, offers, map[string]Listed{}); want != (err == nil) {
			t.Fatalf("%v: %v, %v, want %v", lines, list, err, want)
		}
		chosen := map[string]Listed{}
		for _, l := range list {
			chosen[l.ID] = l
		}
		if err == nil && !possible(m.Depends, nil, chosen) {
			t.Fatalf("%v: %v does not hold", lines, list)
		}
		if err == nil {
			found++
		}
	}
	if found < 20 || found > 380 {
		t.Errorf("%d of 400 can be resolved: the random choice shows little", found)
	}
}

// possible tells whether there is any choice; without offers, whether chosen is one.
func possible(wants map[string]string, offers func(string) ([]Listed, error), chosen map[string]Listed) bool {
	if offers != nil {
		for a := -1; a < 3; a++ {
			for b := -1; b < 3; b++ {
				for c := -1; c < 3; c++ {
					try := map[string]Listed{}
					for id, n := range map[string]int{"org.x.a": a, "org.x.b": b, "org.x.c": c} {
						if list, _ := offers(id); n >= 0 && n < len(list) {
							try[id] = list[n]
						}
					}
					if possible(wants, nil, try) {
						return true
					}
				}
			}
		}
		return false
	}
	all := []map[string]string{wants}
	for _, l := range chosen {
		all = append(all, l.Depends)
	}
	for _, wants := range all {
		for id, text := range wants {
			r, _ := ParseRange(text)
			v, err := ParseVersion(chosen[id].Version)
			if err != nil || !r.Has(v) {
				return false
			}
		}
	}
	return true
}
