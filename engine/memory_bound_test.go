package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

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
