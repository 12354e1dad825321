package luabind

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

const (
	maxJSONDepth = 200      // tables within tables, in both directions
	maxJSONSize  = 64 << 20 // bytes of one text, in both directions
)

// encoder writes Lua values as JSON: keys sorted, integers without exponent or fraction,
// every digit of large ones. A table with the marker of lists, or with the keys 1 … n, is
// a list; one with strings as keys an object; an empty one an object unless marked.
type encoder struct {
	env  *Env
	out  []byte
	open []*lua.LTable // the tables around the present one
}

// jsonError is a value that JSON cannot hold. Its path is put together on the way out.
type jsonError struct {
	path, what string
}

func (e *jsonError) Error() string {
	if e.path == "" {
		return e.what
	}
	return fmt.Sprintf("%s at %s", e.what, e.path)
}

// under puts one step before the path of an error.
func under(step string, err error) error {
	var e *jsonError
	if errors.As(err, &e) {
		e.path = step + e.path
	}
	return err
}

func cannot(format string, args ...any) error { return &jsonError{what: fmt.Sprintf(format, args...)} }

// EncodeJSON writes a Lua value as JSON. Called with the lock held.
func (env *Env) EncodeJSON(v lua.LValue) ([]byte, error) {
	e := encoder{env: env}
	if err := e.value(v); err != nil {
		return nil, err
	}
	return e.out, nil
}

func (e *encoder) value(v lua.LValue) error {
	switch x := v.(type) {
	case *lua.LNilType:
		e.out = append(e.out, "null"...)
	case lua.LBool:
		e.out = strconv.AppendBool(e.out, bool(x))
	case lua.LNumber:
		f := float64(x)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return cannot("%s cannot be written as JSON", formatNumber(f))
		}
		e.out = appendNumber(e.out, f)
	case lua.LString:
		return e.text(string(x))
	case *lua.LTable:
		return e.table(x)
	case *lua.LUserData:
		if x == e.env.null {
			e.out = append(e.out, "null"...)
			return nil
		}
		if big, ok := x.Value.(bigInteger); ok {
			e.out = append(e.out, big...)
			return nil
		}
		if m, ok := x.Value.(*Markup); ok {
			return e.text(m.Body)
		}
		return cannot("an object (%s) cannot be written as JSON", typeName(e.env, x))
	default:
		return cannot("a %s cannot be written as JSON", v.Type())
	}
	return nil
}

func (e *encoder) table(t *lua.LTable) error {
	if e.env.IsArray(t) {
		return e.list(t)
	}
	key, _ := t.Next(lua.LNil)
	if _, ok := key.(lua.LNumber); ok {
		return e.list(t)
	}
	return e.object(t)
}

// enter guards against tables within themselves, and too many within each other.
func (e *encoder) enter(t *lua.LTable) error {
	if slices.Contains(e.open, t) {
		return cannot("a table that contains itself cannot be written as JSON")
	}
	if len(e.open) >= maxJSONDepth {
		return cannot("more than %d tables within each other cannot be written as JSON", maxJSONDepth)
	}
	if len(e.out) > maxJSONSize {
		return cannot("more than %d MiB cannot be written as JSON", maxJSONSize>>20)
	}
	e.open = append(e.open, t)
	return nil
}

func (e *encoder) leave() { e.open = e.open[:len(e.open)-1] }

// list writes t as a JSON list, also when it is empty.
func (e *encoder) list(t *lua.LTable) error {
	n, wrong := listLength(t)
	if wrong != "" {
		return cannot("%s", wrong)
	}
	if err := e.enter(t); err != nil {
		return err
	}
	defer e.leave()
	e.out = append(e.out, '[')
	for i := range n {
		if i > 0 {
			e.out = append(e.out, ',')
		}
		if err := e.value(t.RawGetInt(i + 1)); err != nil {
			return under("["+strconv.Itoa(i+1)+"]", err)
		}
	}
	e.out = append(e.out, ']')
	return nil
}

// object writes t as a JSON object, also when it is empty.
func (e *encoder) object(t *lua.LTable) error {
	if err := e.enter(t); err != nil {
		return err
	}
	defer e.leave()
	var few [16]string
	keys := few[:0]
	for key, _ := t.Next(lua.LNil); key != lua.LNil; key, _ = t.Next(key) {
		s, ok := key.(lua.LString)
		if !ok {
			return cannot("a table with strings as keys was expected (the key %s is a %s)", keyText(key), key.Type())
		}
		keys = append(keys, string(s))
	}
	slices.Sort(keys)
	e.out = append(e.out, '{')
	for i, key := range keys {
		if i > 0 {
			e.out = append(e.out, ',')
		}
		if err := e.text(key); err != nil {
			return under("."+key, err)
		}
		e.out = append(e.out, ':')
		if err := e.value(t.RawGetString(key)); err != nil {
			return under("."+key, err)
		}
	}
	e.out = append(e.out, '}')
	return nil
}

const hexDigits = "0123456789abcdef"

// text writes a string. Bytes that are no UTF-8 are refused: they would be lost.
func (e *encoder) text(s string) error {
	if !utf8.ValidString(s) {
		return cannot("a string that is not UTF-8 cannot be written as JSON (encode bytes as base64)")
	}
	e.out = append(e.out, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		e.out = append(e.out, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			e.out = append(e.out, '\\', c)
		case '\n':
			e.out = append(e.out, '\\', 'n')
		case '\r':
			e.out = append(e.out, '\\', 'r')
		case '\t':
			e.out = append(e.out, '\\', 't')
		default:
			e.out = append(e.out, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	e.out = append(append(e.out, s[start:]...), '"')
	return nil
}

// formatNumber writes a number as scripts expect to read it: no exponent, integers without a fraction.
func formatNumber(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	return string(appendNumber(nil, f))
}

func appendNumber(out []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) <= 1<<53 {
		return strconv.AppendInt(out, int64(f), 10)
	}
	return strconv.AppendFloat(out, f, 'f', -1, 64)
}
