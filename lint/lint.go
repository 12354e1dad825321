// Package lint finds mistakes in a script without running it: names that nothing has,
// calls that are refused, results that are lost. It says only what is certain, in the
// words of the errors that running the script would raise.
//
//	for _, f := range lint.Check(lint.Script{Main: "irc.lua", Files: files}) { … }
//
// What a call gives is known as far as the declarations of the Lua API say it, from
// variables that are set once.
package lint

import (
	"cmp"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"bridgehost/diag"
	"bridgehost/engine"
	"bridgehost/engine/luasrc"
	"bridgehost/luabind"
)

// The codes of what is found here, beside those of what is no Lua. diag explains them.
const (
	codeMember     = "E0102"
	codeGlobal     = "E0109"
	codeNewGlobal  = "E0110"
	codeModule     = "E0111"
	codeOption     = "E0201"
	codeCount      = "E0202"
	codeDropped    = "W0203"
	codeColon      = "E0204"
	codeValue      = "E0205"
	codeSchema     = "E0206"
	codeConfigKey  = "E0207"
	codePermission = "W0306"
)

// Script is what is checked.
type Script struct {
	Main  string
	Files map[string]string // relative path → source, the specs included
	// Asks are the permissions of its manifest; nil when it has none, which may do everything.
	Asks []string
	// Depends is set when other bundles bring modules.
	Depends bool
}

// Check reads all files of a script that end in .lua. Findings come in the order of a
// reader: main file first, the others by name, each from the top.
func Check(s Script) []diag.Finding {
	c := &checker{script: s, groups: luabind.Groups(), globals: engine.Globals(), added: map[member]bool{}, asked: map[string]bool{}}
	c.globals[luabind.Global] = nil
	var files []*file
	for _, name := range c.names() {
		tree, err := luasrc.ParseTree(name, s.Files[name])
		if err != nil {
			f := diag.NewFinding(name, err.Line, err.Col, err.Code, err.Message, err.Hint)
			c.found = append(c.found, f)
			continue
		}
		files = append(files, c.file(name, tree))
	}
	for _, f := range files {
		f.look()
	}
	order := c.names()
	slices.SortStableFunc(c.found, func(a, b diag.Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.File), slices.Index(order, b.File)), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return c.found
}

// checker is what the files of a script share.
type checker struct {
	script  Script
	groups  []*luabind.Group
	globals map[string][]string
	found   []diag.Finding

	lenient  bool            // globals may come from anywhere
	assigned []string        // globals that some file sets
	added    map[member]bool // what scripts set in modules and objects
	asked    map[string]bool // permissions that were missed already
}

// member is a name in a module or class; of what nobody knows when the group is nil.
type member struct {
	group *luabind.Group
	name  string
}

func (c *checker) names() []string {
	var names []string
	for name := range c.script.Files {
		if strings.HasSuffix(name, ".lua") {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if (a == c.script.Main) != (b == c.script.Main) {
			if a == c.script.Main {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	return names
}

// file is one source while it is looked at.
type file struct {
	*checker
	name    string
	spec    bool
	tree    *luasrc.Tree
	known   map[ast.Expr]value // see valueOf
	hands   map[*ast.FunctionExpr][]*luabind.Group
	set     map[ast.Expr]bool // what assignments set: nobody reads it
	methods []*ast.FuncName   // of function object:name()
	safe    map[*ast.FunctionExpr]bool
	deep    int // functions around that may fail: pcall runs them
}

// file reads what must be known of a file before any is looked at: what it sets.
func (c *checker) file(name string, tree *luasrc.Tree) *file {
	f := &file{checker: c, name: name, spec: strings.HasSuffix(name, "_spec.lua"), tree: tree, known: map[ast.Expr]value{},
		hands: map[*ast.FunctionExpr][]*luabind.Group{}, set: map[ast.Expr]bool{}, safe: map[*ast.FunctionExpr]bool{}}
	f.visit(luasrc.Visitor{Stmt: f.sets, Expr: func(e ast.Expr) bool {
		switch e := e.(type) {
		case *ast.IdentExpr:
			if tree.Variable(e) == nil && (e.Value == "rawset" || e.Value == "_G") {
				c.lenient = true
			}
		case *ast.AttrGetExpr:
			if text(e.Key) == "strict" {
				c.lenient = true
			}
		case *ast.FuncCallExpr:
			f.handsOver(e)
		}
		return true
	}})
	for e := range f.set {
		switch e := e.(type) {
		case *ast.IdentExpr:
			if tree.Variable(e) == nil {
				c.assigned = append(c.assigned, e.Value)
			}
		case *ast.AttrGetExpr:
			c.added[member{f.valueOf(e.Object).group, text(e.Key)}] = true
		}
	}
	for _, s := range f.methods {
		c.added[member{f.valueOf(s.Receiver).group, s.Method}] = true
	}
	clear(f.known) // more may be assigned in the files to come
	return f
}

func (f *file) visit(v luasrc.Visitor) { v.Visit(f.tree.Stmts) }

func (f *file) sets(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		for _, e := range s.Lhs {
			f.set[e] = true
		}
	case *ast.FuncDefStmt:
		if s.Name.Func != nil {
			f.set[s.Name.Func] = true
		} else { // function object:name()
			f.methods = append(f.methods, s.Name)
		}
	}
}

// look goes over the file from the outside in: what surrounds a function is known before it.
func (f *file) look() {
	f.visit(luasrc.Visitor{Stmt: f.dropped, Expr: func(e ast.Expr) bool {
		switch e := e.(type) {
		case *ast.IdentExpr:
			f.global(e)
		case *ast.AttrGetExpr:
			f.attribute(e)
		case *ast.FuncCallExpr:
			f.call(e)
		case *ast.FunctionExpr:
			if f.safe[e] {
				f.deep++
			}
		}
		return true
	}, Left: func(e ast.Expr) {
		if fn, ok := e.(*ast.FunctionExpr); ok && f.safe[fn] {
			f.deep--
		}
	}})
}

// report adds a finding. What stands where errors are caught may be meant so.
func (f *file) report(at luasrc.Place, code, message, fix string) *diag.Finding {
	if f.deep > 0 && code != codePermission {
		return &diag.Finding{}
	}
	f.found = append(f.found, diag.NewFinding(f.name, at.Line, at.Col, code, message, fix))
	return &f.found[len(f.found)-1]
}

// instead reports a name whose message says already what was meant.
func (f *file) instead(at luasrc.Place, code, message, near, otherwise string) {
	found := f.report(at, code, message, otherwise)
	if near != "" {
		found.Hint, found.Fix = "", "write "+near
	}
}

// text is the value of a string in the source, "" for other expressions.
func text(e ast.Expr) string {
	if s, ok := e.(*ast.StringExpr); ok {
		return s.Value
	}
	return ""
}
