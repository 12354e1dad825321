package host

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"bridgehost/bundle"
	"bridgehost/diag"
	"bridgehost/internal/tomledit"
	"bridgehost/lint"
	"bridgehost/luabind"
)

// askedFor is what a script asks of its configuration, known without running it.
type askedFor struct {
	luabind.Schema
	known bool   // the schema is
	none  bool   // it takes no configuration
	from  string // where that stands: "irc.lua:5", "bridge.toml"
}

// askedBy reads the schema of a script: from its source, which is what counts, or, where it
// is not written out there, from its manifest.
func askedBy(f found) askedFor {
	src, m, err := readSource(f.name, f.path)
	if err != nil {
		return askedFor{}
	}
	c := lint.ConfigOf(lint.Script{Main: src.Main, Files: src.Files})
	switch {
	case c.Known:
		return askedFor{Schema: c.Schema, known: true, from: fmt.Sprintf("%s:%d", c.File, c.Line)}
	case m != nil && len(m.Config) > 0:
		if s, wrong := luabind.ReadSchema(luabind.TableOf(m.Config)); wrong == nil {
			return askedFor{Schema: s, known: true, from: bundle.File}
		}
	case !c.Asks:
		return askedFor{none: true}
	}
	return askedFor{from: fmt.Sprintf("%s:%d", c.File, c.Line)}
}

// scriptOf finds a script by its name: in the folder of scripts, or beside the configuration,
// where `dev` runs it.
func (c *Config) scriptOf(name string) (found, bool) {
	all, _ := c.scripts()
	for _, f := range all {
		if f.name == name {
			return f, true
		}
	}
	return found{}, false
}

// scripts lists the scripts that the configuration is for.
func (c *Config) scripts() ([]found, error) {
	all, _, err := discover(c.Scripts.Dir)
	dir := filepath.Dir(c.Path)
	if name, ok := nameOf(dir); ok {
		return append(all, found{name: name, path: dir}), nil
	}
	if beside, _, e := discover(dir); e == nil {
		for _, f := range beside {
			if f.path != c.Scripts.Dir && filepath.Ext(f.path) == ".lua" {
				all = append(all, f)
			}
		}
	}
	if len(all) > 0 {
		return all, nil
	}
	return nil, err
}

// named finds a script by its name or path; the error suggests another.
func (c *Config) named(name string) (found, error) {
	if f, ok := c.scriptOf(name); ok {
		return f, nil
	}
	if abs, err := filepath.Abs(name); err == nil {
		if n, ok := nameOf(abs); ok {
			return found{name: n, path: abs}, nil
		}
	}
	var names []string
	all, _ := c.scripts()
	for _, f := range all {
		names = append(names, f.name)
	}
	hint := ""
	if s := diag.Suggest(name, names); s != "" {
		hint = fmt.Sprintf("; did you mean %q?", s)
	}
	return found{}, wrongUse("there is no script %q in %s%s", name, c.Scripts.Dir, hint)
}

// SchemaURL is the name of the schema of a bridgehost.toml.
const SchemaURL = "https://bridgehost.example/schema/bridgehost-1.json"

// draft is the dialect of JSON schema that editors of TOML read.
const schemaDialect = "http://json-schema.org/draft-07/schema#"

// ConfigSchema is the JSON schema of a bridgehost.toml. Scripts that c knows are in it; c may
// be nil.
func ConfigSchema(c *Config) map[string]any {
	s := schemaOf(reflect.TypeFor[Config](), nil)
	s["$schema"], s["$id"], s["title"] = schemaDialect, SchemaURL, "bridgehost.toml"
	if c == nil {
		return s
	}
	scripts, _ := c.scripts() // without one it is the schema of every host
	known := map[string]any{}
	for _, f := range scripts {
		if asked := askedBy(f); asked.known {
			of := asked.JSON()
			delete(of, "required") // half a table is no error while one writes
			known[f.name] = of
		}
	}
	table := s["properties"].(map[string]any)["scripts"].(map[string]any)["properties"].(map[string]any)["config"].(map[string]any)
	if len(known) > 0 {
		table["properties"] = known
	}
	return s
}

// ScriptSchema is the JSON schema of one script's table of the configuration.
func ScriptSchema(c *Config, name string) (map[string]any, error) {
	f, err := c.named(name)
	if err != nil {
		return nil, err
	}
	asked := askedBy(f)
	switch {
	case asked.none:
		return nil, wrongUse("%s takes no configuration: it does not call bridge.config", f.name)
	case !asked.known:
		return nil, fmt.Errorf("%w: the schema of %s is not written out (%s); write it as a table of constants, or into [config] of its bridge.toml", ErrConfig, f.name, asked.from)
	}
	s := asked.JSON()
	s["$schema"], s["title"] = schemaDialect, "[scripts.config."+tomledit.Key(f.name)+"]"
	return s, nil
}

// schemaOf is the schema of a table. Types are those of the structs that it is read into.
func schemaOf(t reflect.Type, above []string) map[string]any {
	properties := map[string]any{}
	defaults := DefaultConfig()
	preset := defaults.settings()
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("toml")
		if name == "-" || name == "" {
			continue
		}
		key := append(slices.Clip(above), name)
		p := schemaOfType(f.Type, key)
		if p["description"] = f.Tag.Get("doc"); p["type"] != "object" {
			if v := find(preset, key); v != nil && v != "" && !reflect.ValueOf(v).IsZero() {
				p["default"] = v
			}
		}
		properties[name] = p
	}
	return map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
}

func schemaOfType(t reflect.Type, key []string) map[string]any {
	switch {
	case t == reflect.TypeFor[Duration]():
		return map[string]any{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`, "examples": []string{"5s", "2m"}}
	case t == reflect.TypeFor[Size]():
		return map[string]any{"type": "string", "pattern": `^ *[0-9]+ *([kKmMgG]?[bB])? *$`, "examples": []string{"64MB"}}
	case t.Kind() == reflect.Struct:
		return schemaOf(t, key)
	case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Interface:
		return map[string]any{"type": "object"}
	case t.Kind() == reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOfType(t.Elem(), append(slices.Clip(key), "*"))}
	case t.Kind() == reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOfType(t.Elem(), key)}
	case t.Kind() == reflect.Bool:
		return map[string]any{"type": "boolean"}
	case t.Kind() == reflect.Int:
		return map[string]any{"type": "integer", "minimum": 0}
	}
	p := map[string]any{"type": "string"}
	if strings.Join(key, ".") == "storage.durability" {
		p["enum"] = durabilities
	}
	return p
}

// SchemaAt is the schema of the configuration at path, or of one of its scripts. Without a
// configuration it is that of every host.
func SchemaAt(path, script string) (map[string]any, error) {
	c, err := decodeFile(path, DefaultConfig())
	if script != "" {
		return ScriptSchema(&c, script)
	}
	if err != nil && c.source == nil {
		return ConfigSchema(nil), nil
	}
	return ConfigSchema(&c), nil
}
