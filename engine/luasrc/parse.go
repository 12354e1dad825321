package luasrc

import (
	"strings"

	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// Statements reads a source that nobody runs, in the bounds of Compile.
func Statements(name, source string, lim Limits) ([]ast.Stmt, *SyntaxError) {
	if _, err := Compile(name, source, lim); err != nil {
		return nil, err
	}
	stmts, err := parse.Parse(strings.NewReader(prepare(source)), name)
	if err != nil {
		return nil, parserError(name, err)
	}
	return stmts, nil
}
