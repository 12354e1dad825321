package host

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bridgehost/bundle"
	"bridgehost/diag"
	"bridgehost/engine"
	"bridgehost/lint"
)

// Checked is what looking at scripts found, without running them.
type Checked struct {
	OK       bool           `json:"ok"`
	Errors   int            `json:"errors"`
	Warnings int            `json:"warnings"`
	Found    []diag.Finding `json:"diagnostics"`
	Files    int            `json:"files"`
}

// ErrFound is returned when a check found errors; they were shown.
var ErrFound error = &scriptError{text: "the check found errors, see above"}

// CheckFiles looks at the script at path, or at all scripts in that folder.
func CheckFiles(path string) (Checked, error) {
	all, err := scriptsAt(path)
	if err != nil {
		return Checked{}, err
	}
	c := Checked{Found: []diag.Finding{}}
	for _, f := range all {
		n, found, err := checkScript(f)
		if err != nil {
			return Checked{}, err
		}
		c.Files += n
		c.Found = append(c.Found, found...)
	}
	c.Errors, c.Warnings = diag.Count(c.Found)
	c.OK = c.Errors == 0
	return c, nil
}

// scriptsAt is what a person means by path; the paths found are below it as it was written.
func scriptsAt(path string) ([]found, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(abs)
	if err != nil {
		return nil, fmt.Errorf("there is nothing to check at %s: %w", path, err)
	}
	if name, ok := nameOf(abs); ok {
		return []found{{name: name, path: path}}, nil
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is no script: a file that ends in .lua is expected, or a folder; tests are checked with their script", path)
	}
	all, _, err := discover(path)
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("there is no script in %s: neither main.lua nor %s.lua nor %s, and no folder with one; make one: bridgehost new NAME",
			path, filepath.Base(abs), bundle.File)
	}
	return all, err
}

// checkScript looks at one script, its specs and its manifest.
func checkScript(f found) (files int, list []diag.Finding, err error) {
	src, err := engine.ReadSource(f.name, f.path)
	if err != nil {
		return 0, nil, err
	}
	dir := f.path
	if strings.HasSuffix(dir, ".lua") {
		dir = filepath.Dir(dir)
	}
	s := lint.Script{Main: src.Main, Files: maps.Clone(src.Files)}
	for _, spec := range specsOf(f) {
		text, err := os.ReadFile(spec)
		if err != nil {
			return 0, nil, err
		}
		rel, err := filepath.Rel(dir, spec)
		if err != nil {
			return 0, nil, err
		}
		s.Files[filepath.ToSlash(rel)] = string(text)
	}
	var wrong []diag.Finding
	if text, ok := src.Files[bundle.File]; ok {
		if m, err := readManifest(text, src.Files); err != nil {
			wrong = append(wrong, manifestFinding(err))
		} else {
			s.Main, s.Depends = m.Main, len(m.Depends) > 0
			s.Asks = append(slices.Collect(maps.Keys(m.Permissions)), slices.Collect(maps.Keys(m.Optional))...)
			if s.Asks == nil {
				s.Asks = []string{}
			}
		}
	}
	list = append(lint.Check(s), wrong...)
	for i := range list {
		list[i].File = filepath.Join(dir, filepath.FromSlash(list[i].File))
	}
	return len(s.Files), list, nil
}

// manifestFinding is a mistake in a manifest as a check tells it.
func manifestFinding(err error) diag.Finding {
	shown := manifestError(err)
	code, line := bundle.CodeValue, 1
	var wrong *bundle.Error
	if errors.As(err, &wrong) {
		code, line = wrong.Kind(), wrong.Line
	}
	return diag.NewFinding(bundle.File, line, 0, code, shown.Message, shown.Hint)
}
