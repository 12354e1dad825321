package lualib

import (
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// NumberString is a number as tostring and `..` write it: whole numbers below 2^63
// without exponent or fraction, all others as by C's "%.14g".
func NumberString(n lua.LNumber) string {
	var buf [32]byte
	return string(appendNumber(buf[:0], float64(n)))
}

func appendNumber(b []byte, f float64) []byte {
	if f >= -(1<<63) && f < 1<<63 && f == math.Trunc(f) {
		return strconv.AppendInt(b, int64(f), 10)
	}
	return appendFloat(b, f, 'g', 14)
}

// appendFloat is strconv.AppendFloat with C's words for what is no number.
func appendFloat(b []byte, f float64, verb byte, prec int) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(b, "inf"...)
	case math.IsInf(f, -1):
		return append(b, "-inf"...)
	case f != f:
		return append(b, "nan"...)
	}
	return strconv.AppendFloat(b, f, verb, prec, 64)
}

// ParseNumber reads a number as tonumber does: decimal with fraction and exponent, or
// hexadecimal with 0x, with blanks around it.
func ParseNumber(s string) (lua.LNumber, bool) {
	s = strings.Trim(s, " \t\n\v\f\r")
	digits := strings.TrimLeft(s, "+-")
	if len(s)-len(digits) > 1 || digits == "" {
		return 0, false
	}
	if len(digits) > 2 && digits[0] == '0' && digits[1]|0x20 == 'x' {
		f, ok := parseBase(digits[2:], 16)
		if s[0] == '-' {
			f = -f
		}
		return lua.LNumber(f), ok
	}
	for i := 0; i < len(digits); i++ {
		c := digits[i]
		if (c < '0' || c > '9') && c != '.' && c|0x20 != 'e' && c != '+' && c != '-' {
			return 0, false // what strconv would take and Lua does not: inf, 1_000
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return lua.LNumber(f), true
}

func parseBase(s string, base int) (float64, bool) {
	if s == "" {
		return 0, false
	}
	f := 0.0
	for i := 0; i < len(s); i++ {
		d := digit(s[i])
		if d >= base {
			return 0, false
		}
		f = f*float64(base) + float64(d)
	}
	return f, true
}

// digit is the value of c as a digit of base 36, 36 if it is none.
func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'z':
		return int(c|0x20-'a') + 10
	}
	return 36
}
