package specs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"bridgehost/bundle"
	"bridgehost/internal/host"
	"bridgehost/luatest"
)

// asBundles runs scripts with what their manifests ask for, as if they were installed.
type asBundles struct{ luatest.Bridges }

func (b asBundles) Open(ctx context.Context, o luatest.BridgeOptions) (luatest.Bridge, error) {
	dir := o.Path
	if strings.HasSuffix(dir, ".lua") {
		dir = filepath.Dir(dir)
	}
	text, err := os.ReadFile(filepath.Join(dir, bundle.File))
	if err != nil {
		return nil, err
	}
	m, err := bundle.Parse(string(text))
	if err != nil {
		return nil, err
	}
	asked := m.Asked()
	for key, about := range m.Config {
		value := o.Config[key]
		if schema, ok := about.(map[string]any); ok && value == nil {
			value = schema["default"]
		}
		for i := range asked {
			asked[i] = strings.ReplaceAll(asked[i], "${config."+key+"}", fmt.Sprint(value))
		}
	}
	o.Capabilities = &asked
	return b.Bridges.Open(ctx, o)
}

// unnoticed are permissions whose lack a spec does not notice, and why.
var unnoticed = map[string]string{
	`irc "matrix:ephemeral"`: "a message is passed on before it is marked as read",
	`irc "matrix:invite"`:    "the spec invites nobody",
	`irc "kv"`:               "asked for by what people make of it",
}

// TestExamplesNeedNoMoreThanTheyAskFor: the specs of the examples and templates hold with what
// their manifests ask for, and no longer when one of these permissions is missing.
func TestExamplesNeedNoMoreThanTheyAskFor(t *testing.T) {
	manifests, err := filepath.Glob(filepath.Join(examples, "*", bundle.File))
	if err != nil || len(manifests) == 0 {
		t.Fatalf("%v: %v", manifests, err)
	}
	for _, manifest := range manifests {
		name := filepath.Base(filepath.Dir(manifest))
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), name)
			if err := os.CopyFS(dir, os.DirFS(filepath.Dir(manifest))); err != nil {
				t.Fatal(err)
			}
			if text := failures(t, dir); text != "" {
				t.Errorf("with what it asks for:\n%s", text)
			}
			whole, err := os.ReadFile(filepath.Join(dir, bundle.File))
			if err != nil {
				t.Fatal(err)
			}
			for _, permission := range permissionLines(string(whole)) {
				asked, _, _ := strings.Cut(permission, " ")
				if unnoticed[name+" "+asked] != "" {
					continue
				}
				without := strings.Replace(string(whole), permission, "", 1)
				if err := os.WriteFile(filepath.Join(dir, bundle.File), []byte(without), 0o600); err != nil {
					t.Fatal(err)
				}
				if text := failures(t, dir); text == "" {
					t.Errorf("it does as well without: %s", strings.TrimSpace(permission))
				}
			}
		})
	}
}

// permissionLines are the lines below [permissions].
func permissionLines(manifest string) (lines []string) {
	_, rest, _ := strings.Cut(manifest, "[permissions]")
	for line := range strings.Lines(rest) {
		switch {
		case strings.HasPrefix(line, "["):
			return lines
		case strings.HasPrefix(line, `"`):
			lines = append(lines, line)
		}
	}
	return lines
}

// failures runs the specs of a folder and returns what failed.
func failures(t *testing.T, dir string) string {
	t.Helper()
	files, err := host.FindSpecs(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) || len(files) == 0 {
		t.Fatalf("specs: %v, %v", files, err)
	}
	var b strings.Builder
	for _, f := range luatest.Run(t.Context(), luatest.Options{Files: slices.Clone(files), Bridges: asBundles{host.SpecBridges(hclog.NewNullLogger())}}) {
		b.WriteString(f.Error)
		for _, s := range f.Sentences {
			if !s.Passed {
				b.WriteString(s.Name + "\n" + s.Text + "\n")
			}
		}
	}
	return b.String()
}
