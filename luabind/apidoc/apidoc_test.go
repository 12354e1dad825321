package apidoc_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bridgehost/luabind"
	"bridgehost/luabind/apidoc"
)

// update is set by go generate.
var update = flag.Bool("update", false, "write docs/reference")

//go:generate go test . -run TestReferenceIsCurrent -update

func TestReferenceIsCurrent(t *testing.T) {
	dir := "../../docs/reference"
	for name, text := range apidoc.Reference(luabind.Groups()) {
		path := filepath.Join(dir, name)
		if *update {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if old, err := os.ReadFile(path); err != nil || string(old) != text {
			t.Errorf("%s is not current: run go generate ./...", path)
		}
	}
}

func TestEveryFunctionStandsInTypesAndReference(t *testing.T) {
	var types, pages strings.Builder
	for _, text := range apidoc.Types(luabind.Groups(), "test", nil) {
		types.WriteString(text)
	}
	for _, text := range apidoc.Reference(luabind.Groups()) {
		pages.WriteString(text)
	}
	for class := range strings.Lines(types.String()) {
		if name, is := strings.CutPrefix(class, "---@class "); is && strings.Contains(strings.TrimPrefix(name, "(exact) "), " ") {
			t.Errorf("a name of a class with a space in it: %s", name)
		}
	}
	for _, f := range luabind.Functions() {
		line := "function module." + f.Name + "("
		if f.Group.Class {
			line = "function " + luabind.ClassName(f.Group.Name) + ":" + f.Name + "("
		}
		if !strings.Contains(types.String(), line) {
			t.Errorf("the types have no %s", f.FullName())
		}
		if !strings.Contains(pages.String(), "## "+f.FullName()+"\n") {
			t.Errorf("the reference has no %s", f.FullName())
		}
		if _, err := apidoc.Find(f.FullName()); err != nil {
			t.Error(err)
		}
	}
}
