package luabind

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
)

// schema is what bridge.config declares.
type schema map[string]*configKey

// configKey is one declared key.
type configKey struct {
	typ      string
	of       *configKey // of list and map
	required bool
	def      any // as scripts get it; nil: none
	written  any // the default as a TOML value
	min, max *float64
	enum     []string
	help     string
	example  any
}

// problem is one thing wrong with a configuration.
type problem struct {
	name string
	key  *configKey // nil when it is unknown
	what string
	add  bool // it is missing
}

func (p problem) text(where string) string {
	if where != "" && !p.add {
		return where + ": " + p.what
	}
	return p.what
}

var configTypes = []string{"string", "integer", "number", "boolean", "secret", "list", "map", "mxid", "room", "url", "duration"}

var configFields = []string{"type", "of", "required", "default", "min", "max", "enum", "help", "example"}

// ConfigWords lists the types of a configuration's keys, and the fields that describe one.
func ConfigWords() (types, fields []string) {
	return slices.Clone(configTypes), slices.Clone(configFields)
}

// readSchema reads the table given to bridge.config. A mistake in it is the author's.
func readSchema(env *Env, t *lua.LTable) (schema, error) {
	s := schema{}
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		name, ok := k.(lua.LString)
		if !ok {
			return nil, usage("bad schema: the keys of a configuration are names, got %s", keyText(k))
		}
		key, err := readConfigKey(env, string(name), v)
		if err != nil {
			return nil, err
		}
		s[string(name)] = key
	}
	for _, name := range s.names() {
		key := s[name]
		if key.def == nil {
			continue
		}
		v, wrong := key.value(key.def)
		if wrong != "" {
			return nil, usage("bad schema: the default of '%s' is wrong: %s", name, wrong)
		}
		key.written, key.def = key.def, v
	}
	return s, nil
}

func readConfigKey(env *Env, name string, v lua.LValue) (*configKey, error) {
	if word, ok := v.(lua.LString); ok { // of = "string"
		return newConfigKey(name, string(word))
	}
	t, ok := v.(*lua.LTable)
	if !ok {
		return nil, usage("bad schema: '%s' must be a table like { type = \"string\" }, got %s", name, typeName(env, v))
	}
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		if field := keyText(k); !slices.Contains(configFields, field) {
			message := fmt.Sprintf("bad schema: '%s' has an unknown field '%s'", name, field)
			if near := diag.Suggest(field, configFields); near != "" {
				message += fmt.Sprintf("; did you mean '%s'?", near)
			}
			return nil, usage("%s", message)
		}
	}
	word, ok := t.RawGetString("type").(lua.LString)
	if !ok {
		return nil, usage("bad schema: '%s' needs a type, one of %s", name, strings.Join(configTypes, ", "))
	}
	key, err := newConfigKey(name, string(word))
	if err != nil {
		return nil, err
	}
	if of := t.RawGetString("of"); of != lua.LNil {
		if key.of, err = readConfigKey(env, name, of); err != nil {
			return nil, err
		}
	} else if key.typ == "list" || key.typ == "map" {
		key.of = &configKey{typ: "string"}
	}
	key.required = t.RawGetString("required") == lua.LTrue
	key.help = lua.LVAsString(t.RawGetString("help"))
	for field, to := range map[string]**float64{"min": &key.min, "max": &key.max} {
		if limit := t.RawGetString(field); limit != lua.LNil {
			if *to, err = key.limit(limit); err != nil {
				return nil, usage("bad schema: '%s' of '%s' is wrong: %s", field, name, err)
			}
		}
	}
	if enum, ok := t.RawGetString("enum").(*lua.LTable); ok {
		enum.ForEach(func(_, v lua.LValue) { key.enum = append(key.enum, v.String()) })
	}
	key.def = schemaValue(t.RawGetString("default"), key.typ)
	key.example = schemaValue(t.RawGetString("example"), key.typ)
	return key, nil
}

// limit is a min or max: a number, of durations also "5m".
func (k *configKey) limit(v lua.LValue) (*float64, error) {
	switch x := v.(type) {
	case lua.LNumber:
		f := float64(x)
		return &f, nil
	case lua.LString:
		if k.typ == "duration" {
			d, err := ParseDuration(string(x))
			f := d.Seconds()
			return &f, err
		}
	}
	return nil, fmt.Errorf("number expected, got %s", v.Type())
}

