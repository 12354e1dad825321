package luasrc

import (
	"strings"

	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// Tree is a source as its author wrote it, for those who look at it and run nothing:
// its statements, which variable each name means, and where everything stands.
type Tree struct {
	Stmts []ast.Stmt

	variables map[*ast.IdentExpr]*Variable
	places    map[any]Place
	names     []string // of all variables
}

// Variable is one local variable.
type Variable struct {
	Name     string
	Value    ast.Expr          // what its declaration gives it, when that is one value; else nil
	Of       *ast.FunctionExpr // the function whose parameter it is; nil: none
	Index    int               // of the parameter, the first one is 0
	Assigned bool              // after its declaration, somewhere
}

// ParseTree reads a source that Compile takes; the error is Compile's for any other.
func ParseTree(name, source string) (*Tree, *SyntaxError) {
	if _, err := Compile(name, source, Limits{}); err != nil {
		return nil, err
	}
	text := prepare(source)
	stmts, err := parse.Parse(strings.NewReader(text), name) // Compile changes its own
	if err != nil {
		return nil, parserError(name, err)
	}
	t := &Tree{Stmts: stmts, variables: map[*ast.IdentExpr]*Variable{}, places: map[any]Place{}}
	r := &resolver{tree: t}
	x := &lexer{src: text, line: 1, fail: func(token, string, string, string) {}}
	for tok := x.next(); tok.kind != kEOF; tok = x.next() {
		if tok.kind == kName || tok.kind == kString {
			r.tokens = append(r.tokens, tok)
		}
	}
	r.block(stmts)
	return t, nil
}

// Variable is what a name means; nil for a global.
func (t *Tree) Variable(e *ast.IdentExpr) *Variable { return t.variables[e] }

// Place is where an expression begins. That of a method call is Method's.
func (t *Tree) Place(e ast.Expr) Place {
	switch x := e.(type) {
	case *ast.AttrGetExpr:
		return t.Place(x.Object)
	case *ast.FuncCallExpr:
		if x.Func != nil {
			return t.Place(x.Func)
		}
		return t.Place(x.Receiver)
	}
	if p, ok := t.places[e]; ok {
		return p
	}
	return Place{Line: max(e.Line(), 1)}
}

// Method is where the name of the method of a call stands.
func (t *Tree) Method(e *ast.FuncCallExpr) Place {
	if p, ok := t.places[methodOf{e}]; ok {
		return p
	}
	return t.Place(e)
}

// Names are those of all local variables of the source.
func (t *Tree) Names() []string { return t.names }

// Written is a chain of names as the source writes it: "net.connect"; "" for other expressions.
func Written(e ast.Expr) string { return path(e) }

// methodOf is the key of a method's name among the places.
type methodOf struct{ call *ast.FuncCallExpr }

// resolver goes over the tree in the order of the source. Each name and each string in
// it is one token, so it takes them one after the other.
type resolver struct {
	tree   *Tree
	tokens []token
	locals []*Variable
}

// take is the place of the next name or string.
func (r *resolver) take(text string) Place {
	if len(r.tokens) == 0 {
		return Place{}
	}
	t := r.tokens[0]
	if t.kind == kName && t.text != text {
		r.tokens = nil // never: without places it is right even so
		return Place{}
	}
	r.tokens = r.tokens[1:]
	return Place{Line: t.line, Col: t.col, Token: t.text}
}

func (r *resolver) at(node any, text string) {
	if p := r.take(text); p.Line > 0 {
		r.tree.places[node] = p
	}
}

func (r *resolver) declare(vs ...*Variable) {
	for _, v := range vs {
		r.locals, r.tree.names = append(r.locals, v), append(r.tree.names, v.Name)
	}
}

func (r *resolver) block(stmts []ast.Stmt) {
	n := len(r.locals)
	r.stmts(stmts)
	r.locals = r.locals[:n]
}

func (r *resolver) stmts(stmts []ast.Stmt) {
	for _, s := range stmts {
		r.stmt(s)
	}
}

func (r *resolver) stmt(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		r.exprs(s.Lhs)
		for _, e := range s.Lhs {
			if id, ok := e.(*ast.IdentExpr); ok {
				r.assigned(id)
			}
		}
		r.exprs(s.Rhs)
	case *ast.LocalAssignStmt:
		r.local(s)
	case *ast.NumberForStmt:
		r.take(s.Name)
		r.exprs([]ast.Expr{s.Init, s.Limit, s.Step})
		r.loop([]string{s.Name}, s.Stmts)
	case *ast.GenericForStmt:
		for _, name := range s.Names {
			r.take(name)
		}
		r.exprs(s.Exprs)
		r.loop(s.Names, s.Stmts)
	case *ast.RepeatStmt:
		n := len(r.locals)
		r.stmts(s.Stmts)
		r.expr(s.Condition) // sees the body's locals
		r.locals = r.locals[:n]
	case *ast.FuncDefStmt:
		r.funcDef(s)
	case *ast.LabelStmt:
		r.take(s.Name)
	case *ast.GotoStmt:
		r.take(s.Label)
	default:
		exprs, blocks := parts(s)
		r.exprs(exprs)
		for _, b := range blocks {
			r.block(b)
		}
	}
}

