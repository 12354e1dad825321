package host

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"bridgehost/capability"
	"bridgehost/engine/luasrc"
	"bridgehost/luabind"
)

// scanned is what the source of a script says of it, without running it.
type scanned struct {
	uses    map[string]use  // capability → the first function that needs it
	hosts   []string        // where it connects to, as far as that is written out
	places  map[string]bool // values of hosts
	config  *ast.TableExpr  // the table given to bridge.config
	where   string          // of that table
	unclear []string        // what was not literal
	lookups lookups
	seen    observed // what it was seen to use, in dev
}

// file is the one with the table given to bridge.config.
func (s *scanned) file() string { return s.where[:strings.LastIndexByte(s.where, ':')] }

// use is one place that needs a capability.
type use struct{ function, where string }

// lookups find the declared function behind a name.
type lookups struct {
	functions map[string]capability.Need   // "bridge.on"
	methods   map[string][]capability.Need // "send_text": what the methods of that name need
}

func newLookups() lookups {
	l := lookups{map[string]capability.Need{}, map[string][]capability.Need{}}
	for _, f := range luabind.Functions() {
		switch group := f.Group.Name; {
		case !f.Group.Class:
			l.functions[f.FullName()] = f.Need
		case group == "state_store":
			l.methods["state_store:"+f.Name] = []capability.Need{f.Need}
		default:
			l.methods[f.Name] = append(l.methods[f.Name], f.Need)
		}
	}
	return l
}

// scanSource reads the Lua files of a script, but for its specs. A file that is no Lua is told of.
func scanSource(files map[string][]byte) (*scanned, *luasrc.SyntaxError) {
	s := &scanned{uses: map[string]use{}, places: map[string]bool{}, lookups: newLookups()}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasSuffix(name, ".lua") {
			continue
		}
		tree, err := luasrc.ParseTree(name, string(files[name]))
		if err != nil {
			return nil, err
		}
		if strings.HasSuffix(name, "_spec.lua") || strings.HasPrefix(name, "spec/") {
			continue
		}
		f := &fileScan{scanned: s, file: name, modules: map[string]string{}, configs: map[string]bool{}, stores: map[string]bool{}}
		for _, v := range []luasrc.Visitor{{Stmt: f.names}, {Expr: f.expr}} {
			v.Visit(tree.Stmts)
		}
	}
	return s, nil
}

// fileScan scans one file.
type fileScan struct {
	*scanned
	file    string
	modules map[string]string // variable → module
	configs map[string]bool   // variables that hold what bridge.config returned
	stores  map[string]bool   // variables that hold what bridge.store returned, whose methods need nothing more
}

// names learns which variables stand for modules and for the configuration.
func (f *fileScan) names(s ast.Stmt) {
	var names []string
	var values []ast.Expr
	switch s := s.(type) {
	case *ast.LocalAssignStmt:
		names, values = s.Names, s.Exprs
	case *ast.AssignStmt:
		for _, left := range s.Lhs {
			id, _ := left.(*ast.IdentExpr)
			if id == nil {
				id = &ast.IdentExpr{}
			}
			names = append(names, id.Value)
		}
		values = s.Rhs
	}
	for i, v := range values {
		call, ok := v.(*ast.FuncCallExpr)
		if !ok || i >= len(names) || names[i] == "" {
			continue
		}
		if module := required(call); module != "" {
			f.modules[names[i]] = module
			continue
		}
		switch f.function(call.Func) {
		case "bridge.config":
			f.configs[names[i]] = true
		case "bridge.store", "bridge.memory":
			f.stores[names[i]] = true
		}
	}
}

// required is the module that a call of require asks for.
func required(call *ast.FuncCallExpr) string {
	if id, ok := call.Func.(*ast.IdentExpr); !ok || id.Value != "require" || len(call.Args) == 0 {
		return ""
	}
	name, _ := call.Args[0].(*ast.StringExpr)
	if name == nil {
		return ""
	}
	return name.Value
}

