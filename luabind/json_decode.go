package luabind

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

// bigInteger holds the digits of an integer that no Lua number can hold exactly.
type bigInteger string

// decoder reads JSON straight into Lua values. Of equal keys the last one counts.
type decoder struct {
	env     *Env
	in      string
	at      int
	depth   int
	lenient bool // bytes that are no UTF-8 become U+FFFD; otherwise an error
}

// DecodeJSON reads one JSON text. Called with the lock held. null becomes json.null, lists
// are marked as such, integers beyond 2^53 keep their digits.
func (env *Env) DecodeJSON(text string) (lua.LValue, error) {
	return (&decoder{env: env, in: text}).document()
}

// Value is JSON that the host holds as a Lua value; nil for what is empty or broken.
func (env *Env) Value(raw []byte) lua.LValue {
	if len(raw) == 0 {
		return lua.LNil
	}
	v, err := (&decoder{env: env, in: string(raw), lenient: true}).document()
	if err != nil {
		return lua.LNil
	}
	return v
}

func (d *decoder) document() (lua.LValue, error) {
	if len(d.in) > maxJSONSize {
		return nil, fmt.Errorf("more than %d MiB of JSON", maxJSONSize>>20)
	}
	v, err := d.value()
	if err != nil {
		return nil, err
	}
	if d.space(); d.at < len(d.in) {
		return nil, d.bad("nothing more expected")
	}
	return v, nil
}

// bad says what was expected, where, and what stands there.
func (d *decoder) bad(want string) error {
	before := d.in[:min(d.at, len(d.in))]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	got := "the end"
	if d.at < len(d.in) {
		r, _ := utf8.DecodeRuneInString(d.in[d.at:])
		got = strconv.QuoteRune(r)
	}
	return fmt.Errorf("not JSON: %s at line %d, column %d, got %s", want, line, column, got)
}

func (d *decoder) space() {
	for d.at < len(d.in) {
		switch d.in[d.at] {
		case ' ', '\t', '\n', '\r':
			d.at++
		default:
			return
		}
	}
}

// next skips space and returns the next byte without taking it, 0 at the end.
func (d *decoder) next() byte {
	d.space()
	if d.at >= len(d.in) {
		return 0
	}
	return d.in[d.at]
}

func (d *decoder) value() (lua.LValue, error) {
	switch c := d.next(); c {
	case '{':
		return d.object()
	case '[':
		return d.list()
	case '"':
		s, err := d.text()
		return lua.LString(s), err
	case 't':
		return d.word("true", lua.LTrue)
	case 'f':
		return d.word("false", lua.LFalse)
	case 'n':
		return d.word("null", d.env.null)
	default:
		if c == '-' || c >= '0' && c <= '9' {
			return d.number()
		}
		return nil, d.bad("a value expected")
	}
}

func (d *decoder) word(word string, v lua.LValue) (lua.LValue, error) {
	if !strings.HasPrefix(d.in[d.at:], word) {
		return nil, d.bad(word + " expected")
	}
	d.at += len(word)
	return v, nil
}

func (d *decoder) enter() error {
	d.at++
	if d.depth++; d.depth > maxJSONDepth {
		return fmt.Errorf("JSON with more than %d values within each other", maxJSONDepth)
	}
	return nil
}

func (d *decoder) object() (lua.LValue, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	t := d.env.VM.L.CreateTable(0, 4)
	if d.next() == '}' {
		d.at++
		d.depth--
		return t, nil
	}
	for {
		if d.next() != '"' {
			return nil, d.bad("a key in quotes expected")
		}
		key, err := d.text()
		if err != nil {
			return nil, err
		}
		if d.next() != ':' {
			return nil, d.bad("':' expected")
		}
		d.at++
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		t.RawSetString(key, v)
		switch d.next() {
		case ',':
			d.at++
		case '}':
			d.at++
			d.depth--
			return t, nil
		default:
			return nil, d.bad("',' or '}' expected")
		}
	}
}

func (d *decoder) list() (lua.LValue, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	t := d.env.Array(d.env.VM.L.CreateTable(4, 0))
	if d.next() == ']' {
		d.at++
		d.depth--
		return t, nil
	}
	for {
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		t.Append(v)
		switch d.next() {
		case ',':
			d.at++
		case ']':
			d.at++
			d.depth--
			return t, nil
		default:
			return nil, d.bad("',' or ']' expected")
		}
	}
}

