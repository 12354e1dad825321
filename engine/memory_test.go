package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

func TestMemorySwap(t *testing.T) {
	clock := clockwork.NewFakeClock()
	m := newMemory(clock, 1<<20)
	swap := func(before, value []byte) bool {
		t.Helper()
		done, err := m.Swap("m", "k", before, value)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	set := func() {
		t.Helper()
		if err := m.Set("m", "k", []byte("1"), time.Second); err != nil {
			t.Fatal(err)
		}
	}
	set()
	for _, x := range []struct {
		before, value string
		done          bool
		after         string
	}{
		{"", "2", false, "1"}, {"2", "3", false, "1"}, {"1", "2", true, "2"}, {"2", "", true, ""}, {"2", "3", false, ""}, {"", "", true, ""}, {"", "4", true, "4"},
	} {
		if done := swap(orNil(x.before), orNil(x.value)); done != x.done || string(m.Get("m", "k")) != x.after {
			t.Errorf("swap %q for %q: %v, then %q", x.before, x.value, done, m.Get("m", "k"))
		}
	}
	set()
	clock.Advance(time.Second)
	if swap([]byte("1"), []byte("2")) || !swap(nil, []byte("2")) {
		t.Error("a value that expired is there")
	}
	if done, err := m.Swap("m", "k", []byte("2"), make([]byte, 2<<20)); done || err == nil || err.Code != "E_MEMORY" || string(m.Get("m", "k")) != "2" {
		t.Errorf("more than it may hold: %v, %v", done, err)
	}
}

func orNil(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

// What bridge.memory holds is no part of the VM, so it has a bound of its own.
func TestMemoryIsBounded(t *testing.T) {
	clock := clockwork.NewFakeClock()
	m := newMemory(clock, 10*(1000+entryBytes+2))
	value := make([]byte, 1000)
	for i := range 10 {
		if err := m.Set("a", fmt.Sprintf("k%d", i), value, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Set("b", "one", nil, 0); err == nil || err.Code != "E_MEMORY" {
		t.Errorf("more than it may hold: %v", err)
	}
	if err := m.Set("a", "k3", value, time.Minute); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := m.Set("a", "k3", make([]byte, 1001), 0); err == nil || len(m.Get("a", "k3")) != 1000 {
		t.Errorf("a longer one: %v, and then %d bytes", err, len(m.Get("a", "k3")))
	}
	clock.Advance(time.Hour) // k3 is over, and gives its room away
	if err := m.Set("b", "kb", value, 0); err != nil {
		t.Errorf("after a value's time was over: %v", err)
	}
	if !m.Delete("b", "kb") || m.Delete("b", "kb") {
		t.Error("a value was not deleted once")
	}
	if err := m.Set("b", "kc", value, 0); err != nil {
		t.Errorf("after a deletion: %v", err)
	}
	m.forgetDead()
	for _, key := range append(m.Keys("a"), m.Keys("b")...) {
		m.Delete("a", key)
		m.Delete("b", key)
	}
	if m.bytes != 0 || len(m.maps) != 0 {
		t.Errorf("when all is gone, %d bytes and %d maps are counted", m.bytes, len(m.maps))
	}
}
