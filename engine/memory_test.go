package engine

import (
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

func TestMemorySwap(t *testing.T) {
	clock := clockwork.NewFakeClock()
	m := newMemory(clock, 1<<20)
	m.Set("m", "k", []byte("1"), time.Second)
	for _, x := range []struct {
		before, value string
		done          bool
		after         string
	}{
		{"", "2", false, "1"}, {"2", "3", false, "1"}, {"1", "2", true, "2"}, {"2", "", true, ""}, {"2", "3", false, ""}, {"", "", true, ""}, {"", "4", true, "4"},
	} {
		if done, err := m.Swap("m", "k", orNil(x.before), orNil(x.value)); err != nil || done != x.done || string(m.Get("m", "k")) != x.after {
			t.Errorf("swap %q for %q: %v, then %q", x.before, x.value, done, m.Get("m", "k"))
		}
	}
	m.Set("m", "k", []byte("1"), time.Second)
	clock.Advance(time.Second)
	late, _ := m.Swap("m", "k", []byte("1"), []byte("2"))
	if first, err := m.Swap("m", "k", nil, []byte("2")); late || !first || err != nil {
		t.Error("a value that expired is there")
	}
}

func orNil(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}
