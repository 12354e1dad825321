package host

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		text string
		want time.Duration // 0: refused
	}{
		{"5s", 5 * time.Second}, {"2m", 2 * time.Minute}, {"1h30m", 90 * time.Minute}, {"250ms", 250 * time.Millisecond},
		{"0s", 0}, {"-1s", 0}, {"5", 0}, {"", 0}, {"five", 0}, {"5 s", 0},
	} {
		var d Duration
		err := d.UnmarshalText([]byte(c.text))
		if time.Duration(d) != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("%q = %v, %v; want %v", c.text, time.Duration(d), err, c.want)
		}
	}
}

func TestSize(t *testing.T) {
	for _, c := range []struct {
		text string
		want Size // 0: refused
	}{
		{"64MB", 64 << 20}, {"64 mb", 64 << 20}, {"512KB", 512 << 10}, {"2GB", 2 << 30}, {"100B", 100}, {"100", 100}, {" 1KB ", 1 << 10},
		{"0", 0}, {"-1MB", 0}, {"MB", 0}, {"", 0}, {"1.5MB", 0}, {"64TB", 0}, {"9999999999999GB", 0}, {"lots", 0},
	} {
		var s Size
		err := s.UnmarshalText([]byte(c.text))
		if s != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("%q = %d, %v; want %d", c.text, s, err, c.want)
		}
	}
}
