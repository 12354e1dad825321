package lint

import (
	"regexp"
	"slices"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"bridgehost/luabind"
)

// schemaKeys are the keys of a schema that the source says in full; nil for any other.
func schemaKeys(e ast.Expr) []string {
	t, ok := e.(*ast.TableExpr)
	if !ok || !named(t) {
		return nil
	}
	keys := []string{}
	for _, field := range t.Fields {
		keys = append(keys, text(field.Key))
	}
	return keys
}

var unknownField = regexp.MustCompile(`unknown field '([^']*)'`)

// schema looks at each key of what bridge.config is given, as far as the source says it.
func (f *file) schema(e ast.Expr) {
	t, ok := e.(*ast.TableExpr)
	if !ok {
		return
	}
	for _, field := range t.Fields {
		key, ok := field.Key.(*ast.StringExpr)
		if !ok {
			continue
		}
		described, ok := description(field.Value)
		if !ok {
			continue
		}
		one := &lua.LTable{Metatable: lua.LNil}
		one.RawSetString(key.Value, described)
		wrong := luabind.CheckSchema(one)
		if wrong == nil {
			continue
		}
		at := f.tree.Place(key)
		if m := unknownField.FindStringSubmatch(wrong.Message); m != nil {
			for _, inner := range field.Value.(*ast.TableExpr).Fields {
				if inner.Key != nil && text(inner.Key) == m[1] {
					at = f.tree.Place(inner.Key)
				}
			}
		}
		f.report(at, codeSchema, wrong.Message, wrong.Hint)
	}
}

// description is the description of a key, without what only running can tell.
func description(e ast.Expr) (lua.LValue, bool) {
	t, ok := e.(*ast.TableExpr)
	if !ok {
		return literal(e)
	}
	_, fields := luabind.ConfigWords()
	d := &lua.LTable{Metatable: lua.LNil}
	for _, field := range t.Fields {
		name := text(field.Key)
		if name == "" {
			return nil, false
		}
		v, ok := whole(field.Value)
		if name == "of" {
			v, ok = description(field.Value)
		}
		switch {
		case ok:
			d.RawSetString(name, v)
		case name == "type" || name == "of":
			return nil, false
		case !slices.Contains(fields, name):
			d.RawSetString(name, lua.LTrue) // whatever it is
		}
	}
	return d, true
}

// whole is a value that the source says in full, a list or table included.
func whole(e ast.Expr) (lua.LValue, bool) {
	t, ok := e.(*ast.TableExpr)
	if !ok {
		return literal(e)
	}
	list := &lua.LTable{Metatable: lua.LNil}
	for i, field := range t.Fields {
		v, ok := whole(field.Value)
		switch {
		case !ok:
			return nil, false
		case field.Key == nil:
			list.RawSetInt(i+1, v)
		case text(field.Key) == "":
			return nil, false
		default:
			list.RawSetString(text(field.Key), v)
		}
	}
	return list, true
}