// function is the full name of a module's function: bridge.on.
func (f *fileScan) function(e ast.Expr) string {
	get, ok := e.(*ast.AttrGetExpr)
	if !ok {
		return ""
	}
	key, ok := get.Key.(*ast.StringExpr)
	if !ok {
		return ""
	}
	switch object := get.Object.(type) {
	case *ast.IdentExpr:
		if module := f.modules[object.Value]; module != "" {
			return module + "." + key.Value
		}
	case *ast.FuncCallExpr:
		if module := required(object); module != "" {
			return module + "." + key.Value
		}
	}
	return ""
}

// expr notes what one expression uses; what is inside of it is looked at, too.
func (f *fileScan) expr(e ast.Expr) bool {
	switch n := e.(type) {
	case *ast.AttrGetExpr:
		if name := f.function(n); name != "" {
			f.note(f.lookups.functions[name], name, n.Line())
		}
	case *ast.FuncCallExpr:
		if n.Method != "" {
			f.method(n)
		}
		f.call(n)
	}
	return true
}

func (f *fileScan) note(need capability.Need, function string, line int) {
	name := need.Name()
	if _, known := f.uses[name]; name == "" || known {
		return
	}
	f.uses[name] = use{function, fmt.Sprintf("%s:%d", f.file, line)}
}

// method notes what the methods of that name need: what the object is, is not known.
func (f *fileScan) method(call *ast.FuncCallExpr) {
	needs := f.lookups.methods[call.Method]
	if id, ok := call.Receiver.(*ast.IdentExpr); ok && f.stores[id.Value] {
		return
	}
	if get, ok := call.Receiver.(*ast.AttrGetExpr); ok {
		if key, ok := get.Key.(*ast.StringExpr); ok && key.Value == "state_store" {
			needs = f.lookups.methods["state_store:"+call.Method]
		}
	}
	for _, need := range needs {
		f.note(need, ":"+call.Method, call.Line())
	}
}

func (f *fileScan) call(call *ast.FuncCallExpr) {
	switch f.function(call.Func) {
	case "bridge.config":
		table, ok := firstOf(call.Args).(*ast.TableExpr)
		if where := fmt.Sprintf("%s:%d", f.file, call.Line()); !ok {
			f.unclear = append(f.unclear, where+": the schema given to bridge.config is not written out; write [config] yourself")
		} else if f.config == nil {
			f.config, f.where = table, where
		}
	case "bridge.net.connect":
		if table, ok := firstOf(call.Args).(*ast.TableExpr); ok {
			host, port := f.text(fieldOf(table, "host")), f.text(fieldOf(table, "port"))
			if host != "" && port != "" && !f.places[host+":"+port] {
				f.places[host+":"+port] = true
				f.hosts = append(f.hosts, host+":"+port)
			}
			if host != "" && port != "" {
				return
			}
		}
		f.unclear = append(f.unclear, fmt.Sprintf("%s:%d: where net.connect connects to is not written out; name it in hosts", f.file, call.Line()))
	}
}

func firstOf(args []ast.Expr) ast.Expr {
	if len(args) == 0 {
		return nil
	}
	return args[0]
}

func fieldOf(t *ast.TableExpr, name string) ast.Expr {
	for _, field := range t.Fields {
		if key, ok := field.Key.(*ast.StringExpr); ok && key.Value == name {
			return field.Value
		}
	}
	return nil
}

// text is a literal, or ${config.KEY} for a key of the configuration; "" for what is neither.
func (f *fileScan) text(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.StringExpr:
		return x.Value
	case *ast.NumberExpr:
		return x.Value
	case *ast.AttrGetExpr:
		object, isName := x.Object.(*ast.IdentExpr)
		key, isKey := x.Key.(*ast.StringExpr)
		if isName && isKey && f.configs[object.Value] {
			return "${config." + key.Value + "}"
		}
	}
	return ""
}
