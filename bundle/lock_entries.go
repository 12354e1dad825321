package bundle

import (
	"slices"
	"strings"
)

// full names one version: "org.example.irc-parser@2.1.3".
func (k Locked) full() string { return k.ID + "@" + k.Version }

// place is where the entry stands among others.
func (k Locked) place() string {
	if k.Library {
		return k.ID + " @" + k.Version
	}
	return k.ID + " " + k.Name()
}

// Scripts are the entries that run, without libraries.
func (l *Lock) Scripts() (list []Locked) {
	for _, k := range l.Bundles {
		if !k.Library {
			list = append(list, k)
		}
	}
	return list
}

// Find is the bundle that is installed under a script's name.
func (l *Lock) Find(name string) (Locked, bool) {
	i := slices.IndexFunc(l.Bundles, func(k Locked) bool { return !k.Library && k.Name() == name })
	if i < 0 {
		return Locked{}, false
	}
	return l.Bundles[i], true
}

// Pinned is an entry of that id, by whatever name: whose key and which index count for it.
func (l *Lock) Pinned(id string) (Locked, bool) {
	i := slices.IndexFunc(l.Bundles, func(k Locked) bool { return k.ID == id })
	if i < 0 {
		return Locked{}, false
	}
	return l.Bundles[i], true
}

// Required are the entries that a script requires, in its order.
func (l *Lock) Required(k Locked) (list []Locked) {
	for _, need := range k.Requires {
		i := slices.IndexFunc(l.Bundles, func(o Locked) bool { return o.Library && o.full() == need })
		if i < 0 {
			i = slices.IndexFunc(l.Bundles, func(o Locked) bool { return o.full() == need })
		}
		if i >= 0 { // check let no other through
			list = append(list, l.Bundles[i])
		}
	}
	return list
}

// Put adds a bundle with the libraries that it requires, or replaces the one of that name.
// Libraries that nobody requires any more go.
func (l *Lock) Put(k Locked, libraries ...Locked) {
	l.drop(func(o Locked) bool { return !o.Library && o.Name() == k.Name() })
	l.Bundles = append(l.Bundles, k)
	for _, lib := range libraries {
		lib.Library = true
		l.drop(func(o Locked) bool { return o.Library && o.full() == lib.full() })
		l.Bundles = append(l.Bundles, lib)
	}
	l.prune()
}

// Remove takes the bundle of that name out, and the libraries that only it requires.
func (l *Lock) Remove(name string) {
	l.drop(func(o Locked) bool { return !o.Library && o.Name() == name })
	l.prune()
}

func (l *Lock) drop(which func(Locked) bool) { l.Bundles = slices.DeleteFunc(l.Bundles, which) }

func (l *Lock) prune() {
	l.drop(func(o Locked) bool { return o.Library && len(l.NeededBy(o.ID, o.Version)) == 0 })
}

// NeededBy lists the names of scripts that require this version of that bundle.
func (l *Lock) NeededBy(id, version string) (names []string) {
	for _, k := range l.Bundles {
		if slices.Contains(k.Requires, id+"@"+version) {
			names = append(names, k.Name())
		}
	}
	return names
}

// LooksLike finds an id that is another and looks the same: org.examp1e.irc, org.example.irc.
// Ids have only a-z, 0-9, - and dots.
func LooksLike(id string, ids []string) (other string, ok bool) {
	i := slices.IndexFunc(ids, func(o string) bool { return o != id && looks(o) == looks(id) })
	if i < 0 {
		return "", false
	}
	return ids[i], true
}

var alike = strings.NewReplacer("rn", "m", "vv", "w", "cl", "d", "0", "o", "1", "l", "i", "l", "5", "s", "-", "", "2", "z")

func looks(name string) string { return alike.Replace(name) }
