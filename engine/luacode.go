package engine

import "strings"

// luaCodes are the codes of errors that running Lua raises, by how their texts begin.
var luaCodes = []struct{ begins, code string }{
	{"attempt to index ", "E0107"},
	{"attempt to call ", "E0112"},
	{"attempt to perform arithmetic on ", "E0113"},
	{"attempt to concatenate ", "E0114"},
	{"attempt to compare ", "E0115"},
	{"attempt to get length of ", "E0116"},
	{"bad argument #", "E0117"}, // functions of the host say E_ARGUMENT
	{"'for' ", "E0118"},
	{"stack overflow", "E0119"},
	{"table index is n", "E0120"}, // nil or NaN
	{"unknown global ", "E0109"},
	{"assign to undeclared global ", "E0110"},
}

// luaCode is the code of an error of running Lua, "" for a text that has none.
func luaCode(message string) string {
	for _, c := range luaCodes {
		if strings.HasPrefix(message, c.begins) {
			return c.code
		}
	}
	return ""
}
