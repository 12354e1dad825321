package luasrc

import "strings"

type kind byte

const (
	kEOF kind = iota
	kName
	kNumber
	kString
	kWord // a reserved word
	kOp
)

type token struct {
	kind      kind
	text      string // as it stands in the source; strings with their quotes
	line, col int
	indent    int  // of its line, in bytes
	first     bool // the first token of its line
	line0     int  // where its line begins in the source
	end       int  // behind it in the source
}

func (t token) is(text string) bool { return (t.kind == kWord || t.kind == kOp) && t.text == text }

var reserved = map[string]bool{
	"and": true, "break": true, "do": true, "else": true, "elseif": true, "end": true,
	"false": true, "for": true, "function": true, "goto": true, "if": true, "in": true,
	"local": true, "nil": true, "not": true, "or": true, "repeat": true, "return": true,
	"then": true, "true": true, "until": true, "while": true,
}

// operators, longest first. Those that Lua 5.1 does not have are read as one token, so
// that the error can name them.
var operators = []string{
	"...", "==", "~=", "<=", ">=", "..", "::", "//", "<<", ">>", "!=", "&&", "||", "+=", "-=", "*=", "/=", "++", "=>",
	"+", "-", "*", "/", "%", "^", "#", "<", ">", "=", "(", ")", "{", "}", "[", "]", ";", ":", ",", ".",
	"&", "|", "~", "!", "?",
}

// lexer reads tokens. It recurses nowhere and reads every byte once.
type lexer struct {
	src       string
	pos       int
	line      int
	lineStart int
	lastLine  int // of the last token
	lastCol   int // behind the last token
	fail      func(at token, code, msg, hint string)
}

func (x *lexer) newline() {
	c := x.src[x.pos]
	x.pos++
	if x.pos < len(x.src) && (x.src[x.pos] == '\n' || x.src[x.pos] == '\r') && x.src[x.pos] != c {
		x.pos++
	}
	x.line++
	x.lineStart = x.pos
}

func (x *lexer) next() token {
	x.blanks()
	t := token{line: x.line, col: x.pos - x.lineStart + 1, line0: x.lineStart, end: x.pos}
	t.first = x.line != x.lastLine
	for i := x.lineStart; i < len(x.src) && (x.src[i] == ' ' || x.src[i] == '\t'); i++ {
		t.indent++
	}
	start := x.pos
	if start >= len(x.src) {
		return t
	}
	switch c := x.src[start]; {
	case isLetter(c):
		for x.pos < len(x.src) && (isLetter(x.src[x.pos]) || isDigit(x.src[x.pos])) {
			x.pos++
		}
		t.kind, t.text = kName, x.src[start:x.pos]
		if reserved[t.text] {
			t.kind = kWord
		}
	case isDigit(c) || c == '.' && start+1 < len(x.src) && isDigit(x.src[start+1]):
		x.number(&t)
	case c == '"' || c == '\'':
		x.quoted(&t, c)
	case c == '[' && x.longOpen(start) >= 0:
		x.long(&t, "string")
		t.kind, t.text = kString, x.src[start:x.pos]
	default:
		t.kind, t.text = kOp, x.operator()
	}
	t.end = x.pos
	x.lastLine, x.lastCol = x.line, x.pos-x.lineStart+1
	return t
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

func (x *lexer) operator() string {
	for _, op := range operators {
		if strings.HasPrefix(x.src[x.pos:], op) {
			x.pos += len(op)
			return op
		}
	}
	n := 1
	for x.src[x.pos] >= 0x80 && x.pos+n < len(x.src) && x.src[x.pos+n]&0xC0 == 0x80 {
		n++
	}
	x.pos += n
	return x.src[x.pos-n : x.pos]
}

func (x *lexer) blanks() {
	for x.pos < len(x.src) {
		switch c := x.src[x.pos]; {
		case c == '\n' || c == '\r':
			x.newline()
		case c == ' ' || c == '\t':
			x.pos++
		case strings.HasPrefix(x.src[x.pos:], "--"):
			t := token{kind: kOp, text: "--", line: x.line, col: x.pos - x.lineStart + 1}
			if x.pos += 2; x.pos < len(x.src) && x.longOpen(x.pos) >= 0 {
				x.long(&t, "comment")
				continue
			}
			for x.pos < len(x.src) && x.src[x.pos] != '\n' && x.src[x.pos] != '\r' {
				x.pos++
			}
		default:
			return
		}
	}
}

// number takes what Lua 5.1 takes: all letters, digits and dots that follow belong to it.
func (x *lexer) number(t *token) {
	start := x.pos
	for x.pos < len(x.src) {
		c := x.src[x.pos]
		exp := (c == '+' || c == '-') && x.src[x.pos-1]|0x20 == 'e' && !strings.HasPrefix(strings.ToLower(x.src[start:min(start+2, len(x.src))]), "0x")
		if !isLetter(c) && !isDigit(c) && c != '.' && (!exp || x.pos == start) {
			break
		}
		x.pos++
	}
	t.kind, t.text = kNumber, x.src[start:x.pos]
	if _, ok := numberText(t.text); !ok {
		x.fail(*t, codeLiteral, "malformed number near '"+short(t.text)+"'", "")
	}
}

func (x *lexer) quoted(t *token, quote byte) {
	start := x.pos
	for x.pos++; ; {
		if x.pos >= len(x.src) || x.src[x.pos] == '\n' || x.src[x.pos] == '\r' {
			t.kind, t.text = kString, x.src[start:x.pos]
			x.fail(*t, codeLiteral, "unfinished string near '"+short(t.text)+"'",
				"close the string with "+string(quote)+" on the same line, or write [[…]] for more lines")
		}
		switch x.src[x.pos] {
		case quote:
			x.pos++
			t.kind, t.text = kString, x.src[start:x.pos]
			return
		case '\\':
			if x.pos++; x.pos < len(x.src) && (x.src[x.pos] == '\n' || x.src[x.pos] == '\r') {
				x.newline()
				continue
			}
			esc := x.pos
			for n := 0; n < 3 && x.pos < len(x.src) && isDigit(x.src[x.pos]); n++ {
				x.pos++
			}
			if x.pos-esc == 3 && x.src[esc:x.pos] > "255" {
				x.fail(*t, codeLiteral, "escape sequence too large near '\\"+x.src[esc:x.pos]+"'", "")
			}
			if x.pos == esc && x.pos < len(x.src) {
				x.pos++
			}
		default:
			x.pos++
		}
	}
}

// longOpen is the level of the long bracket at i, or -1.
func (x *lexer) longOpen(i int) int {
	if x.src[i] != '[' {
		return -1
	}
	j := i + 1
	for j < len(x.src) && x.src[j] == '=' {
		j++
	}
	if j < len(x.src) && x.src[j] == '[' {
		return j - i - 1
	}
	return -1
}

func (x *lexer) long(t *token, what string) {
	level := x.longOpen(x.pos)
	x.pos += level + 2
	shut := "]" + strings.Repeat("=", level) + "]"
	for x.pos < len(x.src) {
		switch c := x.src[x.pos]; {
		case c == '\n' || c == '\r':
			x.newline()
		case c == ']' && strings.HasPrefix(x.src[x.pos:], shut):
			x.pos += len(shut)
			return
		default:
			x.pos++
		}
	}
	x.fail(*t, codeLiteral, "unfinished long "+what+" near end of file", "it begins here and needs "+shut)
}

// short shortens a token for a message.
func short(s string) string {
	if i := strings.IndexAny(s, "\r\n"); i >= 0 {
		s = s[:i] + "…"
	}
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:57], "") + "…"
	}
	return s
}
