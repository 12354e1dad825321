package luasrc

import (
	"fmt"

	"github.com/yuin/gopher-lua/ast"
)

func (w *walker) chunk(stmts []ast.Stmt) { w.stmts(stmts) }

func (w *walker) stmts(stmts []ast.Stmt) {
	for i, s := range stmts {
		w.enter()
		w.stmt(s)
		if a, ok := s.(*ast.AssignStmt); ok {
			stmts[i] = w.detour(a)
		}
		w.depth--
	}
}

// block walks statements whose locals end with it.
func (w *walker) block(stmts []ast.Stmt) {
	n := len(w.fn.locals)
	w.stmts(stmts)
	w.fn.locals = w.fn.locals[:n]
}

func (w *walker) stmt(s ast.Stmt) {
	w.line = max(s.Line(), 1)
	switch s := s.(type) {
	case *ast.AssignStmt:
		w.exprs(s.Lhs)
		w.exprs(s.Rhs)
	case *ast.LocalAssignStmt:
		w.localAssign(s)
	case *ast.FuncCallStmt:
		s.Expr = w.expr(s.Expr)
	case *ast.DoBlockStmt:
		w.block(s.Stmts)
	case *ast.WhileStmt:
		s.Condition = w.expr(s.Condition)
		w.block(s.Stmts)
	case *ast.RepeatStmt:
		n := len(w.fn.locals)
		w.stmts(s.Stmts)
		s.Condition = w.expr(s.Condition) // sees the body's locals
		w.fn.locals = w.fn.locals[:n]
	case *ast.IfStmt:
		w.ifStmt(s)
	case *ast.NumberForStmt:
		w.numberFor(s)
	case *ast.GenericForStmt:
		w.exprs(s.Exprs)
		w.forBlock(s.Names, s.Stmts)
	case *ast.FuncDefStmt:
		w.funcDef(s)
	case *ast.ReturnStmt:
		w.exprs(s.Exprs)
	case *ast.LabelStmt, *ast.GotoStmt:
		w.label()
	}
}

// detour avoids a fault of gopher-lua 1.1.2: a call with one result that is assigned to
// the last parameter of its function overwrites the parameter before the arguments are
// read, so that `s = s .. "x"` and `s = (f(s))` see f in s. Such values go through a
// local of their own.
func (w *walker) detour(s *ast.AssignStmt) ast.Stmt {
	last := len(s.Rhs) - 1
	if c, ok := s.Rhs[last].(*ast.FuncCallExpr); ok && isSite(c) {
		c.AdjustRet = false // it has one result anyway, and this way is compiled well
	}
	for i, lhs := range s.Lhs[:min(len(s.Lhs), len(s.Rhs))] {
		_, name := lhs.(*ast.IdentExpr)
		c, call := s.Rhs[i].(*ast.FuncCallExpr)
		if !name || !call || i == last && !c.AdjustRet {
			continue
		}
		local := &ast.LocalAssignStmt{Exprs: s.Rhs}
		block := &ast.DoBlockStmt{Stmts: []ast.Stmt{local, s}}
		local.SetLine(s.Line())
		block.SetLine(s.Line())
		block.SetLastLine(s.Line())
		s.Rhs = nil
		for k := range s.Lhs {
			tmp := &ast.IdentExpr{Value: fmt.Sprintf("(temporary %d)", k)}
			tmp.SetLine(s.Line())
			local.Names, s.Rhs = append(local.Names, tmp.Value), append(s.Rhs, tmp)
		}
		return block
	}
	return s
}

func (w *walker) localAssign(s *ast.LocalAssignStmt) {
	if len(s.Names) == 1 && len(s.Exprs) == 1 {
		if f, ok := s.Exprs[0].(*ast.FunctionExpr); ok { // sees its own name, as compiled
			w.declare(s.Names[0])
			w.function(f, false)
			return
		}
	}
	w.exprs(s.Exprs)
	w.declare(s.Names...)
}

// ifStmt goes along the chain of elseifs, which the tree nests.
func (w *walker) ifStmt(s *ast.IfStmt) {
	for n := 0; ; n++ {
		if n > maxElseifs {
			w.fail("too many elseifs in one statement", "use a table of functions instead")
		}
		s.Condition = w.expr(s.Condition)
		w.block(s.Then)
		if len(s.Else) == 1 {
			if next, ok := s.Else[0].(*ast.IfStmt); ok {
				w.spend(n)
				s = next
				continue
			}
		}
		w.block(s.Else)
		return
	}
}

func (w *walker) numberFor(s *ast.NumberForStmt) {
	s.Init, s.Limit = w.expr(s.Init), w.expr(s.Limit)
	if s.Step != nil {
		s.Step = w.expr(s.Step)
	}
	w.forBlock([]string{s.Name}, s.Stmts)
}

func (w *walker) forBlock(names []string, stmts []ast.Stmt) {
	n := len(w.fn.locals)
	w.declare(names...)
	w.stmts(stmts)
	w.fn.locals = w.fn.locals[:n]
}

func (w *walker) funcDef(s *ast.FuncDefStmt) {
	if s.Name.Func != nil {
		s.Name.Func = w.expr(s.Name.Func)
		w.function(s.Func, false)
		return
	}
	s.Name.Receiver = w.expr(s.Name.Receiver)
	w.constant("s" + s.Name.Method)
	w.function(s.Func, true)
}

func (w *walker) function(f *ast.FunctionExpr, method bool) {
	w.open(f.Line())
	if method {
		w.declare("self")
	}
	w.declare(f.ParList.Names...)
	w.stmts(f.Stmts)
	w.fn = w.fn.parent
}

func (w *walker) exprs(es []ast.Expr) {
	for i, e := range es {
		es[i] = w.expr(e)
	}
}

// expr walks e and returns what stands in its place.
func (w *walker) expr(e ast.Expr) ast.Expr {
	w.enter()
	defer func() { w.depth-- }()
	if e.Line() > 0 {
		w.line = e.Line()
	}
	switch e := e.(type) {
	case *ast.NumberExpr:
		e.Value, _ = numberText(e.Value)
		w.constant("n" + e.Value)
	case *ast.StringExpr:
		w.constant("s" + e.Value)
	case *ast.IdentExpr:
		w.resolve(e.Value)
	case *ast.AttrGetExpr:
		e.Object, e.Key = w.expr(e.Object), w.expr(e.Key)
	case *ast.TableExpr:
		for _, f := range e.Fields {
			if f.Key != nil {
				f.Key = w.expr(f.Key)
			}
			f.Value = w.expr(f.Value)
		}
	case *ast.FuncCallExpr:
		w.call(e)
	case *ast.LogicalOpExpr:
		e.Lhs, e.Rhs = w.expr(e.Lhs), w.expr(e.Rhs)
	case *ast.RelationalOpExpr:
		e.Lhs, e.Rhs = w.expr(e.Lhs), w.expr(e.Rhs)
	case *ast.ArithmeticOpExpr:
		e.Lhs, e.Rhs = w.expr(e.Lhs), w.expr(e.Rhs)
	case *ast.UnaryMinusOpExpr:
		e.Expr = w.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		e.Expr = w.expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		e.Expr = w.expr(e.Expr)
	case *ast.FunctionExpr:
		w.function(e, false)
	case *ast.StringConcatOpExpr:
		return w.concat(e)
	}
	return e
}

func (w *walker) call(e *ast.FuncCallExpr) {
	if e.Func != nil {
		e.Func = w.expr(e.Func)
	} else {
		e.Receiver = w.expr(e.Receiver)
		w.constant("s" + e.Method)
	}
	w.exprs(e.Args)
}
