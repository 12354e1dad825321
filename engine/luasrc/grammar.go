package luasrc

import (
	"fmt"
	"strings"
)

// opener is a block that is not closed yet.
type opener struct {
	tok     token
	inCall  bool   // it is a function among the arguments of a call
	missing *Place // the first line that looks as if the block had ended before it
}

// checker reads a source by the grammar of Lua 5.1 (plus goto), builds nothing, and
// fails in Lua 5.1's words. It bounds the nesting, so that what it accepts can be given
// to gopher-lua's parser. It never recurses deeper than the limit.
type checker struct {
	lexer
	tok, prev token
	peeked    *token
	depth     int
	limit     int
	loops     int  // around this place, in this function
	vararg    bool // this function takes ...
	parens    int  // open call parentheses in this function
	blocks    []*opener
	stolen    *Place // a block whose end was probably taken for this one's …
	thief     token  // … and that block
	elseIf    *token // the last `else` with an `if` behind it
}

func (c *checker) chunk() {
	c.vararg = true
	c.advance()
	c.block()
	if c.tok.kind != kEOF {
		hint := ""
		if c.tok.is("end") {
			hint = "there is one 'end' too many before this place"
		}
		c.failNear("'<eof>' expected", hint)
	}
}

func (c *checker) advance() {
	c.prev = c.tok
	if c.peeked != nil {
		c.tok, c.peeked = *c.peeked, nil
		return
	}
	c.tok = c.next()
}

func (c *checker) peek() token {
	if c.peeked == nil {
		t := c.next()
		c.peeked = &t
	}
	return *c.peeked
}

func (c *checker) accept(text string) bool {
	if !c.tok.is(text) {
		return false
	}
	c.advance()
	return true
}

func (c *checker) expect(text string) {
	if !c.accept(text) {
		c.failNear("'"+text+"' expected", "")
	}
}

func (c *checker) name() {
	if c.tok.kind != kName {
		c.failNear("<name> expected", "")
	}
	c.advance()
}

func (c *checker) enter() {
	if c.depth++; c.depth > c.limit {
		c.fail(c.tok, codeLimit, "chunk has too many syntax levels",
			fmt.Sprintf("blocks and expressions nest at most %d deep", c.limit))
	}
}

// close expects the token that closes what open opened.
func (c *checker) close(text string, open token) {
	if c.accept(text) {
		return
	}
	if open.line == c.tok.line {
		c.failNear("'"+text+"' expected", "")
	}
	c.failUnclosed(text, open)
}

// enterBlock reads a block up to its closing word, and watches the indentation.
func (c *checker) enterBlock(open token, inCall bool) {
	c.blocks = append(c.blocks, &opener{tok: open, inCall: inCall})
	c.block()
}

func (c *checker) closeBlock(text string, open token) {
	b := c.blocks[len(c.blocks)-1]
	if c.stolen == nil && c.tok.is(text) && c.tok.first && c.tok.indent < open.indent {
		c.stolen, c.thief = b.before(c.tok), open
	}
	c.close(text, open)
	c.blocks = c.blocks[:len(c.blocks)-1]
}

func (b *opener) before(t token) *Place {
	word := "end"
	if b.tok.is("repeat") {
		word = "until"
	} else if b.inCall {
		word = "end)"
	}
	return &Place{Line: t.line, Col: t.indent + 1, Token: word}
}

func (c *checker) blockEnds() bool {
	return c.tok.kind == kEOF || c.tok.is("end") || c.tok.is("else") || c.tok.is("elseif") || c.tok.is("until")
}

func (c *checker) block() {
	c.enter()
	for !c.blockEnds() {
		c.watchIndent()
		if last := c.statement(); c.accept(";") || !last {
			if !last {
				continue
			}
		}
		if !c.blockEnds() {
			c.failHere()
		}
		break
	}
	c.depth--
}

// watchIndent notes the first line that is indented as if the block had ended.
func (c *checker) watchIndent() {
	if n := len(c.blocks); n > 0 && c.tok.first {
		b := c.blocks[n-1]
		if b.missing == nil && c.tok.line > b.tok.line && c.tok.indent <= b.tok.indent {
			b.missing = b.before(c.tok)
		}
	}
}

// failHere fails at a token that stands where a block should have ended.
func (c *checker) failHere() {
	if n := len(c.blocks); n > 0 {
		c.watchIndent()
		word := "end"
		if c.blocks[n-1].tok.is("repeat") {
			word = "until"
		}
		c.close(word, c.blocks[n-1].tok)
	}
	c.failNear("'<eof>' expected", "return and break must be the last statement of their block")
}

