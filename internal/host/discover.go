package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"bridgehost/bundle"
	"bridgehost/engine"
)

// scriptName is what a script may be called: it becomes part of user ids.
var scriptName = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// reservedNames would collide with the host's own users.
var reservedNames = map[string]bool{"bot": true, "host": true}

// found is one script on disk.
type found struct {
	name, path string
	bundle     *installed // nil for a person's own
}

// CheckName tells what is wrong with a script's name.
func CheckName(name string) error {
	switch {
	case reservedNames[name]:
		return fmt.Errorf("a script cannot be called %q: that name is the host's own", name)
	case !scriptName.MatchString(name):
		return fmt.Errorf("a script cannot be called %q: only a-z, 0-9 and - may stand in a name", name)
	}
	return nil
}

// discover lists the scripts of a folder: NAME.lua, or NAME/ with main.lua or NAME.lua.
// refused says what looks like a script and cannot be one.
func discover(dir string) (scripts []found, refused []error, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("there is no folder of scripts at %s (scripts.dir)", dir)
	} else if err != nil {
		return nil, nil, err
	}
	seen := map[string]string{}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		name, ok := nameOf(path)
		if !ok {
			continue
		}
		if err := CheckName(name); err != nil {
			refused = append(refused, fmt.Errorf("%s: %w", path, err))
			continue
		}
		if other, twice := seen[name]; twice {
			refused = append(refused, fmt.Errorf("%s: there is a script %q already, %s", path, name, other))
			continue
		}
		seen[name] = path
		scripts = append(scripts, found{name: name, path: path})
	}
	return scripts, refused, nil
}

// nameOf is the name of the script at path, if there is one.
func nameOf(path string) (name string, ok bool) {
	base := filepath.Base(path)
	info, err := os.Stat(path)
	if err != nil || strings.HasPrefix(base, ".") {
		return "", false
	}
	if !info.IsDir() {
		name, isLua := strings.CutSuffix(base, ".lua")
		return name, isLua && !strings.HasSuffix(base, "_spec.lua")
	}
	for _, main := range []string{"main.lua", base + ".lua", bundle.File} {
		if _, err := os.Stat(filepath.Join(path, main)); err == nil {
			return base, true
		}
	}
	return "", false
}

// read reads the script's files as they are now, and what it may do with those values of its
// configuration; nil: everything, as a person's own may.
func (f found) read(values map[string]any) (engine.Source, *permitted, error) {
	if f.bundle != nil {
		return f.bundle.read(values)
	}
	src, _, err := readSource(f.name, f.path)
	return src, nil, err
}

// withBundles adds the bundles of bridges.lock to the scripts of a folder.
func (c *Config) withBundles(scripts []found, refused []error) ([]found, []error) {
	l, err := readLock(c.lockPath())
	if err != nil {
		return scripts, append(refused, err)
	}
	for _, i := range installedIn(l, c.shelf()) {
		f := i.found()
		err := CheckName(f.name)
		for _, s := range scripts {
			if s.name == f.name {
				err = fmt.Errorf("there is a script %q already, %s", f.name, s.path)
			}
		}
		if err != nil {
			refused = append(refused, fmt.Errorf("%s in %s: %w", i.entry.ID, bundle.LockFile, err))
			continue
		}
		scripts = append(scripts, f)
	}
	return scripts, refused
}
