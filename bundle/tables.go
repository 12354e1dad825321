package bundle

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"bridgehost/capability"
)

// at is an error about one key of a table.
func (c *checker) at(table, key, format string, args ...any) *Error {
	return &Error{Line: c.line(table, key), Message: "[" + table + "] " + key + ": " + fmt.Sprintf(format, args...)}
}

// scopes are what a permission's table may hold beside why.
var scopes = []string{"why", "hosts", "urls", "paths", "types", "ghosts", "users", "dirs", "size", "addresses", "names"}

func (c *checker) permissions() error {
	for _, table := range []struct {
		name string
		has  map[string]any
	}{{"permissions", c.m.Permissions}, {"optional-permissions", c.m.Optional}} {
		for _, name := range slices.Sorted(maps.Keys(table.has)) {
			if !capability.Known(name) {
				e := c.at(table.name, name, "there is no such permission in this version of bridgehost")
				e.Word, e.Known = name, capability.Names()
				return e
			}
			if err := c.permission(table.name, name, table.has[name]); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.m.Optional)) {
		if _, both := c.m.Permissions[name]; both {
			return c.at("optional-permissions", name, "it stands in [permissions] already")
		}
	}
	return nil
}

func (c *checker) permission(table, name string, v any) error {
	why := v
	if scope, ok := v.(map[string]any); ok {
		for _, key := range slices.Sorted(maps.Keys(scope)) {
			if !slices.Contains(scopes, key) {
				e := c.at(table, name, "unknown key '%s'", key)
				e.Word, e.Known = key, scopes
				return e
			}
		}
		why = scope["why"]
	}
	text, ok := why.(string)
	if ch, hidden := unseen(text); hidden {
		return c.at(table, name, "the reason has the character U+%04X, which is not seen or changes how others are", ch)
	}
	if len(text) > maxShown {
		return c.at(table, name, "the reason has %d bytes; %d are allowed", len(text), maxShown)
	}
	if !ok || strings.TrimSpace(text) == "" {
		e := c.at(table, name, "the reason is missing; people read it before they install")
		e.Hint, e.Code = fmt.Sprintf("write %q = \"why it is needed\"", name), CodeMissing
		return e
	}
	return nil
}

// configTypes and configFields are those of bridge.config in a script, which is the source; a test of the host compares them.
var (
	configTypes  = []string{"string", "integer", "number", "boolean", "secret", "list", "map", "mxid", "room", "url", "duration"}
	configFields = []string{"type", "of", "required", "default", "min", "max", "enum", "help", "example"}
)

func (c *checker) config() error {
	for _, name := range slices.Sorted(maps.Keys(c.m.Config)) {
		key, ok := c.m.Config[name].(map[string]any)
		if !ok {
			return c.at("config", name, `a table like { type = "string" } is expected`)
		}
		for _, field := range slices.Sorted(maps.Keys(key)) {
			if !slices.Contains(configFields, field) {
				e := c.at("config", name, "unknown field '%s'", field)
				e.Word, e.Known = field, configFields
				return e
			}
		}
		if key["type"] == nil {
			e := c.at("config", name, "its type is missing, one of %s", strings.Join(configTypes, ", "))
			e.Code = CodeMissing
			return e
		}
		for _, field := range []string{"type", "of"} {
			switch typ := key[field].(type) {
			case nil:
			case string:
				if !slices.Contains(configTypes, typ) {
					e := c.at("config", name, "there is no type '%s'", typ)
					e.Word, e.Known = typ, configTypes
					return e
				}
			default:
				if _, isTable := typ.(map[string]any); field == "type" || !isTable {
					return c.at("config", name, "'%s' is the name of a type", field)
				}
			}
		}
		if required := key["required"]; required != nil {
			if _, ok := required.(bool); !ok {
				return c.at("config", name, "'required' is true or false")
			}
		}
	}
	return nil
}

// hostModules are what require answers itself; those that begin with "bridge." cannot be the last part of an id.
var hostModules = []string{"bridge", "socket"}

func (c *checker) dependencies() error {
	called := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(c.m.Depends)) {
		if ch, at := strange(id); at >= 0 {
			return c.at("dependencies", id, "it has the character U+%04X, which may look like a letter and is none of a-z", ch)
		}
		if !idForm.MatchString(id) {
			return c.at("dependencies", id, `no id of a bundle, like "org.example.irc-parser"`)
		}
		if _, err := ParseRange(c.m.Depends[id]); err != nil {
			return c.at("dependencies", id, "%v", err)
		}
		module := moduleOf(id)
		switch other := called[module]; {
		case id == c.m.ID:
			return c.at("dependencies", id, "a bundle cannot need itself")
		case slices.Contains(hostModules, module):
			return c.at("dependencies", id, `require "%s" is a module of bridgehost itself`, module)
		case other != "":
			return c.at("dependencies", id, `require "%s" would mean this one and %s`, module, other)
		}
		called[module] = id
	}
	return nil
}

// limitKeys are those of [scripts.limits] in bridgehost.toml; a test of the host compares them.
var limitKeys = []string{"cpu", "handler", "memory", "string", "max_concurrent_handlers", "connections", "call_depth", "timers", "queue", "open_files", "sql"}

// LimitKeys lists what may stand in [limits].
func LimitKeys() []string { return slices.Clone(limitKeys) }

// ConfigWords lists the types of a configuration's keys, and the fields that describe one.
func ConfigWords() (types, fields []string) {
	return slices.Clone(configTypes), slices.Clone(configFields)
}

func (c *checker) limits() error {
	for _, name := range slices.Sorted(maps.Keys(c.m.Limits)) {
		if !slices.Contains(limitKeys, name) {
			e := c.at("limits", name, "there is no such limit")
			e.Word, e.Known = name, limitKeys
			return e
		}
		switch v := c.m.Limits[name].(type) {
		case string:
		case int64:
			if v <= 0 {
				return c.at("limits", name, "more than 0 is expected, got %d", v)
			}
		default:
			return c.at("limits", name, `a number is expected, or a text like "5s" or "64MB"`)
		}
	}
	return nil
}

// line finds the line on which key stands in table ("" for the top), 0 when it does not.
func (c *checker) line(table, key string) int {
	quoted := regexp.QuoteMeta(key)
	form := regexp.MustCompile(`^\s*(?:"` + quoted + `"|'` + quoted + `'|` + quoted + `)\s*(?:=|\.)`)
	in := ""
	for i, line := range strings.Split(c.text, "\n") {
		if head, isTable := header(line); isTable {
			in = head
			if in == key && table == "" || in == table+"."+key || in == table+`."`+key+`"` {
				return i + 1
			}
			continue
		}
		if in == table && form.MatchString(line) {
			return i + 1
		}
	}
	return 0
}

// header reads "[table]".
func header(line string) (string, bool) {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "[") {
		return "", false
	}
	name, _, closed := strings.Cut(strings.Trim(line[1:], "["), "]")
	return strings.TrimSpace(name), closed
}
