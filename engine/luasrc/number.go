package luasrc

import (
	"strconv"
	"strings"
)

// numberText checks a numeral of Lua 5.1 and gives it in a form that gopher-lua reads
// as the same number: it takes leading zeros for octal and large numbers for NaN.
func numberText(s string) (string, bool) {
	if len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' {
		if strings.Trim(s[2:], "0123456789abcdefABCDEF") != "" {
			return "", false
		}
		if _, err := strconv.ParseInt(s, 0, 64); err != nil {
			return s + "p0", true
		}
		return s, true
	}
	if strings.Trim(s, "0123456789.eE+-") != "" {
		return "", false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		if f > 1 {
			return "inf", true
		}
		if ne, ok := err.(*strconv.NumError); !ok || ne.Err != strconv.ErrRange {
			return "", false
		}
	}
	if t := strings.TrimLeft(s, "0"); t == "" || !isDigit(t[0]) {
		s = "0" + t
	} else {
		s = t
	}
	return s, true
}
