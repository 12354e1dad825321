package lualib

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// spec is one conversion of string.format: %[flags][width][.precision]verb.
type spec struct {
	flags       string
	width, prec int // prec -1: none
	verb        byte
}

func (l *lib) strFormat(L *lua.LState) int {
	f := checkString(L, "format", 1)
	var few [128]byte
	out, arg := few[:0], 1
	for i := 0; i < len(f); {
		if f[i] != '%' {
			n := strings.IndexByte(f[i:], '%')
			if n < 0 {
				n = len(f) - i
			}
			l.room(L, len(out)+n)
			out = append(out, f[i:i+n]...)
			i += n
			continue
		}
		if i++; i < len(f) && f[i] == '%' {
			out = append(out, '%')
			i++
			continue
		}
		var s spec
		s, i = parseSpec(L, f, i)
		arg++
		out = l.appendSpec(L, out, s, arg)
		if len(out) > l.MaxString {
			l.room(L, len(out))
		}
	}
	l.charge(len(out))
	L.Push(lua.LString(out))
	return 1
}

func parseSpec(L *lua.LState, f string, i int) (spec, int) {
	start := i
	for i < len(f) && strings.IndexByte("-+ #0", f[i]) >= 0 {
		i++
	}
	s := spec{flags: f[start:i], prec: -1}
	if i-start > 5 {
		L.RaiseError("invalid format (repeated flags)")
	}
	s.width, i = twoDigits(f, i)
	if i < len(f) && f[i] == '.' {
		s.prec, i = twoDigits(f, i+1)
	}
	if i < len(f) && f[i] >= '0' && f[i] <= '9' {
		L.RaiseError("invalid format (width or precision too long)")
	}
	if i >= len(f) {
		L.RaiseError("%s", "invalid option '%' to 'format'")
	}
	s.verb = f[i]
	return s, i + 1
}

func twoDigits(f string, i int) (int, int) {
	n := 0
	for end := i + 2; i < len(f) && i < end && f[i] >= '0' && f[i] <= '9'; i++ {
		n = n*10 + int(f[i]-'0')
	}
	return n, i
}

func (l *lib) appendSpec(L *lua.LState, out []byte, s spec, arg int) []byte {
	switch s.verb {
	case 'd', 'i', 'u', 'o', 'x', 'X':
		return appendInt(L, out, s, arg)
	case 'c':
		return appendPadded(out, s, string([]byte{byte(checkInt(L, "format", arg))}))
	case 'e', 'E', 'f', 'F', 'g', 'G':
		return appendFloatSpec(out, s, checkNumber(L, "format", arg))
	case 's':
		text := l.toString(L, checkAny(L, "format", arg))
		if s.prec >= 0 && len(text) > s.prec {
			text = text[:s.prec]
		}
		l.room(L, len(out)+len(text))
		return appendPadded(out, s, text)
	case 'q':
		text := checkString(L, "format", arg)
		l.room(L, len(out)+2*len(text))
		return appendQuoted(out, text)
	}
	L.RaiseError("%s", "invalid option '%"+string(rune(s.verb))+"' to 'format'")
	return out
}

func appendInt(L *lua.LState, out []byte, s spec, arg int) []byte {
	f := checkNumber(L, "format", arg)
	signed := s.verb == 'd' || s.verb == 'i'
	if f != f || f < -(1<<63) || f >= 1<<64 || signed && f >= 1<<63 {
		argError(L, "format", arg, "number has no integer representation")
	}
	if signed && s.flags == "" && s.width == 0 && s.prec < 0 {
		return strconv.AppendInt(out, int64(f), 10)
	}
	verb := s.verb
	if verb == 'i' || verb == 'u' {
		verb = 'd'
	}
	flags := s.flags
	if s.prec >= 0 {
		flags = strings.ReplaceAll(flags, "0", "") // C: a precision switches zero padding off
	}
	if signed {
		return fmt.Appendf(out, goFormat(s, flags, verb), int64(f))
	}
	if verb != 'o' && f == 0 || verb == 'd' {
		flags = strings.ReplaceAll(flags, "#", "") // C writes a zero without 0x
	}
	flags = strings.NewReplacer("+", "", " ", "").Replace(flags)
	u := uint64(int64(math.Max(f, -(1 << 63))))
	if f >= 1<<63 {
		u = uint64(f)
	}
	return fmt.Appendf(out, goFormat(s, flags, verb), u)
}

func goFormat(s spec, flags string, verb byte) string {
	b := append(make([]byte, 0, 16), '%')
	b = append(b, flags...)
	if s.width > 0 {
		b = strconv.AppendInt(b, int64(s.width), 10)
	}
	if s.prec >= 0 {
		b = strconv.AppendInt(append(b, '.'), int64(s.prec), 10)
	}
	return string(append(b, verb))
}

func appendFloatSpec(out []byte, s spec, f float64) []byte {
	if math.IsInf(f, 0) || f != f {
		text := string(appendFloat(nil, f, 'g', -1))
		if f > 0 && strings.Contains(s.flags, "+") {
			text = "+" + text
		}
		if s.verb < 'a' {
			text = strings.ToUpper(text)
		}
		s.flags = strings.ReplaceAll(s.flags, "0", "")
		return appendPadded(out, s, text)
	}
	if s.prec < 0 {
		s.prec = 6
	}
	if s.prec == 0 && s.verb|0x20 == 'g' {
		s.prec = 1
	}
	verb := s.verb
	if verb == 'F' {
		verb = 'f'
	}
	if s.flags == "" && s.width == 0 {
		return strconv.AppendFloat(out, f, verb, s.prec, 64)
	}
	return fmt.Appendf(out, goFormat(s, s.flags, verb), f)
}

// appendPadded pads text to the width, in bytes.
func appendPadded(out []byte, s spec, text string) []byte {
	left := strings.Contains(s.flags, "-")
	if left {
		out = append(out, text...)
	}
	for n := s.width - len(text); n > 0; n-- {
		out = append(out, ' ')
	}
	if !left {
		out = append(out, text...)
	}
	return out
}

func appendQuoted(out []byte, s string) []byte {
	out = append(out, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '"', '\\', '\n':
			out = append(out, '\\', c)
		case '\r':
			out = append(out, `\r`...)
		case 0:
			out = append(out, `\000`...)
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}
