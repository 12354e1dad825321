package luatest

import (
	"testing"
	"time"
)

// TestVirtualTime holds what Virtual relies on in the Go that it is built with.
func TestVirtualTime(t *testing.T) {
	began := realTime()
	var passed time.Duration
	Virtual(func() {
		from, done := time.Now(), make(chan bool)
		go func() { <-time.After(time.Hour); done <- true }()
		new(calm).wait()
		if time.Since(from) != 0 {
			t.Error("time passed while nobody waited for it")
		}
		<-done
		passed = time.Since(from)
	})
	if passed != time.Hour {
		t.Errorf("%s passed, want an hour", passed)
	}
	if took := realTime().Sub(began); took < 0 || took > time.Minute {
		t.Errorf("an hour took %s", took)
	}
}

// TestRealTimeGoesOnWithinVirtual: budgets of computing time depend on it.
func TestRealTimeGoesOnWithinVirtual(t *testing.T) {
	Virtual(func() {
		began, from := realTime(), time.Now()
		for realTime().Sub(began) < time.Millisecond {
			continue
		}
		if time.Since(from) != 0 {
			t.Error("computing took virtual time")
		}
	})
}
