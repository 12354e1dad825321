package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bridgehost/bundle"
)

// TestTemplatesAreTheExamples holds the copies that are built in to the examples that are tested.
func TestTemplatesAreTheExamples(t *testing.T) {
	for _, name := range []string{"echo", "irc"} {
		for file, of := range map[string]string{"script.lua": name + ".lua", "script_spec.lua": name + "_spec.lua", bundle.File: bundle.File} {
			example, err := os.ReadFile(filepath.Join("../../scripts/examples", name, of))
			if err != nil {
				t.Fatal(err)
			}
			ours, err := templates.ReadFile("templates/" + name + "/" + file)
			if err != nil {
				t.Fatal(err)
			}
			if string(ours) != string(example) {
				t.Errorf("templates/%s/%s differs from scripts/examples/%s/%s: copy the example over it", name, file, name, of)
			}
		}
	}
}

func TestEveryTemplateTakesItsName(t *testing.T) {
	for _, template := range templateNames {
		files, err := fromTemplate(template, "my-own")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			for _, old := range []string{template + ".lua", template + "_spec.lua", "_bh_" + template, "org.example." + template} {
				if strings.Contains(f.text, old) {
					t.Errorf("%s: %s still says %q", template, f.Name, old)
				}
			}
			if f.Name != bundle.File {
				continue
			}
			m, err := bundle.Parse(f.text)
			if err != nil {
				t.Fatalf("%s: %v", template, err)
			}
			if m.Main != "my-own.lua" || m.ID != "org.example.my-own" || m.Name != "my-own" {
				t.Errorf("%s: %+v", template, m)
			}
		}
	}
}