// number reads by JSON's grammar, which is narrower than Go's.
func (d *decoder) number() (lua.LValue, error) {
	start := d.at
	if d.in[d.at] == '-' {
		d.at++
	}
	first := d.at
	d.digits()
	if d.at == first || d.at > first+1 && d.in[first] == '0' {
		return nil, d.bad("a number without leading zeros expected")
	}
	whole := true
	if d.at < len(d.in) && d.in[d.at] == '.' {
		whole = false
		d.at++
		if !d.digits() {
			return nil, d.bad("a digit expected")
		}
	}
	if d.at < len(d.in) && d.in[d.at]|0x20 == 'e' {
		whole = false
		d.at++
		if d.at < len(d.in) && (d.in[d.at] == '+' || d.in[d.at] == '-') {
			d.at++
		}
		if !d.digits() {
			return nil, d.bad("a digit expected")
		}
	}
	return d.env.numberValue(d.in[start:d.at], whole)
}

func (d *decoder) digits() bool {
	start := d.at
	for d.at < len(d.in) && d.in[d.at] >= '0' && d.in[d.at] <= '9' {
		d.at++
	}
	return d.at > start
}

// numberValue is the Lua value of a number's text; whole tells that it has digits only.
func (env *Env) numberValue(text string, whole bool) (lua.LValue, error) {
	if whole {
		n, err := strconv.ParseInt(text, 10, 64)
		if err == nil && n <= 1<<53 && n >= -(1<<53) {
			return lua.LNumber(n), nil
		}
		return env.Object(integerClass, bigInteger(text)), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && math.IsInf(f, 0) {
		return nil, fmt.Errorf("not JSON that can be held: the number %s is too large", quoted(text))
	}
	return lua.LNumber(f), nil
}

// text reads a string; d.at stands at its opening quote.
func (d *decoder) text() (string, error) {
	d.at++
	start := d.at
	for i := start; i < len(d.in); i++ {
		switch c := d.in[i]; {
		case c == '"':
			d.at = i + 1
			return d.checked(d.in[start:i], start)
		case c == '\\':
			return d.escaped(start, i)
		case c < 0x20:
			d.at = i
			return "", d.bad("no control character expected in a string")
		}
	}
	d.at = len(d.in)
	return "", d.bad("'\"' expected")
}

func (d *decoder) checked(s string, start int) (string, error) {
	if utf8.ValidString(s) {
		return s, nil
	}
	if d.lenient {
		return strings.ToValidUTF8(s, "\uFFFD"), nil
	}
	d.at = start
	return "", d.bad("a string in UTF-8 expected")
}

func (d *decoder) escaped(start, i int) (string, error) {
	b := append(make([]byte, 0, i-start+32), d.in[start:i]...)
	d.at = i
	for d.at < len(d.in) {
		c := d.in[d.at]
		switch {
		case c == '"':
			d.at++
			return d.checked(string(b), start)
		case c < 0x20:
			return "", d.bad("no control character expected in a string")
		case c != '\\':
			b = append(b, c)
			d.at++
			continue
		}
		d.at++
		if d.at >= len(d.in) {
			break
		}
		c = d.in[d.at]
		if c == 'u' {
			r, ok := d.unicode()
			if !ok {
				return "", d.bad("four hexadecimal digits expected")
			}
			b = utf8.AppendRune(b, r)
			continue
		}
		k := strings.IndexByte(`"\/bfnrt`, c)
		if k < 0 {
			return "", d.bad("an escape expected")
		}
		b = append(b, "\"\\/\b\f\n\r\t"[k])
		d.at++
	}
	return "", d.bad("'\"' expected")
}

// unicode reads uXXXX, and the second half of a surrogate pair. A half alone becomes U+FFFD.
func (d *decoder) unicode() (rune, bool) {
	r, ok := d.hex()
	if !ok || !utf16.IsSurrogate(r) {
		return r, ok
	}
	if strings.HasPrefix(d.in[d.at:], `\u`) {
		before := d.at
		d.at++
		if second, ok := d.hex(); ok {
			if pair := utf16.DecodeRune(r, second); pair != utf8.RuneError {
				return pair, true
			}
		}
		d.at = before
	}
	return utf8.RuneError, true
}

func (d *decoder) hex() (rune, bool) {
	if d.at+5 > len(d.in) {
		return 0, false
	}
	n, err := strconv.ParseUint(d.in[d.at+1:d.at+5], 16, 16)
	if err != nil {
		return 0, false
	}
	d.at += 5
	return rune(n), true
}
