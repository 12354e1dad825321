package host

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bridgehost/engine"
)

// configHost runs scripts under a configuration that a test changes.
type configHost struct {
	*Host
	t       *testing.T
	path    string
	printed []string
	loads   []string
}

// newConfigHost runs scripts (name → source) with values of [scripts.config].
func newConfigHost(t *testing.T, values string, scripts map[string]string) *configHost {
	t.Helper()
	h, _ := quietHost(t)
	dir := t.TempDir()
	c := &configHost{Host: h, t: t, path: filepath.Join(dir, "bridgehost.toml")}
	h.opts.Report = c
	c.write(values)
	cfg, err := ReadConfig(c.path)
	if err != nil {
		t.Fatal(err)
	}
	h.cfg.Scripts.Config, h.cfg.source, h.latest = cfg.Scripts.Config, cfg.source, cfg
	h.opts.reread = func() (Config, error) { return ReadConfig(c.path) }
	for _, name := range slices.Sorted(maps.Keys(scripts)) {
		path := filepath.Join(dir, name+".lua")
		if err := os.WriteFile(path, []byte(scripts[name]), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := h.add(t.Context(), found{name: name, path: path}); err != nil {
			t.Fatal(err)
		}
	}
	c.told()
	return c
}

func (c *configHost) write(values string) {
	c.t.Helper()
	if err := os.WriteFile(c.path, []byte(needed+values), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// change saves other values; all that comes of it has come when it returns.
func (c *configHost) change(values string) (told string) {
	c.t.Helper()
	c.write(values)
	c.configChanged()
	return c.told()
}

// told is what was loaded and printed since it was last asked.
func (c *configHost) told() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := append(c.loads, c.printed...)
	c.loads, c.printed = nil, nil
	return strings.Join(all, "\n")
}

func (c *configHost) Loaded(r engine.LoadReport, _ string) {
	text := fmt.Sprintf("%s %s %d", r.Script, r.Reason, r.Number)
	if r.Err != nil {
		text = fmt.Sprintf("%s %s refused, %d runs: %s", r.Script, r.Reason, r.Running, r.Err.Message)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loads = append(c.loads, text)
}

func (c *configHost) Failed(r engine.Report, _ string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.printed = append(c.printed, "failed: "+r.Err.Message)
}

func (c *configHost) Printed(_, line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.printed = append(c.printed, line)
}

const reloading = `local bridge = require "bridge"
local cfg = bridge.config { n = { type = "integer", default = 1, max = 9 } }
bridge.on("load", function() if cfg.n == 7 then error("seven") end print("n is " .. cfg.n) end)`

const listening = `local bridge = require "bridge"
local cfg = bridge.config { n = { type = "integer", default = 1, max = 9 }, s = { type = "string" }, list = { type = "list", default = {} } }
bridge.on("config", function(evt)
  print(table.concat(evt.changed, " ") .. ": " .. cfg.n .. " " .. tostring(cfg.s) .. " " .. #cfg.list)
  if cfg.n == 8 then error("eight") end
end)`

func TestChangedValuesReachTheirScriptOnly(t *testing.T) {
	c := newConfigHost(t, "", map[string]string{"a": reloading, "b": reloading, "heard": listening})
	for _, step := range []struct{ values, want string }{
		{"[scripts.config.a]\nn = 2\n", "a configured 2\nn is 2"},
		{"[scripts.config.a]\nn = 2\n# a comment\n", ""},
		{"[scripts.config.a]\nn = 99\n", "a configured refused, 2 runs: configuration of a: bridgehost.toml:5: 'n': integer of at most 9 expected, got 99"},
		{"[scripts.config.a]\nn = 3\n", "a configured 3\nn is 3"},
		{"[scripts.config.a]\nn = 3\n[scripts.config.heard]\nn = 4\ns = \"x\"\nlist = [\"y\"]\n", "heard given 1\nlist n s: 4 x 1"},
		{"[scripts.config.a]\nn = 3\n[scripts.config.heard]\nn = 4\n", "heard given 1\nlist s: 4 nil 0"},
		{"[scripts.config.a]\nn = 3\n[scripts.config.heard]\nm = 4\n", "heard configured refused, 1 runs: configuration of heard: bridgehost.toml:7: unknown key 'm'; did you mean 'n'?"},
		{"[scripts.config.a]\nn = 3\n", "heard given 1\nn: 1 nil 0"},
		{"[scripts.config.a]\nn =\n", ""}, // no TOML
		{"[scripts.config.a]\nn = 3\n", ""},
	} {
		if got := c.change(step.values); got != step.want {
			t.Errorf("%q\ngot  %s\nwant %s", step.values, got, step.want)
		}
	}
}

// A `load` that raises under the new values is gone back from: to the old values, too.
func TestGoesBackToTheOldValues(t *testing.T) {
	c := newConfigHost(t, "[scripts.config.a]\nn = 2\n", map[string]string{"a": reloading})
	got := c.change("[scripts.config.a]\nn = 7\n")
	if !strings.Contains(got, "a configured refused") || !strings.HasSuffix(got, "n is 2") {
		t.Errorf("told: %s", got)
	}
	if g := c.script("a").Current(); g == nil || g.Number != 3 {
		t.Errorf("%v runs", g)
	}
}

// A handler of `config` that raises is reported, and the script is loaded with the new values.
func TestConfigHandlerThatRaises(t *testing.T) {
	c := newConfigHost(t, "", map[string]string{"heard": listening})
	if got := c.change("[scripts.config.heard]\nn = 8\n"); got != "heard configured 2\nn: 8 nil 0\nfailed: eight" {
		t.Errorf("told: %s", got)
	}
}

// What was refused for its configuration runs as soon as that is right, and a script that was
// rolled back stays so.
func TestConfigurationMendsAndRollbacksStay(t *testing.T) {
	c := newConfigHost(t, "", map[string]string{"a": reloading})
	a := c.script("a")
	save := func(source string) {
		t.Helper()
		if err := os.WriteFile(a.found.path, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		_ = c.reloadOne(context.Background(), a, engine.ReasonSaved) // what became of it is told
	}
	save(strings.Replace(reloading, "default = 1", "required = true", 1))
	if got := c.told(); !strings.Contains(got, "a saved refused, 1 runs: configuration of a: 'n' is missing") {
		t.Errorf("told: %s", got)
	}
	if got := c.change("[scripts.config.a]\nn = 5\n"); got != "a configured 2\nn is 5" {
		t.Errorf("told: %s", got)
	}
	if _, err := c.rollback(context.Background(), RollbackCall{Script: "a"}); err != nil {
		t.Fatal(err)
	}
	if got := c.told(); got != "a rollback 3\nn is 5" {
		t.Errorf("told: %s", got)
	}
	if got := c.change("[scripts.config.a]\nn = 6\n"); got != "a configured 4\nn is 6" {
		t.Errorf("told: %s", got)
	}
	_ = c.reloadOne(context.Background(), a, engine.ReasonSaved)
	if got := c.told(); got != "" {
		t.Errorf("the files were not saved, and yet: %s", got)
	}
}

// Keys of the host are named once, with their line; those that are put back are not.
func TestKeysThatNeedARestart(t *testing.T) {
	c := newConfigHost(t, "", nil)
	c.cfg.Homeserver, c.cfg.Data = c.latest.Homeserver, c.latest.Data
	c.cfg.Appservice, c.cfg.Scripts, c.cfg.Storage, c.cfg.HTTP, c.cfg.Admin = c.latest.Appservice, c.latest.Scripts, c.latest.Storage, c.latest.HTTP, c.latest.Admin
	for _, step := range []struct{ values, want string }{
		{"retries = 2\n[scripts.limits_of.a]\ncpu = \"1s\"\n", "bridgehost.toml:4: homeserver.retries, bridgehost.toml:6: scripts.limits_of.a.cpu"},
		{"retries = 2\n[scripts.limits_of.a]\ncpu = \"1s\"\n[admin]\nlisten = \"\"\n", "bridgehost.toml:8: admin.listen"},
		{"", ""},
	} {
		c.write(step.values)
		change, err := c.takeConfig()
		if got := strings.ReplaceAll(strings.Join(change.restart, ", "), filepath.Dir(c.path)+"/", ""); err != nil || got != step.want {
			t.Errorf("%q: got %q, %v\nwant %q", step.values, got, err, step.want)
		}
	}
}
