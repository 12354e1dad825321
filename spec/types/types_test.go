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

// checked is what the checker says of a folder with these files.
func checked(t *testing.T, files map[string]string) string {
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
	files[".emmyrc.json"] = rc
	for name, text := range files {
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
	scripts, err := filepath.Glob("../../scripts/examples/*/*.lua")
	if err != nil || len(scripts) < 3 {
		t.Fatalf("there are at least three examples, found %v, %v", scripts, err)
	}
	files := map[string]string{}
	for _, path := range scripts {
		if strings.HasSuffix(path, "_spec.lua") {
			continue // all that t.before_each assigns is nil to the checker
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = string(text)
	}
	if out := checked(t, files); !strings.Contains(out, "No issues found") {
		t.Error(out)
	}
}

const configured = `local bridge = require "bridge"
local cfg = bridge.config {
  server = { type = "string", required = true }, port = { type = "integer", default = 6697 }, level = { type = "string", enum = { "a", "b" } },
  rooms = { type = "map", of = "room" }, ["two words"] = { type = "list", of = "integer", default = {} }, pause = { type = "duration", default = "5m" },
}
`

func TestConfigurationHasItsTypes(t *testing.T) {
	out := checked(t, map[string]string{"script.lua": configured + `
intent:send_text("!r:example.org", cfg.server .. cfg.port .. (cfg.level or ""))
bridge.on("config", function(evt) print(table.concat(evt.changed, ", ")) end)
bridge.on("load", function(evt) print(evt.reloaded, evt.from) end)
bridge.on("message", function(evt) evt:reply(evt.text) end)
for name, room in pairs(cfg.rooms or {}) do intent:send_text(room, name) end
local sum = cfg.pause
for _, n in ipairs(cfg["two words"]) do sum = sum + n end
print(sum)
`})
	if !strings.Contains(out, "No issues found") {
		t.Error(out)
	}
}

func TestMistakesAreFound(t *testing.T) {
	for _, c := range []struct{ name, script, said string }{
		{"a misspelt method", `intent:send_mesage("!r:example.org", "hello")`, "Undefined field `send_mesage`"},
		{"a wrong argument type", `intent:join_room(42)`, "expected `string` but found `42`"},
		{"a misspelt key of the configuration", configured + "print(cfg.sever)", "Undefined field `sever`"},
		{"a value of the configuration of another type", configured + `intent:join_room(cfg.port)`, "expected `string` but found `integer`"},
		{"a misspelt field of an event of the host", `require "bridge".on("config", function(evt) print(evt.chnged) end)`, "Undefined field `chnged`"},
		{"a misspelt option", `intent:send_text("!r:example.org", "hello", { htlm = "<b>hello</b>" })`, "found `{ htlm = \"<b>hello</b>\" }`"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if out := checked(t, map[string]string{"script.lua": c.script + "\n"}); !strings.Contains(out, c.said) {
				t.Errorf("%s: %q is not said:\n%s", c.script, c.said, out)
			}
		})
	}
}
