package apidoc

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"bridgehost/luabind"
)

// ConfigTypes is the class of what bridge.config gives to the scripts of a folder (name →
// schema), and its name. Of several scripts it has the keys of all, since an editor does not
// know which file runs as which script.
func ConfigTypes(schemas map[string]luabind.Schema) (class, gives string) {
	if len(schemas) == 0 {
		return "", ""
	}
	types, docs := map[string][]string{}, map[string]string{}
	for _, script := range slices.Sorted(maps.Keys(schemas)) {
		for _, k := range schemas[script].Keys() {
			typ, doc := k.LuaType, k.Help
			if !k.Required && k.Default == nil {
				typ += "?"
			}
			if k.Default != nil && !k.Secret {
				doc = strings.TrimSpace(doc + " (default: " + k.DefaultText() + ")")
			}
			if !slices.Contains(types[k.Name], typ) {
				types[k.Name] = append(types[k.Name], typ)
			}
			if docs[k.Name] == "" {
				docs[k.Name] = oneLine(doc)
			}
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "---The configuration, as the source asks for it: %s.\n---@class (exact) bridgehost.Config\n",
		strings.Join(slices.Sorted(maps.Keys(schemas)), ", "))
	for _, name := range slices.Sorted(maps.Keys(types)) {
		fmt.Fprintf(&b, "---@field %s %s %s\n", fieldName(name), strings.Join(types[name], "|"), docs[name])
	}
	b.WriteString("\n")
	return b.String(), "bridgehost.Config"
}

var isName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

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
