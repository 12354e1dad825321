package engine

import (
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

func TestMemorySwap(t *testing.T) {
	clock := clockwork.NewFakeClock()
	m := newMemory(clock)
	m.Set("m", "k", []byte("1"), time.Second)
	for _, x := range []struct {
		before, value string
		done          bool
		after         string
	}{
		{"", "2", false, "1"}, {"2", "3", false, "1"}, {"1", "2", true, "2"}, {"2", "", true, ""}, {"2", "3", false, ""}, {"", "", true, ""}, {"", "4", true, "4"},
	} {
		if done := m.Swap("m", "k", orNil(x.before), orNil(x.value)); done != x.done || string(m.Get("m", "k")) != x.after {
			t.Errorf("swap %q for %q: %v, then %q", x.before, x.value, done, m.Get("m", "k"))
		}
	}
	m.Set("m", "k", []byte("1"), time.Second)
	clock.Advance(time.Second)
	if m.Swap("m", "k", []byte("1"), []byte("2")) || !m.Swap("m", "k", nil, []byte("2")) {
		t.Error("a value that expired is there")
	}
}

func orNil(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}
