package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"bridgehost/diag"
	"bridgehost/engine"
	"bridgehost/engine/luasrc"
	"bridgehost/luabind"
)

// global looks at a name that is no variable of the file.
func (f *file) global(e *ast.IdentExpr) {
	_, known := f.globals[e.Value]
	if f.tree.Variable(e) != nil || known || f.lenient {
		return
	}
	at := f.tree.Place(e)
	if f.set[e] {
		f.report(at, codeNewGlobal, fmt.Sprintf("assign to undeclared global '%s'", e.Value), "did you forget `local`?")
		return
	}
	if slices.Contains(f.assigned, e.Value) {
		return // where it is set, it is told
	}
	hint := engine.GlobalHint(e.Value, func(name string) bool { return f.module(name) != nil })
	near := ""
	switch names := f.tree.Names(); {
	case hint != "":
	case slices.Contains(names, e.Value):
		hint = "the local of that name is not visible here; declare it above"
	default:
		if near = diag.Suggest(e.Value, append(slices.Sorted(maps.Keys(f.globals)), names...)); near != "" {
			hint = "did you mean '" + near + "'?"
		}
	}
	found := f.report(at, codeGlobal, fmt.Sprintf("unknown global '%s'", e.Value), hint)
	if near != "" {
		found.Fix = "write " + near
	}
}

// attribute looks at object.name.
func (f *file) attribute(e *ast.AttrGetExpr) {
	key, ok := e.Key.(*ast.StringExpr)
	if !ok || f.set[e] {
		return
	}
	v := f.valueOf(e.Object)
	f.has(v.group, key.Value, f.tree.Place(key))
	if v.config != nil && !slices.Contains(v.config, key.Value) {
		message, near := fmt.Sprintf("the configuration has no key '%s'", key.Value), diag.Suggest(key.Value, v.config)
		if near != "" {
			message += fmt.Sprintf("; did you mean '%s'?", near)
		}
		f.instead(f.tree.Place(key), codeConfigKey, message, near, "declare it in bridge.config")
	}
}

// has reports a member that a module or class does not have.
func (f *file) has(g *luabind.Group, name string, at luasrc.Place) {
	if g == nil || g.Function(name) != nil || g.Field(name) != nil || f.added[member{g, name}] ||
		g.Open() && (f.lenient || f.added[member{nil, name}]) {
		return
	}
	message, near := g.Missing(name)
	f.instead(at, codeMember, message, near, "")
}

// required looks at require "name".
func (f *file) required(e *ast.FuncCallExpr) {
	if len(e.Args) != 1 || f.script.Depends {
		return
	}
	arg, ok := e.Args[0].(*ast.StringExpr)
	if !ok || f.module(arg.Value) != nil {
		return
	}
	var known []string
	for _, g := range f.groups {
		if !g.Class {
			known = append(known, g.Name)
		}
	}
	for file := range f.script.Files {
		if slices.Contains(engine.ModuleFiles(arg.Value), file) {
			return
		}
		if name, isLua := strings.CutSuffix(file, ".lua"); isLua && file != f.script.Main {
			known = append(known, strings.ReplaceAll(strings.TrimSuffix(name, "/init"), "/", "."))
		}
	}
	slices.Sort(known)
	message := fmt.Sprintf("module '%s' not found: the host has none of that name, and the script has no file %s", arg.Value,
		strings.Join(engine.ModuleFiles(arg.Value), " or "))
	near := diag.Suggest(arg.Value, known)
	if near != "" {
		message += fmt.Sprintf("; did you mean '%s'?", near)
	}
	f.instead(f.tree.Place(arg), codeModule, message, near, "")
}
