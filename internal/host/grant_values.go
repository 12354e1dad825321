package host

import (
	"fmt"
	"regexp"
	"strings"
)

var configRef = regexp.MustCompile(`\$\{config\.([a-zA-Z0-9_]+)\}`)

// withDefaults fills the manifest's defaults into a grant. A host that the owner wrote stays
// ${config.KEY}, by which capability knows that it may lie at home; one that only the
// publisher named is filled in as the text that it is.
func withDefaults(grant string, schema, values map[string]any) []string {
	name, scope, scoped := strings.Cut(grant, " ")
	if !scoped {
		return []string{grant}
	}
	host := configRef.FindAllStringSubmatch(hostOf(scope), -1)
	byOwner := len(host) > 0
	for _, ref := range host {
		byOwner = byOwner && len(texts(values[ref[1]])) > 0
	}
	list := []string{scope}
	for _, ref := range configRef.FindAllStringSubmatch(scope, -1) {
		written := texts(values[ref[1]])
		if len(written) > 0 && byOwner {
			continue
		}
		if len(written) == 0 {
			key, _ := schema[ref[1]].(map[string]any)
			written = texts(key["default"])
		}
		var filled []string
		for _, scope := range list {
			for _, v := range written {
				if v != "" && !strings.ContainsAny(v, "*$") {
					filled = append(filled, strings.ReplaceAll(scope, ref[0], v))
				}
			}
		}
		list = filled
	}
	for i := range list {
		list[i] = name + " " + list[i]
	}
	return list
}

// hostOf is the part of a scope that names the host: before the port and the path.
func hostOf(scope string) string {
	if _, rest, isURL := strings.Cut(scope, "://"); isURL {
		scope, _, _ = strings.Cut(rest, "/")
	}
	if i := strings.LastIndexByte(scope, ':'); i >= 0 && !strings.HasSuffix(scope, "]") {
		return scope[:i]
	}
	return scope
}

// texts are the values of a key of the configuration.
func texts(v any) (list []string) {
	switch v := v.(type) {
	case nil:
	case []any:
		for _, one := range v {
			list = append(list, texts(one)...)
		}
	case map[string]any:
		for _, one := range v {
			list = append(list, texts(one)...)
		}
	default:
		list = append(list, fmt.Sprint(v))
	}
	return list
}
