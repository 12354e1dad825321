package luabind

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
)

// Schema is what a script asks of its configuration, known without running it.
type Schema struct{ keys schema }

// anyType is the type of a key of which the source does not say it.
const anyType = "any"

// ReadSchema reads a schema as bridge.config does. unclear are further keys, of which nothing is known.
func ReadSchema(t *lua.LTable, unclear ...string) (Schema, *diag.Error) {
	s, err := readSchema(&Env{}, t)
	if err != nil {
		return Schema{}, ErrorOf(err)
	}
	for _, name := range unclear {
		s[name] = &configKey{typ: anyType}
	}
	return Schema{s}, nil
}

// Key is one key of a schema.
type Key struct {
	Name     string
	Type     string
	Of       string // of what a list or map is; "" for others
	Takes    string // "integer from 1 to 65535"
	Help     string
	Required bool
	Secret   bool
	LuaType  string // as editors know it
	Default  any    // as TOML has it; nil when there is none
}

// Keys lists the keys by name.
func (s Schema) Keys() []Key {
	var list []Key
	for _, name := range s.keys.names() {
		k := s.keys[name]
		key := Key{Name: name, Type: k.typ, Takes: k.describe(), Help: k.help, Required: k.required, Secret: k.secret(), LuaType: k.luaType()}
		key.Default = k.def
		if k.def != nil && k.written != nil {
			key.Default = k.written
		}
		if k.of != nil {
			key.Of = k.of.typ
		}
		list = append(list, key)
	}
	return list
}

// DefaultText is the default as a TOML file has it.
func (k Key) DefaultText() string { return tomlText(k.Default) }

// luaType is the type of what scripts get.
func (k *configKey) luaType() string {
	switch k.typ {
	case "integer", "number", "boolean", anyType:
		return k.typ
	case "duration":
		return "number"
	case "list":
		of := k.of.luaType()
		if strings.ContainsAny(of, "|,") {
			of = "(" + of + ")"
		}
		return of + "[]"
	case "map":
		return "table<string, " + k.of.luaType() + ">"
	}
	if k.typ == "string" && len(k.enum) > 0 {
		words := make([]string, len(k.enum))
		for i, word := range k.enum {
			words[i] = strconv.Quote(word)
		}
		return strings.Join(words, "|")
	}
	return "string"
}

// Key is the key of that name.
func (s Schema) Key(name string) (Key, bool) {
	for _, k := range s.Keys() {
		if k.Name == name {
			return k, true
		}
	}
	return Key{}, false
}

// Problem is one thing wrong with a configuration.
type Problem struct {
	Key     string
	Text    string // without the key's name
	Missing bool
	Command string // that mends it, without "bridgehost config set SCRIPT."
}

// Problems compares a configuration with the schema.
func (s Schema) Problems(configured map[string]any) []Problem {
	_, problems := s.keys.check(configured)
	list := make([]Problem, len(problems))
	for i, p := range problems {
		list[i] = Problem{Key: p.name, Text: p.what, Missing: p.add}
		if p.key == nil {
			continue
		}
		text := strings.TrimPrefix(strings.TrimPrefix(p.what, "'"+p.name+"'"), ": ")
		list[i].Text, list[i].Command = strings.TrimSpace(text)+p.key.about(), p.name+p.key.argument()
		if p.add {
			list[i].Text = "is missing: " + p.key.describe() + p.key.about()
		}
	}
	return list
}

// differentKeys lists the keys whose values are not the same, by name.
func differentKeys(a, b map[string]any) []string {
	var keys []string
	for key := range maps.Keys(a) {
		if !reflect.DeepEqual(a[key], b[key]) {
			keys = append(keys, key)
		}
	}
	for key := range b {
		if _, both := a[key]; !both {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// TableOf is a value of TOML or JSON as a table of Lua, to be read as a schema.
func TableOf(m map[string]any) *lua.LTable {
	t := &lua.LTable{Metatable: lua.LNil}
	for key, v := range m {
		t.RawSetString(key, plainValue(v))
	}
	return t
}

func plainValue(v any) lua.LValue {
	switch x := v.(type) {
	case bool:
		return lua.LBool(x)
	case string:
		return lua.LString(x)
	case int64:
		return lua.LNumber(x)
	case float64:
		return lua.LNumber(x)
	case []any:
		t := &lua.LTable{Metatable: lua.LNil}
		for i, item := range x {
			t.RawSetInt(i+1, plainValue(item))
		}
		return t
	case map[string]any:
		return TableOf(x)
	}
	return lua.LNil
}

// JSON is the schema as JSON schema has it: what a table of these keys may hold.
func (s Schema) JSON() map[string]any {
	properties := map[string]any{}
	required := []string{}
	for name, k := range s.keys {
		properties[name] = k.json()
		if k.required && k.def == nil {
			required = append(required, name)
		}
	}
	slices.Sort(required)
	object := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		object["required"] = required
	}
	return object
}

// json is what one key takes. A text may also be a reference, which no pattern refuses.
func (k *configKey) json() map[string]any {
	p := map[string]any{}
	switch k.typ {
	case "integer", "number", "boolean", "string":
		p["type"] = k.typ
	case "list":
		p["type"], p["items"] = "array", k.of.json()
	case "map":
		p["type"], p["additionalProperties"] = "object", k.of.json()
	case "duration":
		p["type"] = []string{"string", "number"}
	case anyType:
	default:
		p["type"] = "string"
	}
	low, high := "minimum", "maximum"
	if k.typ == "string" || k.typ == "secret" {
		low, high = "minLength", "maxLength"
	}
	if k.min != nil && k.typ != "duration" {
		p[low] = *k.min
	}
	if k.max != nil && k.typ != "duration" {
		p[high] = *k.max
	}
	if len(k.enum) > 0 && k.typ == "string" {
		p["enum"] = k.enum
	}
	if text := strings.TrimSpace(k.help); text != "" {
		p["description"] = text
	}
	if k.def != nil && !k.secret() {
		p["default"] = k.def
		if k.typ == "duration" {
			p["default"] = k.written
		}
	}
	if k.example != nil && !k.secret() {
		p["examples"] = []any{k.example}
	}
	return p
}
