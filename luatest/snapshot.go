package luatest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"bridgehost/diag"
)

// snapshotName is what a snapshot may be called: it names a file.
var snapshotName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$`)

// maxSnapshot is how large a text a snapshot may have, in bytes.
const maxSnapshot = 1 << 20

// Snapshot implements luabind.SpecRunner: texts lie in snapshots/SPEC/NAME.txt beside the spec.
func (r *runner) Snapshot(name, text string) error {
	switch {
	case r.net == nil:
		return &diag.Error{Kind: diag.KindUsage, Message: "t.snapshot was called outside of a sentence", Hint: "put it into t.it"}
	case !snapshotName.MatchString(name):
		return &diag.Error{Kind: diag.KindUsage, Message: fmt.Sprintf("a snapshot cannot be called %q", name),
			Hint: "it names a file: letters, digits and ._- may stand in it"}
	case len(text) > maxSnapshot:
		return &diag.Error{Kind: diag.KindUsage, Message: fmt.Sprintf("a snapshot may have %d bytes, and %q has %d", maxSnapshot, name, len(text))}
	}
	text = unix(text)
	if before, ok := r.snapshots[name]; ok && before != text && r.o.Update {
		return unmet(fmt.Sprintf("snapshot %q was given another text before, in this spec", name), changed(before, text))
	}
	r.snapshots[name] = text
	spec := strings.TrimSuffix(filepath.Base(r.file.File), "_spec.lua")
	file := filepath.Join(filepath.Dir(r.file.File), "snapshots", spec, name+".txt")
	kept, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	want := strings.TrimSuffix(unix(string(kept)), "\n") // editors end a file with a line break
	switch {
	case err == nil && want == text:
		return nil
	case r.o.Update:
		return r.update(file, text)
	case err != nil:
		e := unmet(fmt.Sprintf("there is no snapshot %q yet", name), changed("", text))
		e.Hint = "if this is what it should be, bridgehost test --update keeps it in " + filepath.ToSlash(file)
		return e
	}
	e := unmet(fmt.Sprintf("not what snapshot %q holds", name), changed(want, text))
	e.Hint = "if this is what it should be now, bridgehost test --update rewrites " + filepath.ToSlash(file)
	return e
}

// update keeps a text.
func (r *runner) update(file, text string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(text+"\n"), 0o666); err != nil {
		return err
	}
	if r.o.Updated != nil {
		r.o.Updated(file)
	}
	return nil
}

// unix is a text with line ends that do not depend on who checked it out.
func unix(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

// changed shows where two texts differ: what is the same at their beginnings and ends is left out.
func changed(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	if want == "" {
		w = nil
	}
	head := 0
	for head < min(len(w), len(g)) && w[head] == g[head] {
		head++
	}
	tail := 0
	for tail < min(len(w), len(g))-head && w[len(w)-1-tail] == g[len(g)-1-tail] {
		tail++
	}
	var lines []string
	for _, l := range w[head : len(w)-tail] {
		lines = append(lines, "- "+l)
	}
	for _, l := range g[head : len(g)-tail] {
		lines = append(lines, "+ "+l)
	}
	if len(lines) > mostLines {
		lines = append(lines[:mostLines], "…")
	}
	return fmt.Sprintf("from line %d (- expected, + got):\n  %s\n", head+1, strings.Join(lines, "\n  "))
}
