package luabind

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// maxSize is the largest size that a number holds exactly.
const maxSize = 1 << 53

// ParseSize reads "512", "64KB", "1MB", "2GB"; a KB is 1024 bytes.
func ParseSize(s string) (int64, error) {
	digits, factor := strings.ToUpper(strings.TrimSpace(s)), int64(1)
	for _, u := range []struct {
		name   string
		factor int64
	}{{"KB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {"B", 1}} {
		if rest, ok := strings.CutSuffix(digits, u.name); ok {
			digits, factor = strings.TrimSpace(rest), u.factor
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || int64(n) > maxSize/factor {
		return 0, fmt.Errorf("%q is no size", s)
	}
	return int64(n) * factor, nil
}

// readSize takes a number of bytes, or "64KB", "1MB".
func readSize(name string) reader {
	return func(c *Call, v lua.LValue, dst reflect.Value) string {
		switch x := v.(type) {
		case lua.LNumber:
			f := float64(x)
			if f != math.Trunc(f) || f < 0 || f > maxSize {
				return fmt.Sprintf("%s expected, got %s bytes", name, formatNumber(f))
			}
			dst.SetInt(int64(f))
		case lua.LString:
			n, err := ParseSize(string(x))
			if err != nil {
				return fmt.Sprintf(`%s expected (bytes, or "64KB", "1MB"), got %s`, name, quoted(string(x)))
			}
			dst.SetInt(n)
		default:
			return c.expected(name, v)
		}
		return ""
	}
}