// local declares variables. A function sees its own name, as it is compiled.
func (r *resolver) local(s *ast.LocalAssignStmt) {
	vars := make([]*Variable, len(s.Names))
	for i, name := range s.Names {
		r.take(name)
		vars[i] = &Variable{Name: name}
		if i >= len(s.Exprs) {
			continue
		}
		vars[i].Value = s.Exprs[i] // a call in the middle gives one value, the last one its first
	}
	if len(vars) == 1 && len(s.Exprs) == 1 {
		if f, ok := s.Exprs[0].(*ast.FunctionExpr); ok {
			r.declare(vars[0])
			r.function(f, false)
			return
		}
	}
	r.exprs(s.Exprs)
	r.declare(vars...)
}

func (r *resolver) loop(names []string, stmts []ast.Stmt) {
	n := len(r.locals)
	for _, name := range names {
		r.declare(&Variable{Name: name, Assigned: true})
	}
	r.stmts(stmts)
	r.locals = r.locals[:n]
}

func (r *resolver) funcDef(s *ast.FuncDefStmt) {
	if s.Name.Func != nil {
		r.expr(s.Name.Func)
		if id, ok := s.Name.Func.(*ast.IdentExpr); ok {
			r.assigned(id)
		}
		r.function(s.Func, false)
		return
	}
	r.expr(s.Name.Receiver)
	r.take(s.Name.Method)
	r.function(s.Func, true)
}

func (r *resolver) assigned(id *ast.IdentExpr) {
	if v := r.tree.variables[id]; v != nil {
		v.Assigned = true
	}
}

func (r *resolver) function(f *ast.FunctionExpr, method bool) {
	n := len(r.locals)
	if method {
		r.declare(&Variable{Name: "self", Assigned: true})
	}
	for i, name := range f.ParList.Names {
		r.take(name)
		r.declare(&Variable{Name: name, Of: f, Index: i})
	}
	if f.ParList.HasVargs {
		r.declare(&Variable{Name: "arg", Assigned: true})
	}
	r.stmts(f.Stmts)
	r.locals = r.locals[:n]
}

func (r *resolver) exprs(es []ast.Expr) {
	for _, e := range es {
		if e != nil {
			r.expr(e)
		}
	}
}

func (r *resolver) expr(e ast.Expr) {
	switch e := e.(type) {
	case *ast.StringExpr:
		r.at(e, e.Value)
	case *ast.IdentExpr:
		r.at(e, e.Value)
		for i := len(r.locals) - 1; i >= 0; i-- {
			if r.locals[i].Name == e.Value {
				r.tree.variables[e] = r.locals[i]
				break
			}
		}
	case *ast.FunctionExpr:
		r.function(e, false)
	case *ast.FuncCallExpr:
		if e.Func != nil {
			r.expr(e.Func)
		} else {
			r.expr(e.Receiver)
			r.at(methodOf{e}, e.Method)
		}
		r.exprs(e.Args)
	default:
		r.exprs(operands(e))
	}
}

