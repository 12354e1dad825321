package luasrc

import (
	"fmt"
	"regexp"
	"strings"

	"bridgehost/diag"
)

// Codes of what Compile refuses. They are stable: `bridgehost explain` knows them.
const (
	codeSyntax   = "E0101" // not Lua
	codeUnclosed = "E0108" // a block or bracket is not closed
	codeLiteral  = "E0103" // a string, comment or number is not finished or malformed
	codeNewer    = "E0104" // syntax of later Luas or other languages
	codeLimit    = "E0105" // too large, too deep
	codeScope    = "E0106" // goto, labels, too many locals
)

const hintAttribute = "attributes such as <const> are Lua 5.4; write a plain local"

// newer are tokens of later Luas and of other languages, with what to write instead:
// %[1]s and %[2]s stand for the operands.
var newer = map[string]string{
	"//": "integer division is Lua 5.3; write math.floor(%[1]s / %[2]s)",
	"&":  "bit operators are Lua 5.3; the lowest bit of a number is %[1]s %% 2",
	"|":  "bit operators are Lua 5.3; conditions are joined by `or`",
	"~":  "bit operators are Lua 5.3; `not` negates a condition, ~= compares",
	"<<": "bit operators are Lua 5.3; write %[1]s * 2^%[2]s",
	">>": "bit operators are Lua 5.3; write math.floor(%[1]s / 2^%[2]s)",
	"!=": "not equal is written ~= in Lua",
	"!":  "negation is written `not` in Lua",
	"&&": "conditions are joined by `and` in Lua",
	"||": "conditions are joined by `or` in Lua",
	"+=": "Lua has no +=; write %[1]s = %[1]s + %[2]s",
	"-=": "Lua has no -=; write %[1]s = %[1]s - %[2]s",
	"*=": "Lua has no *=; write %[1]s = %[1]s * %[2]s",
	"/=": "Lua has no /=; write %[1]s = %[1]s / %[2]s",
	"++": "Lua has no ++; write %[1]s = %[1]s + 1",
	"?":  "Lua has no ? and :, write condition and a or b",
	"=>": "a field is set by =, and a function is written function(x) … end",
}

// foreign are words with which statements of other languages begin.
var foreign = map[string]string{
	"continue": "Lua has no continue; put the rest of the loop into an if",
	"var":      "a variable is declared by local", "let": "a variable is declared by local", "const": "a variable is declared by local",
	"func": "a function begins with function", "def": "a function begins with function", "fn": "a function begins with function",
	"elif": "write elseif", "elsif": "write elseif", "switch": "Lua has no switch; write if … elseif … end",
	"try": "Lua has no try; write local ok, err = pcall(f)", "throw": "an error is raised by error(…)", "raise": "an error is raised by error(…)",
	"import": "write local name = require \"name\"", "from": "write local name = require \"name\"",
}

const (
	hintBraces  = "Lua has no braces around blocks; write %s … end"
	hintComment = "a comment begins with --"
)

var (
	leftOperand  = regexp.MustCompile(`[\w.]+\s*$`)
	rightOperand = regexp.MustCompile(`^\s*[\w.]+`)
)

// newerHint is the hint about the current token, with the operands of this place.
func (c *checker) newerHint() (hint string, ok bool) {
	if c.tok.kind != kOp {
		return "", false
	}
	if hint, ok = newer[c.tok.text]; !ok {
		return "", false
	}
	left, right := "x", "2"
	start := c.tok.end - len(c.tok.text)
	if s := strings.TrimSpace(leftOperand.FindString(c.src[max(start-60, c.tok.line0, 0):start])); s != "" {
		left = s
	}
	if s := strings.TrimSpace(rightOperand.FindString(c.src[c.tok.end:min(len(c.src), c.tok.end+60)])); s != "" {
		right = s
	}
	if !strings.Contains(hint, "%") {
		return hint, true
	}
	if !strings.Contains(hint, "%[2]s") {
		return fmt.Sprintf(hint, left), true
	}
	return fmt.Sprintf(hint, left, right), true
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
	if h, ok := c.newerHint(); ok {
		code, msg = codeNewer, "unexpected symbol"
		hint = h
	} else if hint == hintAttribute {
		code = codeNewer
	}
	c.fail(c.place(), code, msg+" "+near(c.tok), hint)
}

// expectBlock expects the word between a condition and its block. A line that ends
// without it is at fault, not the next one.
func (c *checker) expectBlock(word string) {
	switch {
	case c.accept(word):
		return
	case c.tok.is("="):
		c.failNear("'"+word+"' expected", "= sets a variable; write == to compare")
	case c.tok.is("{"):
		c.failNear("'"+word+"' expected", fmt.Sprintf(hintBraces, word))
	}
	if _, ok := c.newerHint(); !ok && (c.tok.line > c.prev.line || c.tok.kind == kEOF) {
		at := c.prev
		at.col += max(c.prev.end-c.prev.line0-at.col+1, 0)
		at.text = ""
		hint := "write " + word + " at the end of this line"
		if c.prev.is("}") { // Lua took them for the table of a call
			hint = fmt.Sprintf(hintBraces, word)
		}
		c.fail(at, codeSyntax, "'"+word+"' expected "+near(c.tok), hint)
	}
	c.failNear("'"+word+"' expected", "")
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
	if _, ok := c.newerHint(); ok {
		c.failNear("", "")
	}
	e := syntaxError("", c.place(), codeUnclosed, fmt.Sprintf("'%s' expected (to close '%s' at line %d) %s",
		text, open.text, open.line, near(c.tok)), "")
	e.Opener = &Place{Line: open.line, Col: open.col, Token: open.text}
	if n := len(c.blocks); n > 0 && c.blocks[n-1].tok == open {
		c.stolenFrom(e, c.blocks[n-1], text)
	} else {
		c.notGoingOn(e, text, open)
	}
	if e.Hint == "" && c.elseIf != nil && c.elseIf.line > open.line {
		e.Hint = fmt.Sprintf("write elseif in line %d: `else if` begins an if of its own, which needs an end too", c.elseIf.line)
	}
	panic(e)
}

// stolenFrom guesses where the end of a block is missing.
func (c *checker) stolenFrom(e *SyntaxError, b *opener, text string) {
	e.Missing = b.missing
	if c.stolen == nil || e.Missing != nil && c.stolen.Line > e.Missing.Line {
		return
	}
	e.Missing = c.stolen
	if c.elseIf == nil || c.elseIf.line < c.thief.line {
		e.Hint = fmt.Sprintf("the '%s' at line %d has probably no '%s'", c.thief.text, c.thief.line, text)
	}
}

// notGoingOn guesses why a list in brackets does not go on at the current token.
func (c *checker) notGoingOn(e *SyntaxError, text string, open token) {
	switch {
	case c.tok.is("end"):
		e.Hint = fmt.Sprintf("there is one 'end' too many in line %d or above", c.tok.line)
		if c.prev.is("end") && c.prev.first && c.prev.indent > open.indent {
			e.Hint = fmt.Sprintf("the 'end' at line %d is probably one too many", c.prev.line)
		}
	case c.tok.kind == kEOF || !c.tok.first:
	case c.tok.indent > open.indent && !c.tok.is("local") && !c.tok.is("return"):
		e.Missing = &Place{Line: c.tok.line, Col: c.tok.indent + 1, Token: ","}
	default:
		e.Missing = &Place{Line: c.tok.line, Col: c.tok.indent + 1, Token: text}
	}
}
