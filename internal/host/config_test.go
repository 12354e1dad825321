package host

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"bridgehost/engine"
)

// needed is what every bridgehost.toml must say.
const needed = "[homeserver]\nurl = \"https://matrix.example.org\"\nname = \"example.org\"\n"

func readText(t *testing.T, text string) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bridgehost.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return ReadConfig(path)
}

func TestConfigDefaults(t *testing.T) {
	c, err := readText(t, needed)
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultConfig()
	base := filepath.Dir(c.Path)
	want.Path, want.Data, want.Scripts.Dir = c.Path, filepath.Join(base, "data"), filepath.Join(base, "scripts")
	want.Appservice.Registration = filepath.Join(base, "registration.yaml")
	want.Homeserver.URL, want.Homeserver.Name = "https://matrix.example.org", "example.org"
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	if got := c.LimitsFor("irc"); got != engine.DefaultLimits() {
		t.Errorf("limits are %+v", got)
	}
}

func TestConfigEveryKey(t *testing.T) {
	t.Setenv("BRIDGEHOST_TEST_SERVER", "irc.example.org")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := `data = "/var/lib/bridgehost"
[homeserver]
url = "http://localhost:8008"
name = "example.org"
retries = 0
[appservice]
registration = "../registration.yaml"
listen = "[::1]:29333"
prefix = "_my_"
bridge_name = "mine"
[scripts]
dir = "lua"
watch = false
admins = ["@you:example.org"]
[scripts.config.irc]
server = "${env:BRIDGEHOST_TEST_SERVER}:6697"
password = "${file:secret}"
channels = ["#${env:BRIDGEHOST_TEST_SERVER}", { name = "${file:secret}", n = 7 }]
port = 6697
[scripts.limits]
cpu = "2s"
handler = "30s"
memory = "32MB"
string = "1MB"
max_concurrent_handlers = 8
connections = 9
call_depth = 100
timers = 10
[scripts.limits_of.irc]
memory = "128MB"
queue = 5
[scripts.dirs_of.irc]
inbox = "in"
outbox = "/srv/../srv/out"
[storage]
durability = "normal"
[http]
listen = ""
[admin]
listen = "127.0.0.1:0"
`
	path := filepath.Join(dir, "bridgehost.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := ReadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	irc := map[string]any{"server": "irc.example.org:6697", "password": "hush", "port": int64(6697),
		"channels": []any{"#irc.example.org", map[string]any{"name": "hush", "n": int64(7)}}}
	want := Config{
		Path: path, Data: "/var/lib/bridgehost",
		Homeserver: HomeserverConfig{"http://localhost:8008", "example.org", 0},
		Appservice: AppserviceConfig{filepath.Join(filepath.Dir(dir), "registration.yaml"), "[::1]:29333", "_my_", "mine"},
		Scripts: ScriptsConfig{
			Dir: filepath.Join(dir, "lua"), Admins: []string{"@you:example.org"}, Config: map[string]map[string]any{"irc": irc},
			Limits: LimitsConfig{CPU: Duration(2 * time.Second), Handler: Duration(30 * time.Second), Memory: 32 << 20, String: 1 << 20,
				Handlers: 8, Connections: 9, CallDepth: 100, Timers: 10},
			LimitsOf: map[string]LimitsConfig{"irc": {Memory: 128 << 20, Queue: 5}},
			DirsOf:   map[string]map[string]string{"irc": {"inbox": filepath.Join(dir, "in"), "outbox": "/srv/out"}},
		},
		Storage: StorageConfig{"normal"}, Admin: ListenConfig{"127.0.0.1:0"},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	l := c.LimitsFor("irc")
	if l.Memory != 128<<20 || l.CPU != 2*time.Second || l.Handlers != 8 {
		t.Errorf("limits of irc are %+v", l)
	}
	if l := c.LimitsFor("rss"); l.Memory != 32<<20 {
		t.Errorf("limits of rss are %+v", l)
	}
	if got := c.Unused(); !slices.Equal(got, []string{"limits.queue"}) {
		t.Errorf("unused keys: %q", got)
	}
}

func TestConfigRefused(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{``, `homeserver.url: an address such as https://matrix.example.org is expected, got ""`},
		{"[homeserver]\nurl = \"ftp://x\"\nname = \"x\"", `homeserver.url`},
		{"[homeserver]\nurl = \"https://x\"", `homeserver.name: what stands after the colon in user ids (example.org) is expected, got ""`},
		{"[homeserver]\nurl = \"https://x\"\nname = \"@you:x\"", `homeserver.name`},
		{needed + `retries = -1`, `homeserver.retries: a number from 0 on is expected, got "-1"`},
		{needed + "[appservice]\nprefix = \"\"", `appservice.prefix`},
		{needed + "[appservice]\nprefix = \"BH_\"", `appservice.prefix`},
		{needed + "[appservice]\nlisten = \"29333\"", `appservice.listen: an address with a port (127.0.0.1:29333) is expected, got "29333"`},
		{needed + "[appservice]\nlisten = \"\"", `appservice.listen`},
		{needed + "[admin]\nlisten = \"here\"", `admin.listen`},
		{needed + "[storage]\ndurability = \"maybe\"", `storage.durability: "full" or "normal" is expected, got "maybe"`},
		{needed + "[scripts]\nadmins = [\"you\"]", `scripts.admins: a user id is expected, got "you"`},
		{needed + "[scripts.limits]\ntimers = -1", `scripts.limits.timers: a number from 1 on is expected, got -1`},
		{needed + "[scripts.limits_of.irc]\nconnections = -1", `scripts.limits_of.irc.connections`},
		{needed + "[scripts.limits]\nmemory = \"x\"", `"x" is no size`},
		{needed + "[scripts.dirs_of.irc]\nall = \"/\"", `scripts.dirs_of.irc.all: a directory without the host's own files`},
		{needed + "[scripts.dirs_of.irc]\nhere = \".\"", `scripts.dirs_of.irc.here`},
		{needed + "[scripts.dirs_of.irc]\ndb = \"data/x\"", `scripts.dirs_of.irc.db`},
		{needed + "[scripts.dirs_of.irc]\ncode = \"scripts/rss\"", `scripts.dirs_of.irc.code`},
		{needed + "[scripts.dirs_of.irc]\nin = 5", `scripts.dirs_of.irc.in`},
		{needed + "[scripts.limits]\ncpu = 5", `is no duration`},
		{needed + "[scripts.limits]\ncpuu = \"5s\"", `:5: unknown key "scripts.limits.cpuu"; did you mean "cpu"?`},
		{needed + "[scripts.limits_of.irc]\nmemroy = \"5MB\"", `:5: unknown key "scripts.limits_of.irc.memroy"; did you mean "memory"?`},
		{needed + "xyz = 1", `:4: unknown key "homeserver.xyz"`},
		{needed + "[scripts]\nwatch = 3", `:5: scripts.watch: `},
		{needed + "[scripts]\ndir = \"${env:BRIDGEHOST_NOT_SET}\"", `${env:BRIDGEHOST_NOT_SET}: the environment variable is not set`},
		{needed + "[scripts.config.irc]\np = \"${file:nowhere}\"", `${file:nowhere}: `},
		{needed + "[scripts.config.irc]\np = \"${file:/dev/zero}\"", `it has more than`},
		{needed + "data = \"a\"\ndata = \"b\"", `bridgehost.toml:5: `},
		{`data = "`, `bridgehost.toml:1: `},
	} {
		_, err := readText(t, c.text)
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "bridgehost.toml") {
			t.Errorf("%s\ngot  %v\nwant %s", c.text, err, c.want)
		}
	}
	if _, err := ReadConfig(filepath.Join(t.TempDir(), "none.toml")); ExitCode(err) != ExitConfig {
		t.Errorf("a missing file: %v", err)
	}
}

