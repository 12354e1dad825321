package bundle

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxTries bounds the search for versions that go together.
const maxTries = 20_000

// Resolve chooses one version of each bundle that m needs, also by way of others: the newest
// that all who want it agree to. offers lists what there is of an id. The answer is by id.
func Resolve(m *Manifest, offers func(id string) ([]Listed, error)) ([]Listed, error) {
	r := &resolver{root: m.ID, offers: offers, known: map[string][]Listed{}, chosen: map[string]Listed{}, wanted: map[string][]want{}}
	r.want(m.ID, m.Version, m.Depends)
	ok, err := r.next()
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, r.conflict
	}
	var list []Listed
	for _, id := range slices.Sorted(maps.Keys(r.chosen)) {
		list = append(list, r.chosen[id])
	}
	return list, nil
}

// want is what one bundle asks of another.
type want struct {
	by    string // "org.example.lounge 1.4.0"
	owner string // its id
	r     Range
}

type resolver struct {
	root     string
	offers   func(id string) ([]Listed, error)
	known    map[string][]Listed
	chosen   map[string]Listed
	wanted   map[string][]want
	conflict error // the first that was met
	tries    int
}

func (r *resolver) want(id, version string, depends map[string]string) {
	for dep, text := range depends {
		if c, err := ParseRange(text); err == nil { // manifests and indexes were checked
			r.wanted[dep] = append(r.wanted[dep], want{id + " " + version, id, c})
		}
	}
}

func (r *resolver) unwant(owner string) {
	for dep := range r.wanted {
		r.wanted[dep] = slices.DeleteFunc(r.wanted[dep], func(w want) bool { return w.owner == owner })
	}
}

// next chooses for one more id, and goes back when no choice leads to an end.
func (r *resolver) next() (bool, error) {
	id := r.open()
	if id == "" {
		return true, nil
	}
	if id == r.root {
		return false, refuse("%s needs %s, which is what is to be installed", r.wanted[id][0].by, id)
	}
	list, err := r.versions(id)
	if err != nil {
		return false, err
	}
	for _, l := range slices.Backward(list) {
		if r.tries++; r.tries > maxTries {
			return false, refuse("the dependencies cannot be chosen in %d tries", maxTries)
		}
		if !r.suits(id, l) {
			continue
		}
		r.chosen[id] = l
		r.want(l.ID, l.Version, l.Depends)
		if r.holds() {
			if ok, err := r.next(); ok || err != nil {
				return ok, err
			}
		}
		r.unwant(id)
		delete(r.chosen, id)
	}
	r.explain(id)
	return false, nil
}

// open is the first id that is wanted and not chosen.
func (r *resolver) open() string {
	for _, id := range slices.Sorted(maps.Keys(r.wanted)) {
		if _, done := r.chosen[id]; !done && len(r.wanted[id]) > 0 {
			return id
		}
	}
	return ""
}

func (r *resolver) versions(id string) ([]Listed, error) {
	if list, ok := r.known[id]; ok {
		return list, nil
	}
	list, err := r.offers(id)
	r.known[id] = list
	return list, err
}

func (r *resolver) suits(id string, l Listed) bool {
	v, err := ParseVersion(l.Version)
	return err == nil && !slices.ContainsFunc(r.wanted[id], func(w want) bool { return !w.r.Has(v) })
}

// holds tells whether what is chosen suits what is wanted now.
func (r *resolver) holds() bool {
	for _, id := range slices.Sorted(maps.Keys(r.chosen)) {
		if !r.suits(id, r.chosen[id]) {
			r.explain(id)
			return false
		}
	}
	return true
}

// explain keeps who wants what of an id for which nothing was found.
func (r *resolver) explain(id string) {
	if r.conflict != nil {
		return
	}
	var who, there []string
	for _, w := range r.wanted[id] {
		who = append(who, fmt.Sprintf("%s wants %s", w.by, w.r))
	}
	slices.Sort(who)
	for _, l := range r.known[id] {
		there = append(there, l.Version)
	}
	if len(there) == 0 {
		r.conflict = fmt.Errorf("%s of %s, and nobody offers it", strings.Join(who, ", "), id)
		return
	}
	there = there[max(0, len(there)-10):]
	r.conflict = fmt.Errorf("no version of %s suits: %s; there is %s", id, strings.Join(who, ", "), strings.Join(there, ", "))
}
