package apidoc

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"bridgehost/luabind"
)

// ConfigTypes are the classes of what bridge.config gives to scripts (name → schema), and the
// type of what it gives here: that of the script, or of any of them.
func ConfigTypes(schemas map[string]luabind.Schema) (classes, gives string) {
	var b strings.Builder
	var names []string
	for _, script := range slices.Sorted(maps.Keys(schemas)) {
		name := "bridgehost.Config." + noName.ReplaceAllString(script, "_")
		names = append(names, name)
		fmt.Fprintf(&b, "---The configuration of %s, as its source asks for it.\n---@class (exact) %s\n", script, name)
		for _, k := range schemas[script].Keys() {
			typ, doc := k.LuaType, k.Help
			if !k.Required && k.Default == nil {
				typ += "?"
			}
			if k.Default != nil && !k.Secret {
				doc = strings.TrimSpace(doc + " (default: " + k.DefaultText() + ")")
			}
			fmt.Fprintf(&b, "---@field %s %s %s\n", fieldName(k.Name), typ, oneLine(doc))
		}
		b.WriteString("\n")
	}
	return b.String(), strings.Join(names, "|")
}

var (
	noName = regexp.MustCompile(`[^A-Za-z0-9_]`)
	isName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// fieldName is the name of a field; others than names stand in brackets.
func fieldName(key string) string {
	if isName.MatchString(key) {
		return key
	}
	return fmt.Sprintf("[%q]", key)
}

// giving is the declaration of bridge.config with the type of what it gives in a script's folder.
func giving(f *luabind.Function, gives string) *luabind.Function {
	if gives == "" || f.FullName() != "bridge.config" {
		return f
	}
	own := *f
	own.Returned = []string{gives}
	return &own
}
