package guide

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/hashicorp/go-hclog"

	"bridgehost/internal/host"
)

const howtos, examples = "../../docs/howto", "../../scripts/examples"

// instead is the first line of a block that takes the place of what begins so in the example.
var instead = regexp.MustCompile(`^lua for (.+)$`)

// TestHowtos: a how-to is about the example of its name. A block of Lua is a part of that example;
// or it is a change, ```lua for BEGIN, which takes the place of what begins so, and the example's
// spec passes after it.
func TestHowtos(t *testing.T) {
	paths, err := filepath.Glob(howtos + "/*.md")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".md")
		if _, err := os.Stat(filepath.Join(examples, name)); err != nil {
			continue // about something else
		}
		t.Run(name, func(t *testing.T) { howto(t, path, name) })
	}
}

func howto(t *testing.T, path, name string) {
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(examples, name, name+".lua"))
	if err != nil {
		t.Fatal(err)
	}
	changes := 0
	for _, block := range fence.FindAllStringSubmatch(string(page), -1) {
		info, text := block[1], block[2]
		change := instead.FindStringSubmatch(info)
		switch {
		case info == "toml":
			if _, err := toml.Decode(text, &map[string]any{}); err != nil {
				t.Errorf("%v in\n%s", err, text)
			}
		case change != nil:
			changes++
			specWith(t, name, string(source), change[1], text)
		case info == "lua":
			if !strings.Contains(string(source), text) {
				t.Errorf("this is no part of the example:\n%s", text)
			}
		default:
			t.Errorf("a block of %q, which nothing checks", info)
		}
	}
	if changes == 0 {
		t.Error("nothing says how to change it")
	}
}

// specWith runs the example's spec with a block in the place of what begins with begin.
func specWith(t *testing.T, name, source, begin, block string) {
	t.Helper()
	old := regexp.MustCompile(`(?ms)^` + regexp.QuoteMeta(begin) + `.*?^end\)?\n`).FindString(source)
	if old == "" {
		t.Fatalf("nothing in the example begins with %q", begin)
	}
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(examples, name))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".lua"), []byte(strings.Replace(source, old, block, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := host.Test(t.Context(), host.TestOptions{Args: []string{dir}, Out: &out, Log: hclog.NewNullLogger()}); err != nil {
		t.Errorf("with what takes the place of %q: %v\n%s", begin, err, out.String())
	}
}
