package luasrc

import (
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
)

// ConcatKey is where, in the registry of a VM, compiled concatenations find the checked
// concatenation: a userdata with a func(*lua.LState, []string) int, which takes the
// operands from the stack (or from one table, if there are more than maxArgs) and gets
// their names. lualib.Open puts it there.
const ConcatKey = "bridgehost.concat"

// sitePrefix begins the global names that stand for concatenations between the walk and
// finish. No token of Lua has such a character, so no script can name them.
const sitePrefix = "\x00concat"

// maxArgs is how many operands are passed on the stack; maxOperands how many there may be.
const (
	maxArgs     = 40
	maxOperands = 8000
)

// concat replaces a chain of `..` by one call of all its operands. Literals alone are
// joined at once.
func (w *walker) concat(e *ast.StringConcatOpExpr) ast.Expr {
	var operands []ast.Expr
	literal := true
	for next := ast.Expr(e); next != nil; {
		op, ok := next.(*ast.StringConcatOpExpr)
		operand := next
		if next = nil; ok {
			operand, next = op.Lhs, op.Rhs
		}
		_, isString := operand.(*ast.StringExpr)
		literal = literal && isString
		if operands = append(operands, operand); len(operands) > maxOperands {
			w.fail("too many strings concatenated in one expression", "collect them in a table and use table.concat")
		}
	}
	if literal {
		return w.join(e, operands)
	}
	site := sitePrefix
	for _, o := range operands {
		site += "\x00" + w.describe(o)
	}
	w.exprs(operands)
	w.constant("s" + site)
	switch last := operands[len(operands)-1].(type) { // one value, not all
	case *ast.FuncCallExpr:
		last.AdjustRet = true
	case *ast.Comma3Expr:
		last.AdjustRet = true
	}
	if len(operands) > maxArgs {
		t := &ast.TableExpr{}
		t.SetLine(e.Line())
		for _, o := range operands {
			t.Fields = append(t.Fields, &ast.Field{Value: o})
		}
		operands = []ast.Expr{t}
	}
	fn := &ast.IdentExpr{Value: site}
	fn.SetLine(e.Line())
	call := &ast.FuncCallExpr{Func: fn, Args: operands, AdjustRet: true}
	call.SetLine(e.Line())
	return call
}

func isSite(c *ast.FuncCallExpr) bool {
	id, ok := c.Func.(*ast.IdentExpr)
	return ok && strings.HasPrefix(id.Value, sitePrefix)
}

func (w *walker) join(e ast.Expr, operands []ast.Expr) ast.Expr {
	var b strings.Builder
	for _, o := range operands {
		b.WriteString(o.(*ast.StringExpr).Value)
	}
	s := &ast.StringExpr{Value: b.String()}
	s.SetLine(e.Line())
	w.constant("s" + s.Value)
	return s
}

// describe names an operand in Lua's words: "local 'x'", "field 'name'", "" for others.
func (w *walker) describe(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.IdentExpr:
		return w.resolve(e.Value) + " '" + e.Value + "'"
	case *ast.AttrGetExpr:
		if k, ok := e.Key.(*ast.StringExpr); ok && len(k.Value) < 60 && !strings.Contains(k.Value, "\x00") {
			return "field '" + k.Value + "'"
		}
		if table, key := path(e.Object), path(e.Key); table != "" && len(table)+len(key) < 60 {
			if key == "" {
				key = "…"
			}
			return "element '" + table + "[" + key + "]'"
		}
	}
	return ""
}

// path is a chain of names and numbers as the source writes it, "" for other expressions.
func path(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.IdentExpr:
		return e.Value
	case *ast.NumberExpr:
		return e.Value
	case *ast.AttrGetExpr:
		table := path(e.Object)
		if k, ok := e.Key.(*ast.StringExpr); ok && table != "" && identifier(k.Value) && len(table)+len(k.Value) < 60 {
			return table + "." + k.Value
		}
	}
	return ""
}

func identifier(s string) bool {
	for i := range len(s) {
		if !isLetter(s[i]) && (i == 0 || !isDigit(s[i])) {
			return false
		}
	}
	return s != ""
}

// finish makes the placeholders of concatenations into constants: the loading of a
// global becomes that of a function, which a script can neither see nor replace. It
// also gives back the memory that the compiler took in advance.
func finish(p *lua.FunctionProto, sites map[string]*lua.LFunction) {
	p.Code, p.DbgSourcePositions = slices.Clone(p.Code), slices.Clone(p.DbgSourcePositions)
	at := map[int]int{} // constants: the name's index to the function's
	for pc := 0; pc < len(p.Code); pc++ {
		inst := p.Code[pc]
		switch int(inst >> opShift) {
		case lua.OP_CLOSURE: // upvalues follow
			pc += int(p.FunctionPrototypes[inst&bxMask].NumUpvalues)
		case lua.OP_GETGLOBAL:
			k := int(inst & bxMask)
			name, _ := p.Constants[k].(lua.LString)
			if !strings.HasPrefix(string(name), sitePrefix) {
				continue
			}
			if _, ok := at[k]; !ok {
				at[k] = len(p.Constants)
				p.Constants = append(p.Constants, siteFunction(string(name), sites))
			}
			p.Code[pc] = uint32(lua.OP_LOADK)<<opShift | inst&(aMask) | uint32(at[k])
		}
	}
	for i, call := range p.DbgCalls {
		if strings.HasPrefix(call.Name, sitePrefix) {
			p.DbgCalls[i].Name = "(concatenation)"
		}
	}
	for _, sub := range p.FunctionPrototypes {
		finish(sub, sites)
	}
}

// gopher-lua's instructions: 6 bits operation, 8 bits A, 18 bits Bx.
const (
	opShift = 26
	bxMask  = 1<<18 - 1
	aMask   = 0xff << 18
)

// siteFunction is the function of a concatenation. It holds nothing of a VM, so that
// VMs can share it: it asks the registry of the VM that calls it.
func siteFunction(site string, sites map[string]*lua.LFunction) *lua.LFunction {
	if f := sites[site]; f != nil {
		return f
	}
	names := strings.Split(site, "\x00")[2:]
	f := &lua.LFunction{IsG: true, Env: &lua.LTable{Metatable: lua.LNil}, GFunction: func(L *lua.LState) int {
		hook, _ := L.G.Registry.RawGetString(ConcatKey).(*lua.LUserData)
		if hook == nil {
			L.RaiseError("this VM has no library for concatenation")
		}
		return hook.Value.(func(*lua.LState, []string) int)(L, names)
	}}
	sites[site] = f
	return f
}