// statement reads one statement and reports whether it must be the last of its block.
func (c *checker) statement() bool {
	t := c.tok
	switch {
	case c.accept(";"):
	case c.accept("if"):
		c.ifStatement(t)
	case c.accept("while"):
		c.expr()
		c.expectBlock("do")
		c.loop(t)
	case c.accept("do"):
		c.enterBlock(t, false)
		c.closeBlock("end", t)
	case c.accept("for"):
		c.forStatement(t)
	case c.accept("repeat"):
		c.loops++
		c.enterBlock(t, false)
		c.closeBlock("until", t)
		c.loops--
		c.expr()
	case c.accept("function"):
		c.name()
		for c.accept(".") {
			c.name()
		}
		if c.accept(":") {
			c.name()
		}
		c.body(t, false)
	case c.accept("local"):
		c.local()
	case c.accept("return"):
		if !c.blockEnds() && !c.tok.is(";") {
			c.exprList()
		}
		return true
	case c.tok.is("break"):
		if c.loops == 0 {
			c.failNear("no loop to break", "")
		}
		c.advance()
		return true
	case c.accept("goto"):
		c.name()
	case c.accept("::"):
		c.name()
		c.expect("::")
	case len(c.blocks) > 0 && (c.tok.is(")") || c.tok.is("}") || c.tok.is("]")):
		c.failHere()
	case c.tok.is("{"):
		c.failNear("unexpected symbol", strings.Replace(hintBraces, "%s … ", "", 1))
	case c.tok.first && (c.tok.is("//") || c.tok.is("#") || c.tok.is("/")):
		c.fail(c.tok, codeNewer, "unexpected symbol "+near(c.tok), hintComment)
	default:
		c.exprStatement()
	}
	return false
}

func (c *checker) ifStatement(open token) {
	c.expr()
	c.expectBlock("then")
	c.enterBlock(open, false)
	for c.tok.is("elseif") {
		c.advance()
		c.expr()
		c.expectBlock("then")
		c.block()
	}
	if t := c.tok; c.accept("else") {
		if c.tok.is("if") && c.tok.line == t.line {
			c.elseIf = &t
		}
		c.block()
	}
	c.closeBlock("end", open)
}

func (c *checker) loop(open token) {
	c.loops++
	c.enterBlock(open, false)
	c.closeBlock("end", open)
	c.loops--
}

func (c *checker) forStatement(open token) {
	c.name()
	switch {
	case c.accept("="):
		c.expr()
		c.expect(",")
		c.expr()
		if c.accept(",") {
			c.expr()
		}
	case c.tok.is(",") || c.tok.is("in"):
		for c.accept(",") {
			c.name()
		}
		c.expect("in")
		c.exprList()
	default:
		c.failNear("'=' or 'in' expected", "")
	}
	c.expectBlock("do")
	c.loop(open)
}

func (c *checker) local() {
	if t := c.tok; c.accept("function") {
		c.name()
		c.body(t, false)
		return
	}
	for {
		c.name()
		if c.tok.is("<") {
			c.failNear("unexpected symbol", hintAttribute)
		}
		if !c.accept(",") {
			break
		}
	}
	if c.accept("=") {
		c.exprList()
	}
}

// exprStatement reads a call or an assignment.
func (c *checker) exprStatement() {
	start := c.tok
	call := c.suffixed()
	if c.tok.is("=") || c.tok.is(",") {
		for {
			if call {
				c.failNear("syntax error", "the result of a call cannot be assigned to")
			}
			if !c.accept(",") {
				break
			}
			call = c.suffixed()
		}
		c.expect("=")
		c.exprList()
		return
	}
	if !call {
		c.failStatement(start)
	}
}

// failStatement fails behind an expression that is no statement.
func (c *checker) failStatement(start token) {
	hint := ""
	switch word, single := foreign[start.text], c.prev == start; {
	case single && word != "" && start.kind == kName:
		c.fail(start, codeNewer, "unexpected symbol "+near(start), word)
	case strings.HasPrefix(c.src[c.prev.end:], "--") && c.tok.line > c.prev.line:
		name := strings.TrimSpace(leftOperand.FindString(c.src[c.prev.line0:c.prev.end]))
		c.fail(c.prev, codeNewer, "'=' expected "+near(c.tok), "-- begins a comment; write "+name+" = "+name+" - 1")
	case single && c.tok.kind == kName && c.tok.line == start.line:
		hint = "is a word missing, or a bracket: " + short(start.text) + "(" + short(c.tok.text) + ")?"
	case c.tok.line > c.prev.line || c.tok.kind == kEOF:
		hint = "a value alone is no statement; is a ( ) missing to call it?"
	}
	c.failNear("'=' expected", hint)
}

func (c *checker) body(open token, inCall bool) {
	vararg, loops, parens := c.vararg, c.loops, c.parens
	c.vararg, c.loops, c.parens = false, 0, 0
	c.expect("(")
	if !c.tok.is(")") {
		for {
			if c.accept("...") {
				c.vararg = true
				break
			}
			c.name()
			if !c.accept(",") {
				break
			}
		}
	}
	c.expect(")")
	c.enterBlock(open, inCall)
	c.closeBlock("end", open)
	c.vararg, c.loops, c.parens = vararg, loops, parens
}
