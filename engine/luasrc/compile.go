// Package luasrc turns the text of a script into a checked, compiled chunk.
//
// A source goes through four steps: its size is checked; a checker that builds nothing
// reads it by the grammar of Lua 5.1 and finds every syntax error, so that errors have
// Lua's words and right places and the nesting is bounded; gopher-lua parses it; a walk
// over the tree bounds what is costly to compile, and turns every `a .. b` into a call
// of the library's checked concatenation. Then gopher-lua compiles it.
//
//	chunk, err := luasrc.Compile("irc.lua", source, luasrc.Limits{})
//	fn := L.NewFunctionFromProto(chunk.Proto) // of any VM that lualib.Open was called for
package luasrc

import (
	"errors"
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"

	"bridgehost/diag"
)

// Chunk is one compiled file. Proto may be shared by any number of VMs.
type Chunk struct {
	Name   string
	Proto  *lua.FunctionProto
	Source string
}

// Limits bound what Compile accepts; a zero field stands for its default.
type Limits struct {
	Source    int // bytes of source: 1 MiB
	Depth     int // nesting of blocks and expressions: 200
	Constants int // constants of one function: 8,000
}

func (l Limits) withDefaults() Limits {
	if l.Source == 0 {
		l.Source = 1 << 20
	}
	if l.Depth == 0 {
		l.Depth = 200
	}
	if l.Constants == 0 {
		l.Constants = 8000
	}
	return l
}

// Place is a token of the source. Lines and columns count from 1, columns in bytes.
type Place struct {
	Line, Col int
	Token     string
}

// SyntaxError is why a source was not compiled. Line and Col are where reading stopped;
// at the end of the file they are the end of the last line with a token.
type SyntaxError struct {
	diag.Error
	Line, Col int
	Token     string // the offending token, "" at the end of the file
	Opener    *Place // what is not closed, if something is not
	Missing   *Place // Token is probably missing before this line: a guess by indentation
}

// Unwrap lets errors.As find the diag.Error.
func (e *SyntaxError) Unwrap() error { return &e.Error }

// Compile checks and compiles source; name is the file as its author calls it. A byte
// order mark and a first line that begins with # are skipped. It takes bounded time and
// memory on any input; call it outside the VM's lock.
func Compile(name, source string, lim Limits) (*Chunk, *SyntaxError) {
	lim = lim.withDefaults()
	if len(source) > lim.Source {
		return nil, syntaxError(name, token{line: 1, col: 1}, codeLimit,
			fmt.Sprintf("source of %d bytes is too large (limit %d)", len(source), lim.Source),
			"move data into files or stores, and code into modules")
	}
	text := prepare(source)
	if err := check(name, text, lim); err != nil {
		return nil, err
	}
	stmts, err := parse.Parse(strings.NewReader(text), name)
	if err != nil {
		return nil, parserError(name, err)
	}
	proto, serr := compile(name, stmts, lim)
	if serr != nil {
		return nil, serr
	}
	return &Chunk{Name: name, Proto: proto, Source: source}, nil
}

// prepare blanks what stands before the Lua text and keeps the lines and columns.
func prepare(source string) string {
	if rest, ok := strings.CutPrefix(source, "\uFEFF"); ok {
		source = "   " + rest
	}
	if strings.HasPrefix(strings.TrimPrefix(source, "   "), "#") {
		i := strings.IndexAny(source, "\r\n")
		if i < 0 {
			return ""
		}
		source = strings.Repeat(" ", i) + source[i:]
	}
	return source
}

func check(name, text string, lim Limits) (err *SyntaxError) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *SyntaxError:
			e.Where = fmt.Sprintf("%s:%d", name, e.Line)
			err = e
		default:
			panic(e)
		}
	}()
	c := &checker{limit: lim.Depth}
	c.lexer = lexer{src: text, line: 1, fail: func(at token, code, msg, hint string) {
		panic(syntaxError(name, at, code, msg, hint))
	}}
	c.chunk()
	return nil
}

// parserError words an error of gopher-lua's parser, which should have none left.
func parserError(name string, err error) *SyntaxError {
	at := token{line: 1, col: 1}
	var pe *parse.Error
	if errors.As(err, &pe) {
		at = token{kind: kOp, text: pe.Token, line: max(pe.Pos.Line, 1), col: max(pe.Pos.Column, 1)}
		return syntaxError(name, at, codeSyntax, pe.Message+" "+near(at), "")
	}
	return syntaxError(name, at, codeSyntax, strings.TrimSpace(err.Error()), "")
}

func compile(name string, stmts []ast.Stmt, lim Limits) (proto *lua.FunctionProto, err *SyntaxError) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *SyntaxError:
			e.Where = fmt.Sprintf("%s:%d", name, e.Line)
			err = e
		default:
			err = syntaxError(name, token{line: 1, col: 1}, codeLimit, fmt.Sprintf("cannot be compiled: %v", e), "")
		}
	}()
	newWalker(lim).chunk(stmts)
	proto, cerr := lua.Compile(stmts, name)
	var ce *lua.CompileError
	switch {
	case errors.As(cerr, &ce):
		return nil, compileError(name, ce)
	case cerr != nil:
		return nil, syntaxError(name, token{line: 1, col: 1}, codeScope, cerr.Error(), "")
	}
	finish(proto, map[string]*lua.LFunction{})
	return proto, nil
}

// compileError words an error of the compiler: its line is that of the function, the
// message names the right one for a goto.
func compileError(name string, ce *lua.CompileError) *SyntaxError {
	line := max(ce.Line, 1)
	if i := strings.LastIndex(ce.Message, "at line "); i >= 0 {
		fmt.Sscanf(ce.Message[i:], "at line %d", &line)
	} else if strings.HasPrefix(ce.Message, "label ") {
		line-- // gopher-lua counts one too many
	}
	return syntaxError(name, token{line: line, col: 1}, codeScope, ce.Message, "")
}
