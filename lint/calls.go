package lint

import (
	"fmt"
	"slices"
	"strconv"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"bridgehost/engine/luasrc"
	"bridgehost/luabind"
)

// catchers are functions that run what they are given and keep its errors.
var catchers = []string{"pcall", "xpcall", "bridge.try", "bridge.test.raises"}

// dropped looks at a call whose result nobody takes.
func (f *file) dropped(s ast.Stmt) {
	f.sets(s)
	if s, ok := s.(*ast.FuncCallStmt); ok {
		if call, ok := s.Expr.(*ast.FuncCallExpr); ok {
			f.mayFail(call)
		}
	}
}

// mayFail warns of a call that answers nil and an error when it fails.
func (f *file) mayFail(call *ast.FuncCallExpr) {
	fn := f.callee(call).fn
	if fn == nil || !fn.CanFail() {
		return
	}
	name := fn.FullName()
	if written := f.written(call); written != "" {
		name = written
	}
	found := f.report(f.tree.Place(call), codeDropped, name+" can fail and its result is not checked", "use assert(...)")
	found.Fix = "wrap the call in assert()"
}

// written is the called function as the source has it: "net.connect", "sock:write".
func (f *file) written(call *ast.FuncCallExpr) string {
	if call.Func != nil {
		return luasrc.Written(call.Func)
	}
	if object := luasrc.Written(call.Receiver); object != "" {
		return object + ":" + call.Method
	}
	return ""
}

// call looks at one call.
func (f *file) call(e *ast.FuncCallExpr) {
	v := f.callee(e)
	name := v.global
	if v.fn != nil {
		name = v.fn.FullName()
	}
	for _, a := range e.Args {
		if fn, ok := a.(*ast.FunctionExpr); ok && slices.Contains(catchers, name) {
			f.safe[fn] = true
		}
	}
	if v.global == "require" {
		f.required(e)
	}
	if e.Func == nil {
		f.has(f.valueOf(e.Receiver).group, e.Method, f.tree.Method(e))
	}
	for _, object := range []ast.Expr{e.Receiver, objectOf(e.Func)} {
		if inner, ok := object.(*ast.FuncCallExpr); ok {
			f.mayFail(inner)
		}
	}
	if v.fn == nil || f.misplaced(e, v.fn) {
		return
	}
	f.permitted(e, v.fn)
	if e.Func != nil && v.fn.Group.Class {
		return // the object is the first argument
	}
	if v.fn.FullName() == "bridge.config" && len(e.Args) == 1 {
		f.schema(e.Args[0])
	}
	if v.fn.FullName() == "bridge.on" && len(e.Args) > 0 && text(e.Args[0]) != "" {
		if wrong := luabind.CheckEvent(text(e.Args[0])); wrong != nil {
			f.report(f.tree.Place(e.Args[0]), codeValue, wrong.Message, wrong.Hint)
		}
	}
	f.arguments(e, v.fn)
}

// handsOver notes what a function that is given here will be called with.
func (f *file) handsOver(e *ast.FuncCallExpr) {
	fn := f.callee(e).fn
	if fn == nil {
		return
	}
	if fn.FullName() == "bridge.on" && len(e.Args) > 0 && luabind.OwnTables()[text(e.Args[0])] != "" {
		return // what it is called with is no event of a room
	}
	for _, a := range e.Args {
		given, ok := a.(*ast.FunctionExpr)
		if !ok {
			continue
		}
		for _, declared := range fn.Args {
			if hands := declared.Hands(); hands != nil {
				f.hands[given] = hands
			}
		}
	}
}

func objectOf(e ast.Expr) ast.Expr {
	if a, ok := e.(*ast.AttrGetExpr); ok {
		return a.Object
	}
	return nil
}

// misplaced reports a dot for a colon, and a colon for a dot.
func (f *file) misplaced(e *ast.FuncCallExpr, fn *luabind.Function) bool {
	switch {
	case e.Func == nil && !fn.Group.Class:
		f.report(f.tree.Method(e), codeColon, fmt.Sprintf("'%s' is a function of a module: it must be called with a dot", fn.Name),
			fmt.Sprintf("write %s.%s(…)", orElse(luasrc.Written(e.Receiver), fn.Group.Name), fn.Name))
		return true
	case e.Func != nil && fn.Group.Class:
		if len(e.Args) > 0 {
			if first := f.valueOf(e.Args[0]); !first.plain && (first.group == nil || first.group == fn.Group) {
				return false // it may be the object
			}
		}
		f.report(f.tree.Place(e), codeColon, fmt.Sprintf("'%s' is a method: it must be called with a colon, on an object of kind %s", fn.Name, fn.Group.Name),
			fmt.Sprintf("write %s:%s(…)", orElse(luasrc.Written(objectOf(e.Func)), fn.Group.Name), fn.Name))
		return true
	}
	return false
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// permitted warns of a call that the manifest does not ask for.
func (f *file) permitted(e *ast.FuncCallExpr, fn *luabind.Function) {
	need := fn.Need.Name()
	if need == "" || f.script.Asks == nil || f.spec || f.asked[need] || slices.Contains(f.script.Asks, need) {
		return
	}
	f.asked[need] = true
	f.report(f.tree.Place(e), codePermission, fmt.Sprintf("%s needs the permission '%s', which bridge.toml does not ask for", fn.FullName(), need),
		fmt.Sprintf("add %q = \"why it is needed\" to [permissions]", need))
}

// literal is the value of an expression that the source says in full; a table or function
// is one of which no more is known.
func literal(e ast.Expr) (lua.LValue, bool) {
	switch e := e.(type) {
	case *ast.StringExpr:
		return lua.LString(e.Value), true
	case *ast.NumberExpr:
		n, err := strconv.ParseFloat(e.Value, 64)
		return lua.LNumber(n), err == nil
	case *ast.UnaryMinusOpExpr:
		if n, ok := literal(e.Expr); ok {
			if n, ok := n.(lua.LNumber); ok {
				return -n, true
			}
		}
	case *ast.TrueExpr:
		return lua.LTrue, true
	case *ast.FalseExpr:
		return lua.LFalse, true
	case *ast.NilExpr:
		return lua.LNil, true
	}
	return nil, false
}
