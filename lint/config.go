package lint

import (
	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"bridgehost/diag"
	"bridgehost/engine/luasrc"
	"bridgehost/luabind"
)

// Config is the configuration that a script asks for, as far as its source says it.
type Config struct {
	Asks   bool           // it calls bridge.config
	Known  bool           // the names of all keys are written out; only then is there a schema
	File   string         // where it calls it
	Line   int            // there
	Schema luabind.Schema // a key that is computed takes anything
	Wrong  *diag.Error    // why there is no schema, though it is written out
}

// ConfigOf reads what a script gives to bridge.config. A file that is no Lua may hide it:
// then nothing is known.
func ConfigOf(s Script) Config {
	c := &checker{script: s, groups: luabind.Groups(), globals: map[string][]string{}, added: map[member]bool{}}
	var found Config
	for _, name := range c.names() {
		tree, err := luasrc.ParseTree(name, s.Files[name])
		if err != nil {
			return Config{Asks: true, File: name, Line: err.Line}
		}
		f := c.file(name, tree)
		if f.spec {
			continue
		}
		f.visit(luasrc.Visitor{Expr: func(e ast.Expr) bool {
			if call, ok := e.(*ast.FuncCallExpr); ok && !found.Asks && len(call.Args) == 1 {
				if fn := f.callee(call).fn; fn != nil && fn.FullName() == "bridge.config" {
					found = config(call.Args[0])
					found.File, found.Line = name, f.tree.Place(call).Line
				}
			}
			return true
		}})
	}
	return found
}

// config reads the table that bridge.config is given.
func config(e ast.Expr) Config {
	t, ok := e.(*ast.TableExpr)
	if !ok || !named(t) {
		return Config{Asks: true}
	}
	schema := &lua.LTable{Metatable: lua.LNil}
	var unclear []string
	for _, field := range t.Fields {
		described, ok := description(field.Value)
		if !ok {
			unclear = append(unclear, text(field.Key))
			continue
		}
		schema.RawSetString(text(field.Key), described)
	}
	read, wrong := luabind.ReadSchema(schema, unclear...)
	return Config{Asks: true, Known: wrong == nil, Schema: read, Wrong: wrong}
}
