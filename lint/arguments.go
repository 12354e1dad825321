package lint

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"bridgehost/engine/luasrc"
	"bridgehost/luabind"
)

// arguments looks at what a function is given. The rules are those of luabind's decoder.
func (f *file) arguments(e *ast.FuncCallExpr, fn *luabind.Function) {
	args := e.Args
	if n := len(args); n > 0 && many(args[n-1]) {
		return // nobody knows how many there are
	}
	if fn.Table {
		f.tableArgument(e, fn)
		return
	}
	for len(args) > 0 && fn.Rest == nil {
		if _, isNil := args[len(args)-1].(*ast.NilExpr); !isNil {
			break
		}
		args = args[:len(args)-1]
	}
	required, options := split(fn.Args)
	at := 0
	for i, a := range required {
		if a.Middle && len(args)-at <= len(required)-i-1 {
			continue // left out
		}
		if at >= len(args) {
			if !a.Nil && !a.Middle && a.Lua != "any" {
				f.report(f.callPlace(e), codeCount, fmt.Sprintf("bad argument #%d '%s' to '%s' (%s expected, got nothing)", at+1, a.Name, fn.Name, a.Type), "")
			}
			return
		}
		f.argument(fn, a, args[at], at+1)
		at++
	}
	if fn.Rest != nil {
		return
	}
	f.optional(e, fn, options, args, at)
}

// many tells whether an expression may stand for any number of values.
func many(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		return !e.AdjustRet
	case *ast.Comma3Expr:
		return !e.AdjustRet
	}
	return false
}

func split(args []*luabind.Arg) (required, options []*luabind.Arg) {
	for _, a := range args {
		if a.Optional && !a.Middle {
			options = append(options, a)
		} else {
			required = append(required, a)
		}
	}
	return required, options
}

// callPlace is where the name of the called function stands.
func (f *file) callPlace(e *ast.FuncCallExpr) luasrc.Place {
	if e.Func == nil {
		return f.tree.Method(e)
	}
	if a, ok := e.Func.(*ast.AttrGetExpr); ok {
		return f.tree.Place(a.Key)
	}
	return f.tree.Place(e)
}

// argument looks at one by position.
func (f *file) argument(fn *luabind.Function, a *luabind.Arg, e ast.Expr, n int) {
	switch e := e.(type) {
	case *ast.FunctionExpr:
		return
	case *ast.TableExpr:
		if len(a.Fields) > 0 {
			f.fields(fn, "field", e, a.Fields, func(*luabind.Arg, string) string { return "" })
		}
		return
	}
	if v, ok := literal(e); ok && !(a.Middle && v == lua.LNil) {
		if wrong := fn.Refuses(a, v); wrong != "" {
			f.report(f.tree.Place(e), codeValue, fmt.Sprintf("bad argument #%d '%s' to '%s' (%s)", n, a.Name, fn.Name, wrong), "")
		}
	}
}

// optional looks at what follows the required arguments.
func (f *file) optional(e *ast.FuncCallExpr, fn *luabind.Function, options []*luabind.Arg, args []ast.Expr, at int) {
	more := args[min(at, len(args)):]
	if n := len(more); n > 0 && len(options) > 0 {
		if t, ok := more[n-1].(*ast.TableExpr); ok && named(t) {
			f.fields(fn, "option", t, options, func(a *luabind.Arg, wrong string) string {
				return fmt.Sprintf("bad option '%s' to '%s' (%s)", a.Name, fn.Name, wrong)
			})
			more = more[:n-1]
		}
	}
	if len(more) > len(options) {
		f.report(f.callPlace(e), codeCount, fmt.Sprintf("too many arguments to '%s' (%d, it takes %d at most)", fn.Name, len(args), at+len(options)), "")
		return
	}
	for i, x := range more {
		if _, isTable := x.(*ast.TableExpr); !isTable {
			f.argument(fn, options[i], x, at+i+1)
		}
	}
}

// named tells whether a table has names only, each of which the source says.
func named(t *ast.TableExpr) bool {
	for _, field := range t.Fields {
		if _, ok := field.Key.(*ast.StringExpr); !ok {
			return false
		}
	}
	return true
}

// fields looks at the names in a table, and at the values that the source says.
func (f *file) fields(fn *luabind.Function, what string, t *ast.TableExpr, known []*luabind.Arg, bad func(*luabind.Arg, string) string) {
	names := make([]string, len(known))
	byName := map[string]*luabind.Arg{}
	for i, a := range known {
		names[i], byName[a.Name] = a.Name, a
	}
	for _, field := range t.Fields {
		key, ok := field.Key.(*ast.StringExpr)
		if !ok {
			continue
		}
		a := byName[key.Value]
		if a == nil {
			message, near, hint := fn.Unknown(what, key.Value, names)
			f.instead(f.tree.Place(key), codeOption, message, near, hint)
			continue
		}
		if v, ok := literal(field.Value); ok && v != lua.LNil {
			if wrong := fn.Refuses(a, v); wrong != "" && bad(a, wrong) != "" {
				f.report(f.tree.Place(field.Value), codeValue, bad(a, wrong), "")
			}
		}
	}
}

// tableArgument looks at the one table of a function that takes all arguments in it.
func (f *file) tableArgument(e *ast.FuncCallExpr, fn *luabind.Function) {
	if len(e.Args) == 0 {
		return
	}
	bad := func(a *luabind.Arg, wrong string) string {
		return fmt.Sprintf("bad field '%s' to '%s' (%s)", a.Name, fn.Name, wrong)
	}
	t, ok := e.Args[0].(*ast.TableExpr)
	if !ok {
		if v, ok := literal(e.Args[0]); ok && v != lua.LNil {
			f.report(f.tree.Place(e.Args[0]), codeValue, fmt.Sprintf("bad argument #1 to '%s' (table expected, got %s)", fn.Name, v.Type()), "write "+fn.Name+"{ … }")
		}
		return
	}
	f.fields(fn, "field", t, fn.Args, bad)
	if !named(t) {
		return
	}
	given := map[string]bool{}
	for _, field := range t.Fields {
		given[text(field.Key)] = true
	}
	for _, a := range fn.Args {
		if !a.Optional && !a.Nil && !given[a.Name] {
			f.report(f.callPlace(e), codeCount, bad(a, a.Type+" expected, got nil"), "")
		}
	}
}
