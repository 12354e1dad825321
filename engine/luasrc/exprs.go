package luasrc

// priorities of the binary operators: left, right. Source: Lua 5.1's manual, 2.5.6.
var priorities = map[string][2]int{
	"or": {1, 1}, "and": {2, 2},
	"<": {3, 3}, ">": {3, 3}, "<=": {3, 3}, ">=": {3, 3}, "~=": {3, 3}, "==": {3, 3},
	"..": {5, 4}, "+": {6, 6}, "-": {6, 6}, "*": {7, 7}, "/": {7, 7}, "%": {7, 7}, "^": {10, 9},
}

const unaryPriority = 8

func (c *checker) expr() { c.sub(0) }

func (c *checker) exprList() {
	c.expr()
	for c.accept(",") {
		c.expr()
	}
}

func (c *checker) sub(limit int) {
	c.enter()
	if c.tok.is("not") || c.tok.is("-") || c.tok.is("#") {
		c.advance()
		c.sub(unaryPriority)
	} else {
		c.simple()
	}
	c.operators(limit)
	c.depth--
}

// operators reads the operators and operands that follow one. A chain of `..` is read
// in a loop, however long, though it associates to the right.
func (c *checker) operators(limit int) {
	for c.tok.kind == kOp || c.tok.kind == kWord {
		p, ok := priorities[c.tok.text]
		if !ok || p[0] <= limit {
			return
		}
		right := p[1]
		if c.tok.text == ".." {
			right = p[0] // the next `..` is left to this loop
		}
		c.advance()
		c.sub(right)
	}
}

func (c *checker) simple() {
	switch t := c.tok; {
	case t.kind == kNumber, t.kind == kString, t.is("nil"), t.is("true"), t.is("false"):
		c.advance()
	case t.is("..."):
		if !c.vararg {
			c.failNear("cannot use '...' outside a vararg function", "")
		}
		c.advance()
	case t.is("{"):
		c.table()
	case c.accept("function"):
		c.body(t, c.parens > 0)
	default:
		c.suffixed()
	}
}

// suffixed reads a name or an expression in parentheses and what is applied to it, and
// reports whether that ends with a call.
func (c *checker) suffixed() bool {
	call := false
	switch t := c.tok; {
	case t.kind == kName:
		c.advance()
	case c.accept("("):
		c.expr()
		c.close(")", t)
		if !c.tok.is(".") && !c.tok.is("[") && !c.tok.is(":") && !c.tok.is("(") && !c.tok.is("{") && c.tok.kind != kString {
			if c.tok.is("=") || c.tok.is(",") && c.depth == 0 {
				c.failNear("syntax error", "")
			}
		}
	default:
		c.failNear("unexpected symbol", "")
	}
	for {
		switch t := c.tok; {
		case c.accept("."):
			c.name()
			call = false
		case c.accept("["):
			c.expr()
			c.close("]", t)
			call = false
		case c.accept(":"):
			c.name()
			if !c.tok.is("(") && !c.tok.is("{") && c.tok.kind != kString {
				c.failNear("function arguments expected", "")
			}
			c.args()
			call = true
		case t.is("("), t.is("{"), t.kind == kString:
			c.args()
			call = true
		default:
			return call
		}
	}
}

func (c *checker) args() {
	switch t := c.tok; {
	case t.kind == kString:
		c.advance()
	case t.is("{"):
		c.table()
	default:
		if t.first {
			c.failNear("ambiguous syntax (function call x new statement)",
				"put the ( on the line of the function, or a ; before it")
		}
		c.advance()
		if c.accept(")") {
			return
		}
		c.parens++
		c.exprList()
		c.parens--
		c.close(")", t)
	}
}

func (c *checker) table() {
	open := c.tok
	c.enter()
	c.advance()
	for !c.tok.is("}") {
		switch t := c.tok; {
		case t.kind == kName && c.peek().is("="):
			c.advance()
			c.advance()
			c.expr()
		case c.accept("["):
			c.expr()
			c.close("]", t)
			c.expect("=")
			c.expr()
		default:
			c.expr()
		}
		if !c.accept(",") && !c.accept(";") {
			break
		}
	}
	c.close("}", open)
	c.depth--
}
