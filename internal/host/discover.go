package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"bridgehost/bundle"
	"bridgehost/diag"
	"bridgehost/engine"
)

// scriptName is what a script may be called: it becomes part of user ids.
var scriptName = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// reservedNames would collide with the host's own users.
var reservedNames = map[string]bool{"bot": true, "host": true}

// found is one script on disk.
type found struct{ name, path string }

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
		scripts = append(scripts, found{name, path})
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
	for _, main := range []string{bundle.ManifestName, "main.lua", base + ".lua"} {
		if _, err := os.Stat(filepath.Join(path, main)); err == nil {
			return base, true
		}
	}
	return "", false
}

// read reads the script's files as they are now, and its manifest. What is wrong with the
// manifest keeps the source from loading.
func (f found) read() (engine.Source, *bundle.Manifest, error) {
	m, err := bundle.ReadManifest(f.path)
	var wrong *bundle.Error
	if err != nil && !errors.As(err, &wrong) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return engine.Source{}, nil, err
	}
	if m == nil {
		m = &bundle.Manifest{}
	}
	src, err := engine.ReadSource(f.name, f.path, m.Main)
	if wrong != nil {
		src.Name, src.Wrong, err = f.name, manifestError(wrong), nil
	}
	if src.Files == nil {
		src.Files = map[string]string{}
	}
	if text, failed := os.ReadFile(filepath.Join(f.path, bundle.ManifestName)); failed == nil {
		src.Files[bundle.ManifestName] = string(text) // a change of it is a change of the script
	}
	return src, m, err
}

// limits are those of the host, or less where the manifest asks for less. They hold from the
// script's first start to the host's end.
func (f found) limits(l engine.Limits) engine.Limits {
	m, err := bundle.ReadManifest(f.path)
	if m == nil || err != nil { // an error is told when it is loaded
		return l
	}
	var memory Size
	var cpu Duration
	if memory.UnmarshalText([]byte(m.Limits.Memory)) == nil && memory > 0 {
		l.Memory = min(l.Memory, int64(memory))
	}
	if cpu.UnmarshalText([]byte(m.Limits.CPU)) == nil && cpu > 0 {
		l.CPU = min(l.CPU, time.Duration(cpu))
	}
	return l
}

// manifestError is what is wrong with a manifest, as authors see it.
func manifestError(e *bundle.Error) *diag.Error {
	d := &diag.Error{Kind: diag.KindUsage, Code: "E_MANIFEST", Message: e.Message, Where: e.File}
	if e.Line > 0 {
		d.Where = fmt.Sprintf("%s:%d", e.File, e.Line)
		d.Marks = []diag.Mark{{File: e.File, Line: e.Line}}
	}
	if s := diag.Suggest(e.Key, e.Known); s != "" {
		d.Hint = fmt.Sprintf("did you mean %q?", s)
	}
	return d
}
