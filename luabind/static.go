package luabind

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
)

// What can be known of a script without running it. The words are those of the errors
// that running it raises.

// Global is the name of the global that is the script's bot.
const Global = "intent"

// Function is the function or method of that name, nil for none.
func (g *Group) Function(name string) *Function { return g.functions[name] }

// Field is the field of that name, nil for none.
func (g *Group) Field(name string) *Field { return g.fields[name] }

// Open tells whether scripts may add members of their own: modules, and objects that are tables.
func (g *Group) Open() bool { return !g.Class || g.table }

// Missing says that there is nothing of that name in g, and what was probably meant.
func (g *Group) Missing(name string) (message, near string) {
	near = diag.Suggest(name, append(slices.Sorted(maps.Keys(g.functions)), slices.Sorted(maps.Keys(g.fields))...))
	what := "method"
	switch {
	case !g.Class:
		what = "function"
	case g.functions[near] != nil:
	case g.fields[near] != nil, g.table:
		what = "field"
	}
	message = fmt.Sprintf("%s has no %s '%s'", g.Name, what, name)
	if near != "" {
		message += fmt.Sprintf("; did you mean '%s'?", near)
	}
	return message, near
}

// Unknown says that a function has no option (or field) of that name, and which it has.
func (f *Function) Unknown(what, name string, known []string) (message, near, hint string) {
	message = fmt.Sprintf("unknown %s '%s' to '%s'", what, name, f.Name)
	if near = diag.Suggest(name, known); near != "" {
		message += fmt.Sprintf("; did you mean '%s'?", near)
	}
	if len(known) == 0 {
		return message, near, "it takes none"
	}
	return message, near, "it takes " + strings.Join(known, ", ")
}

// CanFail tells whether the function returns nil and an error when it fails.
func (f *Function) CanFail() bool { return slices.Contains(f.Returned, "Error?") }

// Gives is the class of the first result, nil when it is of none. It may be nil even so.
func (f *Function) Gives() *Group {
	if f.Result != "" && f.Result != "any" {
		return classNamed(f.Result)
	}
	if len(f.Returned) > 0 {
		return classNamed(f.Returned[0])
	}
	return nil
}

// Class is the class of a field's value, nil when it is of none.
func (f *Field) Class() *Group { return classNamed(f.Type) }

// Hands are the classes of what a function given as this argument is called with.
func (a *Arg) Hands() []*Group {
	list, isFunction := strings.CutPrefix(a.Lua, "fun(")
	list, _, closed := strings.Cut(list, ")")
	if !isFunction || !closed || list == "" {
		return nil
	}
	var classes []*Group
	for _, param := range strings.Split(list, ",") {
		_, typ, _ := strings.Cut(param, ":")
		classes = append(classes, classNamed(strings.TrimSpace(typ)))
	}
	return classes
}

// classNamed finds a class by its name, or by what editors call it.
func classNamed(typ string) *Group {
	typ = strings.TrimSuffix(typ, "?")
	for _, g := range registry {
		if g.Class && (g.Name == typ || ClassName(g.Name) == typ) {
			return g
		}
	}
	return nil
}

// CheckEvent looks at the name that bridge.on is given; the error is the one that it raises.
func CheckEvent(name string) *diag.Error {
	if err := checkEvent(name); err != nil {
		return ErrorOf(err)
	}
	return nil
}

// CheckSchema looks at what bridge.config is given; the error is the one that it raises.
func CheckSchema(schema *lua.LTable) *diag.Error {
	if _, err := readSchema(&Env{}, schema); err != nil {
		return ErrorOf(err)
	}
	return nil
}

// Refuses is what is wrong with a value for an argument of f: "room ID expected, got …";
// "" when it is taken. v is nil, a boolean, a number or a string.
func (f *Function) Refuses(a *Arg, v lua.LValue) (wrong string) {
	s := f.plan.byName[a.Name]
	if s == nil || v == lua.LNil && (a.Nil || a.Optional) {
		return ""
	}
	defer func() {
		if recover() != nil {
			wrong = "" // this kind of value can be judged in a VM only
		}
	}()
	return s.read(&Call{Env: &Env{}, fn: f}, v, reflect.New(s.typ).Elem())
}
