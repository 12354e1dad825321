package bundle

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const good = `id = "org.example.irc"
name = "IRC"
version = "1.4.0"
api = 1
`

const full = good + `summary = "channels as rooms"
license = "MIT"
authors = ["You <you@example.org>"]
homepage = "https://example.org"
main = "irc.lua"
bridgehost = ">=0.3, <1.0"
publisher = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"

[permissions]
"matrix:send" = "post messages"
"net:connect" = { hosts = ["irc.example.org:6697"], why = "the server" }

[optional-permissions]
"kv" = "remember rooms"

[config]
server = { type = "string", required = true }
port   = { type = "integer", default = 6697, min = 1, max = 65535 }

[dependencies]
"org.example.parser" = "^2.1"

[limits]
memory = "64MB"
cpu    = "5s"
`

func TestManifestIsRead(t *testing.T) {
	m, err := ParseManifest(full)
	if err != nil {
		t.Fatal(err)
	}
	p := m.Permissions["net:connect"]
	if m.ID != "org.example.irc" || m.Permissions["matrix:send"].Why != "post messages" || p.Why != "the server" || fmt.Sprint(p.Scope["hosts"]) != "[irc.example.org:6697]" {
		t.Errorf("%+v", m)
	}
	if _, err := ParseManifest(good); err != nil {
		t.Error(err)
	}
}

// TestManifestErrorsSayWhere replaces a part of a good manifest and wants the error.
func TestManifestErrorsSayWhere(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"no id", `id = "org.example.irc"` + "\n", "", "bridge.toml: id is missing"},
		{"an id that is no domain", "org.example.irc", "irc", `bridge.toml:1: id: a domain of yours`},
		{"no semantic version", "1.4.0", "1.4", `bridge.toml:3: version: a semantic version`},
		{"an api of the future", "api = 1", "api = 9", "bridge.toml:4: api: this bridgehost has version 1"},
		{"a misspelt key", "license", "licence", `bridge.toml:6: unknown key "licence"`},
		{"a misspelt table", "[permissions]", "[permision]", `bridge.toml:13: unknown key "permision`},
		{"a permission that is none", `"matrix:send"`, `"matrix:sent"`, `bridge.toml:14: there is no permission "matrix:sent"`},
		{"a permission without a reason", `"post messages"`, `""`, "the reason is missing"},
		{"a permission without a reason in a table", `, why = "the server"`, "", "the reason is missing"},
		{"a number as reason", `"post messages"`, `3`, "the reason is expected"},
		{"a main outside", `"irc.lua"`, `"../irc.lua"`, "bridge.toml:9: main: a .lua file"},
		{"a main that is no Lua", `"irc.lua"`, `"irc.txt"`, "bridge.toml:9: main: a .lua file"},
		{"no versions", `">=0.3, <1.0"`, `"new"`, "bridge.toml:10: bridgehost: versions"},
		{"no key", "RWQf6", "RW", "bridge.toml:11: publisher: a public key"},
		{"a config type", `type = "integer"`, `type = "int"`, `bridge.toml:22: config.port: type is one of`},
		{"a dependency", `"^2.1"`, `"newest"`, "bridge.toml:25: dependencies"},
		{"a size", `"64MB"`, `"many"`, "bridge.toml:28: memory: a size"},
		{"a time", `"5s"`, `"5"`, "bridge.toml:29: cpu: a time"},
		{"no TOML", `name = "IRC"`, `name = IRC`, "bridge.toml:2: "},
		{"a wrong kind", `authors = ["You <you@example.org>"]`, `authors = 3`, "authors"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(full, c.from, c.to, 1)
			if text == full {
				t.Fatalf("the manifest does not hold %q", c.from)
			}
			_, err := ParseManifest(text)
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want %q, got %v", c.want, err)
			}
		})
	}
}

func TestManifestOfAFolder(t *testing.T) {
	dir := t.TempDir()
	if m, err := ReadManifest(dir); m != nil || err != nil {
		t.Errorf("without one: %v, %v", m, err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(ManifestName, full)
	if _, err := ReadManifest(dir); err == nil || !strings.Contains(err.Error(), "bridge.toml:9: main: there is no file irc.lua here") {
		t.Error(err)
	}
	write("irc.lua", "")
	if m, err := ReadManifest(dir); err != nil || m.Main != "irc.lua" {
		t.Error(m, err)
	}
	write(ManifestName, strings.Repeat("# much\n", maxManifest/6))
	if _, err := ReadManifest(dir); err == nil || !strings.Contains(err.Error(), "bytes at most") {
		t.Error(err)
	}
}

func FuzzParseManifest(f *testing.F) {
	for _, s := range []string{good, full, "id = 3", "[permissions]\nkv = {}", "[config]\na = 3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseManifest(text)
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("%T: %v", err, err)
		}
		if err == nil && (m.ID == "" || m.API != API) {
			t.Errorf("taken: %+v", m)
		}
	})
}
