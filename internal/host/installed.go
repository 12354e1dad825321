package host

import (
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"

	"bridgehost/bundle"
	"bridgehost/capability"
	"bridgehost/engine"
)

// installed is a bundle that bridges.lock names, with the libraries that it requires.
type installed struct {
	shelf     shelf
	entry     bundle.Locked
	libraries []bundle.Locked
}

// installedIn lists the bundles of a lock that run as scripts.
func installedIn(l *bundle.Lock, s shelf) (list []*installed) {
	for _, k := range l.Scripts() {
		list = append(list, &installed{s, k, l.Required(k)})
	}
	return list
}

// found is the script that the bundle is.
func (i *installed) found() found {
	return found{name: i.entry.Name(), path: i.shelf.path(i.entry.SHA256), bundle: i}
}

// same tells whether o is what i is: the same files, with the same rights.
func (i *installed) same(o *installed) bool {
	return reflect.DeepEqual(i, o)
}

// sameFiles tells whether o runs the same files, with whatever rights.
func (i *installed) sameFiles(o *installed) bool {
	files := func(i *installed) (list []string) {
		for _, k := range append([]bundle.Locked{i.entry}, i.libraries...) {
			list = append(list, k.ID+" "+k.SHA256)
		}
		return list
	}
	return slices.Equal(files(i), files(o))
}

// read makes a source of the bundle's file and those of its libraries, and tells what it may
// do. Every file is checked against the lock: what was changed is refused.
func (i *installed) read(values map[string]any) (engine.Source, *permitted, error) {
	src := engine.Source{Name: i.entry.Name(), Files: map[string]string{}, Packages: map[string]map[string]string{}}
	b, err := i.shelf.open(i.entry)
	if err != nil {
		return src, nil, err
	}
	opened := map[string]*bundle.Bundle{}
	granted := i.entry.Granted
	for _, k := range i.libraries {
		lib, err := i.shelf.open(k)
		if err != nil {
			return src, nil, err
		}
		opened[k.ID] = lib
		granted = append(granted[:len(granted):len(granted)], k.Granted...)
	}
	if err := addPackage(&src, "", b, opened); err != nil {
		return src, nil, err
	}
	for id, lib := range opened {
		if err := addPackage(&src, "@"+id, lib, opened); err != nil {
			return src, nil, err
		}
	}
	src.Main, src.Version = b.Manifest.Main, b.Manifest.Version
	p, err := permit(granted, b.Manifest.Config, values)
	if err != nil {
		return src, nil, fmt.Errorf("%s: %w", i.entry.ID, err)
	}
	p.files = b.Files
	if _, err := manifestLimits(b.Manifest); err != nil {
		src.Bad = manifestError(err)
	}
	return src, p, nil
}

// addPackage puts a bundle's Lua into src, its specs left out, and what it requires of others.
func addPackage(src *engine.Source, pkg string, b *bundle.Bundle, libraries map[string]*bundle.Bundle) error {
	for name, data := range b.Files {
		if name == bundle.File || strings.HasSuffix(name, ".lua") && !isSpec(name) {
			src.Files[path.Join(pkg, name)] = string(data)
		}
	}
	src.Packages[pkg] = packagesOf(b.Manifest, libraries)
	if err := fits(b.Manifest, libraries); err != nil {
		return &bundle.Refused{File: bundle.LockFile, Reason: err.Error() + ": the lock was changed"}
	}
	return nil
}

// isSpec tells the files of a bundle that are tests.
func isSpec(name string) bool {
	return strings.HasSuffix(name, "_spec.lua") || strings.HasPrefix(name, "spec/") || strings.Contains(name, "/spec/")
}

// permitted is what a script may do, and the list that it was read from.
type permitted struct {
	list   []string
	grants *capability.Grants
	values func(key string) []string
	files  assetFiles // of the bundle
}

// permit reads what was granted. Scopes with ${config.KEY} take the owner's values, and for
// keys that the owner did not set the manifest's defaults.
func permit(granted []string, schema, values map[string]any) (*permitted, error) {
	p := &permitted{values: func(key string) []string { return texts(values[key]) }}
	for _, text := range granted {
		p.list = append(p.list, withDefaults(text, schema, values)...)
	}
	var err error
	p.grants, err = capability.ParseGrants(p.list, p.values)
	return p, err
}

// both is what p or o allows, for the moment in which one takes the other's place.
func (p *permitted) both(o *permitted) *capability.Grants {
	if o == nil {
		return p.grants
	}
	had, err := capability.ParseGrants(append(o.list[:len(o.list):len(o.list)], p.list...), func(key string) []string {
		return append(p.values(key), o.values(key)...)
	})
	if err != nil {
		return p.grants
	}
	return had
}
