package host

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"bridgehost/bundle"
	"bridgehost/capability"
	"bridgehost/store/sqlite"
)

// What a manifest asks for, or less, is granted without a question.
func TestAsksFor(t *testing.T) {
	m := &bundle.Manifest{
		Permissions: map[string]any{
			"matrix:send": map[string]any{"types": []any{"m.room.*"}, "why": "x"},
			"net:connect": map[string]any{"hosts": []any{"${config.server}:6697", "*.example.org:443"}, "why": "x"},
			"kv":          "x",
			"http:fetch":  map[string]any{"urls": []any{"https://example.org/feeds/"}, "why": "x"},
		},
		Optional: map[string]any{"matrix:media": "x"},
	}
	config := valuesOf(map[string]any{"server": "irc.libera.chat"})
	for text, want := range map[string]bool{
		"matrix:send m.room.message":                true,
		"matrix:send m.room.*":                      true,
		"matrix:send m.*":                           false,
		"matrix:send":                               false,
		"net:connect ${config.server}:6697":         true,
		"net:connect irc.libera.chat:6697":          true,
		"net:connect irc.libera.chat:22":            false,
		"net:connect a.example.org:443":             true,
		"net:connect *.org:443":                     false,
		"net:connect *:443":                         false,
		"net:connect":                               false,
		"kv 1MB":                                    true,
		"kv 10MB":                                   true,
		"kv 11MB":                                   false,
		"matrix:media":                              true,
		"matrix:media @_bh_irc_*":                   true,
		"http:fetch https://example.org/feeds/a":    true,
		"http:fetch https://example.org/":           false,
		"http:fetch https://example.org/feeds/../x": false,
		"sql": false,
	} {
		if got := asksFor(m, text, config); got != want {
			t.Errorf("asksFor(%q) = %v", text, got)
		}
	}
}

// The smallest block names the scopes that were used, unless all were needed.
func TestSmallest(t *testing.T) {
	uses := []sqlite.Use{
		{Capability: "matrix:send", Scope: ""}, {Capability: "matrix:send", Scope: "m.reaction"},
		{Capability: "matrix:read", Scope: "m.room.message"}, {Capability: "matrix:read", Scope: "*"},
		{Capability: "net:connect", Scope: "irc.libera.chat:6697"}, {Capability: "net:connect", Scope: "other.example:6697"},
		{Capability: "http:fetch", Scope: "https://feeds.example/"}, {Capability: "sql", Scope: "", Refused: true},
		{Capability: "matrix:ghosts", Scope: ""},
	}
	grants, manifest := smallest(uses, map[string]any{"server": "irc.libera.chat", "port": int64(6697), "feeds": []any{"https://feeds.example/a.xml"}})
	want := []string{"matrix:read", "matrix:send m.reaction", "matrix:ghosts", "net:connect ${config.server}:${config.port}",
		"net:connect other.example:6697", "http:fetch ${config.feeds}"}
	if !slices.Equal(grants, want) {
		t.Errorf("got  %q\nwant %q", grants, want)
	}
	if text := "[permissions]\n" + `"matrix:read" = "TODO: say why"` + "\n"; manifest[:len(text)] != text {
		t.Errorf("the block:\n%s", manifest)
	}
	m, err := bundle.Parse("id = \"org.example.a\"\nname = \"a\"\nversion = \"1.0.0\"\nmain = \"a.lua\"\napi = 1\n\n" + manifest)
	if err != nil {
		t.Fatalf("the block is no part of a manifest: %v", err)
	}
	if got := m.Asked(); !slices.Equal(got, slices.Sorted(slices.Values(grants))) {
		t.Errorf("the manifest asks for %q", got)
	}
}

// permissionsHost runs a script called echo.
func permissionsHost(t *testing.T) *Host {
	t.Helper()
	h, _ := quietHost(t)
	h.cfg.Path = filepath.Join(t.TempDir(), "bridgehost.toml")
	h.cfg.Scripts.Config = map[string]map[string]any{"echo": {"server": "irc.test"}}
	path := filepath.Join(t.TempDir(), "echo.lua")
	if err := os.WriteFile(path, []byte("local seen = require('bridge').store('seen')"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.add(t.Context(), found{name: "echo", path: path}); err != nil {
		t.Fatal(err)
	}
	return h
}

// Refusals are counted; what was seen before is not written again.
func TestUsesAreRecorded(t *testing.T) {
	h := permissionsHost(t)
	s := h.script("echo")
	granted, err := capability.ParseGrants([]string{"kv"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.lua.SetGrants(granted)
	for range 3 {
		if err := s.lua.Check(capability.NetConnect, "evil.example:1"); err == nil {
			t.Fatal("it was allowed")
		}
	}
	h.telling.Wait()
	list, err := h.usesOf(t.Context(), ScriptCall{Script: "echo"})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(u sqlite.Use) bool { return u.Capability == "net:connect" })
	if i < 0 || !list[i].Refused || list[i].Times != 3 || time.Since(list[i].Last) > time.Hour {
		t.Errorf("recorded: %+v", list)
	}
}

// What dev has seen lasts over its sessions, and bundle init asks for it.
func TestDevSeesWhatIsUsed(t *testing.T) {
	dir := devScriptFile(t, "demo", joins+`
bridge.command("dial", function(cmd)
  require("bridge.net").connect { host = cmd.args[1], port = 9 }
  print("dialled")
end)`)
	for _, host := range []string{"127.0.0.1", "127.0.0.2"} {
		var out, log heard
		err := Dev(t.Context(), DevOptions{Path: dir, In: strings.NewReader("!dial " + host), Out: &out, NoWatch: true,
			Log: hclog.New(&hclog.LoggerOptions{Output: &log})})
		if err != nil || !strings.Contains(out.String(), "dialled") {
			t.Fatalf("%v:\n%s", err, out.String())
		}
	}
	p, err := ReadPermissions(t.Context(), nil, dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"matrix:read m.room.member", "matrix:read m.room.message", "matrix:send", "net:connect 127.0.0.1:9", "net:connect 127.0.0.2:9"}; !slices.Equal(p.Observed, want) {
		t.Errorf("observed %q", p.Observed)
	}
	r, err := InitBundle(t.Context(), dir, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{`"net:connect" = { hosts = ["127.0.0.1:9", "127.0.0.2:9"], why = "TODO: say why (bridge.net.connect in main.lua:6)" }`,
		`"matrix:read" = "TODO: say why (bridge.on in main.lua:3)"`} {
		if !strings.Contains(r.Manifest, line+"\n") {
			t.Errorf("not in the manifest: %s\n%s", line, r.Manifest)
		}
	}
	old := strings.Replace(r.Manifest, `, "127.0.0.2:9"`, "", 1)
	if err := os.WriteFile(filepath.Join(dir, bundle.File), []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err = InitBundle(t.Context(), dir, false); err != nil {
		t.Fatal(err)
	}
	if want := "it was seen to use net:connect 127.0.0.2:9, which bridge.toml does not ask for"; !slices.Contains(r.Notes, want) {
		t.Errorf("the notes: %q", r.Notes)
	}
}
