package luasrc

import (
	"fmt"

	"bridgehost/diag"
)

// Codes of what Compile refuses. They are stable: `bridgehost explain` knows them.
const (
	codeSyntax   = "E0101" // not Lua
	codeUnclosed = "E0102" // a block or bracket is not closed
	codeLiteral  = "E0103" // a string, comment or number is not finished or malformed
	codeNewer    = "E0104" // syntax of later Luas or other languages
	codeLimit    = "E0105" // too large, too deep
	codeScope    = "E0106" // goto, labels, too many locals
)

const hintAttribute = "attributes such as <const> are Lua 5.4; write a plain local"

// newer are tokens of later Luas and of other languages, with what to write instead.
var newer = map[string]string{
	"//": "integer division is Lua 5.3; write math.floor(7 / 2)",
	"&":  "bit operators are Lua 5.3; use arithmetic on numbers",
	"|":  "bit operators are Lua 5.3; use arithmetic on numbers",
	"~":  "bit operators are Lua 5.3; `not` negates a condition, ~= compares",
	"<<": "bit operators are Lua 5.3; write x * 2^n",
	">>": "bit operators are Lua 5.3; write math.floor(x / 2^n)",
	"!=": "not equal is written ~= in Lua",
	"!":  "negation is written `not` in Lua",
	"&&": "conditions are joined by `and` in Lua",
	"||": "conditions are joined by `or` in Lua",
	"+=": "Lua has no +=; write x = x + 1",
	"-=": "Lua has no -=; write x = x - 1",
	"*=": "Lua has no *=; write x = x * 2",
	"/=": "Lua has no /=; write x = x / 2",
}

func syntaxError(file string, at token, code, msg, hint string) *SyntaxError {
	return &SyntaxError{
		Error: diag.Error{Kind: diag.KindScript, Code: code, Message: msg, Hint: hint,
			Where: fmt.Sprintf("%s:%d", file, at.line)},
		Line: at.line, Col: at.col, Token: short(at.text),
	}
}

func near(t token) string {
	if t.kind == kEOF {
		return "near end of file"
	}
	return "near '" + short(t.text) + "'"
}

// failNear fails at the current token. What later Luas would accept there gets a hint.
func (c *checker) failNear(msg, hint string) {
	code := codeSyntax
	if h, ok := newer[c.tok.text]; ok && c.tok.kind == kOp {
		code, msg, hint = codeNewer, "unexpected symbol", h
	} else if hint == hintAttribute {
		code = codeNewer
	}
	c.fail(c.place(), code, msg+" "+near(c.tok), hint)
}

// place is the current token, or the end of the last line with a token on it.
func (c *checker) place() token {
	t := c.tok
	if t.kind == kEOF && c.lastLine > 0 {
		t.line, t.col = c.lastLine, c.lastCol
	}
	return t
}

// failUnclosed fails because of what open opened, with a guess where text is missing.
func (c *checker) failUnclosed(text string, open token) {
	if _, ok := newer[c.tok.text]; ok && c.tok.kind == kOp {
		c.failNear("", "")
	}
	e := syntaxError("", c.place(), codeUnclosed, fmt.Sprintf("'%s' expected (to close '%s' at line %d) %s",
		text, open.text, open.line, near(c.tok)), "")
	e.Opener = &Place{Line: open.line, Col: open.col, Token: open.text}
	if n := len(c.blocks); n > 0 && c.blocks[n-1].tok == open {
		e.Missing = c.blocks[n-1].missing
	}
	if c.stolen != nil && (e.Missing == nil || c.stolen.Line <= e.Missing.Line) {
		e.Missing = c.stolen
		e.Hint = fmt.Sprintf("the '%s' at line %d has probably no '%s'", c.thief.text, c.thief.line, text)
	}
	panic(e)
}
