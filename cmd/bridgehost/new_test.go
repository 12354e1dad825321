package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"bridgehost/bundle"
	"bridgehost/internal/host"
)

// TestTemplatesAreTheExamples holds the copies that are built in to the examples that are tested.
func TestTemplatesAreTheExamples(t *testing.T) {
	for _, name := range []string{"echo", "irc", "webhook", "rss", "mqtt"} {
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

// TestTemplatesWorkUnderAnyName makes a bridge of each template and runs its spec.
func TestTemplatesWorkUnderAnyName(t *testing.T) {
	for _, template := range templateNames {
		for _, name := range []string{template, "my-own"} {
			dir := filepath.Join(t.TempDir(), name)
			files, err := fromTemplate(template, name)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				path := filepath.Join(dir, filepath.FromSlash(f.Name))
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(f.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var out strings.Builder
			if err := host.Test(t.Context(), host.TestOptions{Args: []string{dir}, Out: &out, Log: hclog.NewNullLogger()}); err != nil {
				t.Errorf("%s as %s: %v\n%s", template, name, err, out.String())
			}
		}
	}
}
