package bridgehost_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"bridgehost/internal/host"
)

// TestReadmeScript runs the script that the README shows as a whole bridge.
func TestReadmeScript(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "```lua\n")
	script, _, ok := strings.Cut(after, "```")
	if !ok {
		t.Fatal("no block of Lua found in README.md")
	}
	file := filepath.Join(t.TempDir(), "echo.lua")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err = host.Dev(t.Context(), host.DevOptions{Path: file, In: strings.NewReader("hello\n"), Out: &out, NoWatch: true, Log: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Say something and I will repeat it.", "you said: hello"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("not seen: %q in\n%s", want, out.String())
		}
	}
}
