// Package types_test checks the annotations for editors with a checker that reads them:
// it finds nothing wrong in the examples, and finds what is.
package types_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bridgehost/internal/host"
)

// checked is what the checker says of a folder with one script.
func checked(t *testing.T, script string) string {
	t.Helper()
	checker := os.Getenv("BRIDGEHOST_EMMYLUA")
	if checker == "" {
		if os.Getenv("BRIDGEHOST_REQUIRE_REAL") == "1" {
			t.Fatal("BRIDGEHOST_EMMYLUA is not set: BRIDGEHOST_EMMYLUA=$(.ci/emmylua.sh)")
		}
		t.Skip("BRIDGEHOST_EMMYLUA is not set: BRIDGEHOST_EMMYLUA=$(.ci/emmylua.sh)")
	}
	dir := t.TempDir()
	// A local that another function assigns is nil to the checker: "unnecessary-if" is wrong there.
	rc := `{"runtime": {"version": "Lua5.1"}, "workspace": {"library": [".bridgehost/types"]}, "diagnostics": {"disable": ["unnecessary-if"]}}`
	for name, text := range map[string]string{"script.lua": script, ".emmyrc.json": rc} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := host.WriteTypes(dir); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), checker, "--config", filepath.Join(dir, ".emmyrc.json"), dir).CombinedOutput()
	if err != nil && len(out) == 0 {
		t.Fatal(err)
	}
	return string(out)
}

func TestNothingIsWrongInTheExamples(t *testing.T) {
	for _, name := range []string{"echo", "relay", "irc"} {
		script, err := os.ReadFile(filepath.Join("../../scripts/examples", name, name+".lua"))
		if err != nil {
			t.Fatal(err)
		}
		if out := checked(t, string(script)); !strings.Contains(out, "No issues found") {
			t.Errorf("%s:\n%s", name, out)
		}
	}
}

func TestMistakesAreFound(t *testing.T) {
	for name, script := range map[string]string{
		"a misspelt method":     `intent:send_mesage("!r:example.org", "hello")`,
		"a wrong argument type": `intent:join_room(42)`,
		"a misspelt option":     `intent:send_text("!r:example.org", "hello", { htlm = "<b>hello</b>" })`,
	} {
		t.Run(name, func(t *testing.T) {
			if out := checked(t, script+"\n"); strings.Contains(out, "No issues found") {
				t.Errorf("not found in %s:\n%s", script, out)
			}
		})
	}
}
