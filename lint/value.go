package lint

import (
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"bridgehost/luabind"
)

// value is what is known of an expression; the zero value: nothing.
type value struct {
	group  *luabind.Group    // it is this module, or an object of this class (or nil)
	fn     *luabind.Function // it is this function
	global string            // it is this global of Lua's library
	config []string          // it is what bridge.config gave for these keys
	plain  bool              // it is a string, number or boolean, or nil
}

// valueOf is what is known of an expression.
func (f *file) valueOf(e ast.Expr) value {
	if v, ok := f.known[e]; ok {
		return v
	}
	f.known[e] = value{} // for what would ask for itself
	v := f.find(e)
	f.known[e] = v
	return v
}

func (f *file) find(e ast.Expr) value {
	switch e := e.(type) {
	case *ast.IdentExpr:
		return f.named(e)
	case *ast.AttrGetExpr:
		return f.memberOf(f.valueOf(e.Object).group, text(e.Key))
	case *ast.FuncCallExpr:
		return f.result(e)
	}
	_, plain := literal(e)
	switch e.(type) {
	case *ast.StringConcatOpExpr, *ast.RelationalOpExpr, *ast.UnaryNotOpExpr:
		plain = true // nothing of ours answers these operators with an object
	}
	return value{plain: plain}
}

func (f *file) named(e *ast.IdentExpr) value {
	v := f.tree.Variable(e)
	switch {
	case v == nil:
		if slices.Contains(f.assigned, e.Value) {
			return value{}
		}
		if e.Value == luabind.Global {
			if f.spec {
				return value{}
			}
			return value{group: f.group("intent")}
		}
		return value{global: e.Value}
	case v.Assigned:
		return value{}
	case v.Of != nil:
		if list := f.hands[v.Of]; v.Index < len(list) {
			return value{group: list[v.Index]}
		}
		return value{}
	case v.Value == nil:
		return value{}
	}
	return f.valueOf(v.Value)
}

func (f *file) group(name string) *luabind.Group {
	for _, g := range f.groups {
		if g.Name == name {
			return g
		}
	}
	return nil
}

func (f *file) memberOf(g *luabind.Group, name string) value {
	if g == nil || name == "" || f.added[member{g, name}] {
		return value{}
	}
	if fn := g.Function(name); fn != nil {
		return value{fn: fn}
	}
	if field := g.Field(name); field != nil {
		return typed(field.Class(), field.Type)
	}
	return value{}
}

// typed is a value of a declared type.
func typed(class *luabind.Group, typ string) value {
	switch strings.TrimSuffix(typ, "?") {
	case "string", "integer", "number", "boolean":
		return value{plain: true}
	}
	return value{group: class}
}

// callee is what a call calls.
func (f *file) callee(e *ast.FuncCallExpr) value {
	if e.Func != nil {
		return f.valueOf(e.Func)
	}
	return f.memberOf(f.valueOf(e.Receiver).group, e.Method)
}

func (f *file) result(e *ast.FuncCallExpr) value {
	switch v := f.callee(e); {
	case v.fn != nil && v.fn.FullName() == "bridge.config" && len(e.Args) == 1:
		return value{config: schemaKeys(e.Args[0])}
	case v.fn != nil:
		return typed(v.fn.Gives(), v.fn.Result)
	case v.global == "assert" && len(e.Args) > 0:
		return f.valueOf(e.Args[0])
	case v.global == "require" && len(e.Args) > 0:
		return value{group: f.module(text(e.Args[0]))}
	}
	return value{}
}

// module is the host's module of that name, nil when there is none here.
func (f *file) module(name string) *luabind.Group {
	for _, g := range f.groups {
		if !g.Class && g.Name == name && (name != "bridge.test" || f.spec) {
			return g
		}
	}
	return nil
}