// parts are the expressions of a statement and its blocks, in the order of the source.
func parts(s ast.Stmt) (exprs []ast.Expr, blocks [][]ast.Stmt) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		return append(append(exprs, s.Lhs...), s.Rhs...), nil
	case *ast.LocalAssignStmt:
		return s.Exprs, nil
	case *ast.FuncCallStmt:
		return []ast.Expr{s.Expr}, nil
	case *ast.DoBlockStmt:
		return nil, [][]ast.Stmt{s.Stmts}
	case *ast.WhileStmt:
		return []ast.Expr{s.Condition}, [][]ast.Stmt{s.Stmts}
	case *ast.RepeatStmt:
		return []ast.Expr{s.Condition}, [][]ast.Stmt{s.Stmts}
	case *ast.IfStmt:
		return []ast.Expr{s.Condition}, [][]ast.Stmt{s.Then, s.Else}
	case *ast.NumberForStmt:
		return []ast.Expr{s.Init, s.Limit, s.Step}, [][]ast.Stmt{s.Stmts}
	case *ast.GenericForStmt:
		return s.Exprs, [][]ast.Stmt{s.Stmts}
	case *ast.FuncDefStmt:
		if s.Name.Func != nil {
			return []ast.Expr{s.Name.Func, s.Func}, nil
		}
		return []ast.Expr{s.Name.Receiver, s.Func}, nil
	case *ast.ReturnStmt:
		return s.Exprs, nil
	}
	return nil, nil
}

// operands are the expressions inside one, in the order of the source. A function has none.
func operands(e ast.Expr) []ast.Expr {
	switch e := e.(type) {
	case *ast.AttrGetExpr:
		return []ast.Expr{e.Object, e.Key}
	case *ast.TableExpr:
		var list []ast.Expr
		for _, f := range e.Fields {
			list = append(list, f.Key, f.Value)
		}
		return list
	case *ast.FuncCallExpr:
		if e.Func != nil {
			return append([]ast.Expr{e.Func}, e.Args...)
		}
		return append([]ast.Expr{e.Receiver}, e.Args...)
	case *ast.LogicalOpExpr:
		return []ast.Expr{e.Lhs, e.Rhs}
	case *ast.RelationalOpExpr:
		return []ast.Expr{e.Lhs, e.Rhs}
	case *ast.StringConcatOpExpr:
		return []ast.Expr{e.Lhs, e.Rhs}
	case *ast.ArithmeticOpExpr:
		return []ast.Expr{e.Lhs, e.Rhs}
	case *ast.UnaryMinusOpExpr:
		return []ast.Expr{e.Expr}
	case *ast.UnaryNotOpExpr:
		return []ast.Expr{e.Expr}
	case *ast.UnaryLenOpExpr:
		return []ast.Expr{e.Expr}
	}
	return nil
}

// Visitor is told of what stands in a source, from the outside in. What Expr answers false
// to is not looked into. Any of them may be nil.
type Visitor struct {
	Stmt func(ast.Stmt)
	Expr func(ast.Expr) bool
	Left func(ast.Expr) // behind the expressions inside; after Expr answered true only
}

// Visit goes over statements, what they hold included.
func (v *Visitor) Visit(stmts []ast.Stmt) {
	for _, s := range stmts {
		if v.Stmt != nil {
			v.Stmt(s)
		}
		exprs, blocks := parts(s)
		for _, e := range exprs {
			v.expr(e)
		}
		for _, b := range blocks {
			v.Visit(b)
		}
	}
}

func (v *Visitor) expr(e ast.Expr) {
	if e == nil || v.Expr != nil && !v.Expr(e) {
		return
	}
	if f, ok := e.(*ast.FunctionExpr); ok {
		v.Visit(f.Stmts)
	}
	for _, o := range operands(e) {
		v.expr(o)
	}
	if v.Left != nil {
		v.Left(e)
	}
}
