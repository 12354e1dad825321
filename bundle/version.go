package bundle

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Version is a version as semver.org has it.
type Version struct{ v *semver.Version }

// ParseVersion reads major.minor.patch, with or without -PRE and +BUILD.
func ParseVersion(text string) (Version, error) {
	if !versionForm.MatchString(text) {
		return Version{}, fmt.Errorf(`%.100q is no version like "1.4.0" (major.minor.patch)`, text)
	}
	v, err := semver.StrictNewVersion(text)
	if err != nil {
		return Version{}, fmt.Errorf("%.100q is no version: %w", text, err)
	}
	return Version{v}, nil
}

// String is the version as it was written.
func (v Version) String() string { return v.v.Original() }

// Compare is -1, 0 or 1 as v is older than, as old as, or newer than o.
func (v Version) Compare(o Version) int { return v.v.Compare(o.v) }

// Range is which versions will do: "^2.1", or several conditions that all hold: ">=0.3, <1.0".
type Range struct {
	text string
	c    *semver.Constraints
}

// ParseRange reads a range.
func ParseRange(text string) (Range, error) {
	wrong := fmt.Errorf(`%.100q is no range of versions like "^2.1" or ">=0.3, <1.0"`, text)
	if len(text) > 200 || !isRange(text) {
		return Range{}, wrong
	}
	c, err := semver.NewConstraint(text)
	if err != nil {
		return Range{}, wrong
	}
	return Range{text, c}, nil
}

// String is the range as it was written.
func (r Range) String() string { return r.text }

// Has tells whether v is in the range. A version like 2.0.0-rc.1 is in none that does not name one.
func (r Range) Has(v Version) bool { return r.c.Check(v.v) }

// Best is the newest of versions that is in the range.
func (r Range) Best(versions []Version) (best Version, ok bool) {
	for _, v := range versions {
		if r.Has(v) && (!ok || v.Compare(best) > 0) {
			best, ok = v, true
		}
	}
	return best, ok
}

// Dependency is another bundle that is needed.
type Dependency struct {
	ID     string
	Range  Range
	Module string // what require calls it
}

// Module is what others require a bundle as: the last part of its id.
func (m *Manifest) Module() string { return moduleOf(m.ID) }

func moduleOf(id string) string { return id[strings.LastIndexByte(id, '.')+1:] }

// Dependencies are the bundles that are needed, by id.
func (m *Manifest) Dependencies() []Dependency {
	var list []Dependency
	for _, id := range slices.Sorted(maps.Keys(m.Depends)) {
		r, err := ParseRange(m.Depends[id])
		if err != nil {
			continue // Parse let none of these through
		}
		list = append(list, Dependency{id, r, moduleOf(id)})
	}
	return list
}

// ownModules refuses files that a dependency's name would hide.
func (m *Manifest) ownModules(files map[string]string) error {
	for _, d := range m.Dependencies() {
		for _, file := range []string{d.Module + ".lua", d.Module + "/init.lua"} {
			if _, both := files[file]; both {
				return refuse(`require "%s" would mean the file %s and the dependency %s; rename the file`, d.Module, file, d.ID)
			}
		}
	}
	return nil
}