// TestKnownKeys holds the list of suggestions against the structs.
func TestKnownKeys(t *testing.T) {
	var tags []string
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		if typ.Kind() == reflect.Map || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct {
			return
		}
		for i := range typ.NumField() {
			if tag := typ.Field(i).Tag.Get("toml"); tag != "-" && !slices.Contains(tags, tag) {
				tags = append(tags, tag)
			}
			walk(typ.Field(i).Type)
		}
	}
	walk(reflect.TypeFor[Config]())
	known := slices.Sorted(slices.Values(knownKeys))
	slices.Sort(tags)
	if !slices.Equal(known, tags) {
		t.Errorf("knownKeys and the toml tags differ:\nknown %q\ntags  %q", known, tags)
	}
}

// FuzzConfig: whatever stands in the file, it is refused as a configuration, or all its
// paths are absolute and its limits can be worked with.
func FuzzConfig(f *testing.F) {
	f.Add(needed)
	f.Add(needed + "[scripts.limits]\nmemory = \"64MB\"\ncpu = \"5s\"\n[scripts.config.irc]\na = [1, {b = \"${env:HOME}\"}]\n")
	f.Add("data = \"${file:x}\"\n[homeserver]\nurl = 5")
	f.Add(needed + "retires = 3")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "${file:") {
			t.Skip("reads files")
		}
		c := DefaultConfig()
		c.Path = "/etc/bridgehost.toml"
		c, err := parseConfig(c, "bridgehost.toml", text)
		if err != nil {
			if !errors.Is(err, ErrConfig) || ExitCode(err) != ExitConfig {
				t.Fatalf("%v: no error of a configuration", err)
			}
			return
		}
		for _, p := range []string{c.Data, c.Scripts.Dir, c.Appservice.Registration} {
			if !filepath.IsAbs(p) {
				t.Errorf("%q is no absolute path", p)
			}
		}
		if l := c.LimitsFor("x"); l.Memory <= 0 || l.CPU <= 0 || l.Handlers <= 0 || l.Timers <= 0 {
			t.Errorf("limits are %+v", l)
		}
		_ = c.Unused()
	})
}
