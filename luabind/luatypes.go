package luabind

import (
	"reflect"
	"strconv"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/intent"
)

// returns names the types of what comes back, as editors know them: "Socket?", "Error?".
// For functions whose Go type does not say it.
func returns(types ...string) detail { return func(f *Function) { f.Returned = types } }

// ClassName is what a class is called in annotations: "state_store" is StateStore. Plain integers are no class.
func ClassName(group string) string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(group, func(r rune) bool { return r == '_' || r == '.' || r == ' ' }) {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// luaType is a Go type of arguments as editors know it.
func luaType(t reflect.Type, enum []string) string {
	switch t {
	case reflect.TypeFor[time.Duration](), reflect.TypeFor[ByteSize]():
		return "string|number"
	case reflect.TypeFor[[]byte]():
		return "string"
	case reflect.TypeFor[JSON](), reflect.TypeFor[lua.LValue]():
		return "any"
	case reflect.TypeFor[Map](), reflect.TypeFor[*lua.LTable]():
		return "table"
	case reflect.TypeFor[List]():
		return "any[]"
	case reflect.TypeFor[Content]():
		return "table|string|Markup"
	case reflect.TypeFor[Text]():
		return "string|Markup"
	case reflect.TypeFor[*intent.Intent]():
		return "Intent"
	case reflect.TypeFor[*Markup]():
		return "Markup"
	case reflect.TypeFor[*lua.LFunction]():
		return "function"
	}
	if held := classTypes[t]; held != nil {
		return ClassName(held.group.Name)
	}
	switch t.Kind() {
	case reflect.String:
		if len(enum) == 0 {
			return "string"
		}
		words := make([]string, len(enum))
		for i, e := range enum {
			words[i] = strconv.Quote(e)
		}
		return strings.Join(words, "|")
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Pointer:
		return luaType(t.Elem(), enum)
	case reflect.Slice:
		if of := luaType(t.Elem(), enum); !strings.Contains(of, "|") {
			return of + "[]"
		}
		return "(" + luaType(t.Elem(), enum) + ")[]"
	case reflect.Struct:
		if isOpt(t) {
			return luaType(t.Field(0).Type, enum)
		}
	}
	return "table"
}
