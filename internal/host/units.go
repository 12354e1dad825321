package host

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a time span in bridgehost.toml: "5s", "2m".
type Duration time.Duration

// UnmarshalText reads a positive duration.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil || v <= 0 {
		return fmt.Errorf("%q is no duration; write for example \"5s\" or \"2m\"", text)
	}
	*d = Duration(v)
	return nil
}

// Size is a number of bytes in bridgehost.toml: "64MB", "512KB".
type Size int64

// UnmarshalText reads a positive size; MB are 1024 × 1024 bytes.
func (s *Size) UnmarshalText(text []byte) error {
	t := strings.ToUpper(strings.TrimSpace(string(text)))
	factor := int64(1)
	for _, u := range []struct {
		name string
		f    int64
	}{{"KB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {"B", 1}} {
		if rest, ok := strings.CutSuffix(t, u.name); ok {
			t, factor = strings.TrimSpace(rest), u.f
			break
		}
	}
	n, err := strconv.ParseInt(t, 10, 64)
	if err != nil || n <= 0 || n > (1<<62)/factor {
		return fmt.Errorf("%q is no size; write for example \"64MB\"", text)
	}
	*s = Size(n * factor)
	return nil
}
