package engine

import (
	"testing"
	"time"
)

// TestWalksLeaveTheScriptTime: what others allocate makes the heap grow all the time; a VM
// whose walk takes long must still get on between two walks.
func TestWalksLeaveTheScriptTime(t *testing.T) {
	const limit = 64 << 20
	for _, c := range []struct {
		name  string
		grown uint64
		since time.Duration
		want  bool
	}{
		{"little growth", minGrowth - 1, time.Hour, false},
		{"some growth, at once", minGrowth, 0, false},
		{"some growth, after four walks' time", minGrowth, 5 * time.Second, true},
		{"growth that may be too much, at once", 8 << 20, 0, false},
		{"growth that may be too much, after a walk's time", 8 << 20, 2 * time.Second, true},
		{"growth beyond the limit, at once", limit, 0, true},
	} {
		m := &watched{low: 100 << 20, step: minGrowth, left: 8 << 20, took: time.Second, last: time.Now().Add(-c.since)}
		if got := m.grown(m.low+c.grown, 0, limit); got != c.want {
			t.Errorf("%s: measured again is %v, want %v", c.name, got, c.want)
		}
	}
}