func newConfigKey(name, typ string) (*configKey, error) {
	if !slices.Contains(configTypes, typ) {
		message := fmt.Sprintf("bad schema: '%s' has the unknown type '%s'", name, typ)
		if near := diag.Suggest(typ, configTypes); near != "" {
			message += fmt.Sprintf("; did you mean '%s'?", near)
		}
		return nil, &diag.Error{Kind: diag.KindUsage, Code: "E_ARGUMENT", Message: message, Hint: "there are " + strings.Join(configTypes, ", ")}
	}
	return &configKey{typ: typ}, nil
}

// schemaValue is a default or an example as TOML would give it; nil for none.
func schemaValue(v lua.LValue, typ string) any {
	switch x := v.(type) {
	case lua.LBool:
		return bool(x)
	case lua.LString:
		return string(x)
	case lua.LNumber:
		if f := float64(x); f == math.Trunc(f) && math.Abs(f) <= 1<<53 {
			return int64(f)
		}
		return float64(x)
	case *lua.LTable:
		if x.Len() > 0 || typ == "list" {
			list := []any{}
			for i := 1; i <= x.Len(); i++ {
				list = append(list, schemaValue(x.RawGetInt(i), ""))
			}
			return list
		}
		m := map[string]any{}
		x.ForEach(func(k, v lua.LValue) { m[k.String()] = schemaValue(v, "") })
		return m
	}
	return nil
}

// check compares the configured values with the schema and fills in defaults. It finds
// all problems, in the order of the keys.
func (s schema) check(configured map[string]any) (values map[string]any, problems []problem) {
	values = map[string]any{}
	for _, name := range s.names() {
		key := s[name]
		given, ok := configured[name]
		if !ok {
			switch {
			case key.def != nil:
				values[name] = key.def
			case key.required:
				what := fmt.Sprintf("'%s' is missing (%s", name, key.describe())
				if key.help != "" {
					what += ": " + key.help
				}
				problems = append(problems, problem{name, key, what + ")", true})
			}
			continue
		}
		v, wrong := key.value(given)
		if wrong != "" {
			problems = append(problems, problem{name, key, fmt.Sprintf("'%s': %s", name, wrong), false})
			continue
		}
		values[name] = v
	}
	var unknown []string
	for name := range configured {
		if s[name] == nil {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		what := fmt.Sprintf("unknown key '%s'", name)
		if near := diag.Suggest(name, s.names()); near != "" {
			what += fmt.Sprintf("; did you mean '%s'?", near)
		}
		problems = append(problems, problem{name: name, what: what})
	}
	return values, problems
}

// describe names what the key takes.
func (k *configKey) describe() string {
	switch {
	case k.typ == "list":
		return "list of " + k.of.describe()
	case k.typ == "map":
		return "table of " + k.of.describe()
	case k.typ == "mxid":
		return "user ID"
	case k.typ == "room":
		return "room ID or alias"
	case k.enum != nil:
		return "one of " + strings.Join(k.enum, ", ")
	case k.min != nil && k.max != nil:
		return fmt.Sprintf("%s from %s to %s", k.typ, formatNumber(*k.min), formatNumber(*k.max))
	case k.min != nil:
		return fmt.Sprintf("%s of at least %s", k.typ, formatNumber(*k.min))
	case k.max != nil:
		return fmt.Sprintf("%s of at most %s", k.typ, formatNumber(*k.max))
	}
	return k.typ
}

// sample is a value to put into bridgehost.toml.
func (k *configKey) sample() string {
	if k.example != nil {
		return tomlText(k.example)
	}
	switch k.typ {
	case "integer", "number":
		if k.min != nil {
			return formatNumber(*k.min)
		}
		return "1"
	case "boolean":
		return "true"
	case "list":
		return "[" + k.of.sample() + "]"
	case "map":
		return "{ key = " + k.of.sample() + " }"
	case "mxid":
		return `"@you:example.org"`
	case "room":
		return `"#room:example.org"`
	case "url":
		return `"https://example.org"`
	case "duration":
		return `"30s"`
	}
	if len(k.enum) > 0 {
		return strconv.Quote(k.enum[0])
	}
	return unknownSample
}

// unknownSample is the sample of a key of which the schema says nothing.
const unknownSample = `"…"`

// tomlText writes a value as it stands in a TOML file.
func tomlText(v any) string {
	switch x := v.(type) {
	case string:
		return strconv.Quote(x)
	case []any:
		parts := make([]string, len(x))
		for i, item := range x {
			parts[i] = tomlText(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		parts := make([]string, 0, len(x))
		for key, item := range x {
			parts = append(parts, strconv.Quote(key)+" = "+tomlText(item))
		}
		slices.Sort(parts)
		return "{ " + strings.Join(parts, ", ") + " }"
	}
	return fmt.Sprint(v)
}
