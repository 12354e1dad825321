package host

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:generate go test . -run TestConfigSchemaIsCurrent -update

var update = flag.Bool("update", false, "write docs/schema")

func TestConfigSchemaIsCurrent(t *testing.T) {
	text, err := json.MarshalIndent(ConfigSchema(nil), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	path := filepath.Join("../../docs/schema", filepath.Base(SchemaURL))
	if *update {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old, err := os.ReadFile(path); err != nil || !bytes.Equal(old, text) {
		t.Errorf("%s is not current: run go generate ./...", path)
	}
}

// validates tells what a schema says of a TOML text.
func validates(t *testing.T, schema map[string]any, text string) error {
	t.Helper()
	asJSON := func(v any) any {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	var v map[string]any
	if _, err := toml.Decode(text, &v); err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", asJSON(schema)); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled.Validate(asJSON(v))
}

// TestConfigSchemaAgrees: what is read the schema takes, and what is plainly wrong neither does.
func TestConfigSchemaAgrees(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "scripts"), 0o755); err != nil {
		t.Fatal(err)
	}
	source := `local cfg = require("bridge").config { server = { type = "string", required = true }, port = { type = "integer", max = 65535 },
  wait = { type = "duration", min = 1 }, level = { type = "string", enum = { "a", "b" } }, rooms = { type = "map", of = "room" },
  pw = { type = "secret", min = 3 }, nets = { type = "list", of = "url" }, ["any"] = { type = "list", of = "integer", help = "numbers" } }`
	if err := os.WriteFile(filepath.Join(dir, "scripts", "irc.lua"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "bridgehost.toml")
	const whole = needed + `retries = 3
[scripts]
admins = ["@you:example.org"]
[scripts.config.irc]
server = "x"
port = 1
wait = "5s"
level = "a"
rooms = { a = "#a:b.c" }
pw = "abc"
nets = ["https://a.b"]
any = [1]
[scripts.config.other]
anything = 1
[scripts.limits]
cpu = "1m30s"
memory = "64 MB"
[scripts.limits_of.irc]
timers = 3
[scripts.dirs_of.irc]
in = "x"
[storage]
durability = "normal"
`
	if err := os.WriteFile(path, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := ReadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	schema := ConfigSchema(&c)
	if err := validates(t, schema, whole); err != nil {
		t.Error(err)
	}
	for _, w := range []struct{ old, new string }{
		{"retries = 3", "retires = 3"}, {"retries = 3", `retries = "3"`}, {"retries = 3", "retries = -1"}, {`["@you:example.org"]`, `"@you:example.org"`},
		{`"1m30s"`, `"soon"`}, {`"64 MB"`, `"lots"`}, {"timers = 3", `timers = "x"`}, {`"normal"`, `"maybe"`}, {`in = "x"`, "in = 5"},
		{"[storage]", "[storrage]"},
	} {
		text := strings.Replace(whole, w.old, w.new, 1)
		if _, err := readText(t, text); err == nil {
			t.Errorf("%s is read", w.new)
		}
		if validates(t, schema, text) == nil {
			t.Errorf("%s: the schema takes it", w.new)
		}
	}
	asked := askedBy(found{name: "irc", path: filepath.Join(dir, "scripts", "irc.lua")})
	for _, w := range []struct{ old, new string }{
		{"port = 1", "port = 70000"}, {"port = 1", `port = "1"`}, {`level = "a"`, `level = "c"`}, {`server = "x"`, `sever = "x"`},
		{`pw = "abc"`, `pw = "a"`}, {`["https://a.b"]`, `[5]`}, {"any = [1]", "any = [1.5]"}, {`a = "#a:b.c"`, "a = 1"},
	} {
		text := strings.Replace(whole, w.old, w.new, 1)
		c, err := readText(t, text)
		if err != nil {
			t.Fatal(err)
		}
		if len(asked.Problems(c.Scripts.Config["irc"])) == 0 {
			t.Errorf("%s fits the script", w.new)
		}
		if validates(t, schema, text) == nil {
			t.Errorf("%s: the schema takes it", w.new)
		}
	}
}
