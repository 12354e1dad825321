package bundle

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

//go:generate go test . -run TestSchemaIsCurrent -update

var update = flag.Bool("update", false, "write docs/schema")

func TestSchemaIsCurrent(t *testing.T) {
	text, err := json.MarshalIndent(Schema(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	path := filepath.Join("../docs/schema", filepath.Base(SchemaURL))
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

// compiled is the schema as a validator of its dialect takes it.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := json.Marshal(Schema())
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(SchemaURL, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(SchemaURL)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// asJSON is a manifest as a validator sees it.
func asJSON(t *testing.T, text string) any {
	t.Helper()
	var v map[string]any
	if _, err := toml.Decode(text, &v); err != nil {
		t.Fatal(err)
	}
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

// TestSchemaAgrees: what Parse takes the schema takes, and what is plainly wrong neither does.
func TestSchemaAgrees(t *testing.T) {
	schema := compiled(t)
	taken := map[string]string{"the example": good}
	for _, pattern := range []string{"../scripts/examples/*/bridge.toml", "../cmd/bridgehost/templates/*/bridge.toml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			taken[path] = string(text)
		}
	}
	for name, text := range taken {
		if _, err := Parse(text); err != nil && !strings.Contains(name, "templates") {
			t.Errorf("%s: %v", name, err)
		}
		if err := schema.Validate(asJSON(t, text)); err != nil {
			t.Errorf("%s: the schema refuses it: %v", name, err)
		}
	}
	for _, c := range []struct{ old, new string }{
		{`[permissions]`, `[permisions]`},
		{`"matrix:send"`, `"matrix:sned"`},
		{`"post messages"`, `""`},
		{`why = "the IRC server"`, `wy = "the IRC server"`},
		{`, why = "the IRC server"`, ``},
		{`id = "org.example.irc-lounge"`, ``},
		{`"org.example.irc-lounge"`, `"lounge"`},
		{`"1.4.0"`, `"1.4"`},
		{`"irc.lua"`, `"irc_spec.lua"`},
		{`"irc.lua"`, `"irc.txt"`},
		{`"irc.lua"`, `"../irc.lua"`},
		{`api = 1`, `api = 99`},
		{`"RWQf6`, `"RWQf`},
		{`type = "string", required`, `type = "strin", required`},
		{`required = true`, `requird = true`},
		{`required = true`, `required = "yes"`},
		{`"org.example.irc-parser"`, `"parser"`},
		{`timers = 5`, `timers = 0`},
		{`memory`, `memroy`},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		if text == good {
			t.Fatalf("%s does not stand in the example", c.old)
		}
		if _, err := Parse(text); err == nil {
			t.Errorf("%s: Parse takes it", c.new)
		}
		if schema.Validate(asJSON(t, text)) == nil {
			t.Errorf("%s: the schema takes it", c.new)
		}
	}
}
