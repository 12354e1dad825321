package bridgetest

import (
	"testing"
	"time"
)

// Eventually asks again and again until done says yes; it fails the test after a minute.
// It is for conditions of other processes, which no channel tells of.
func Eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	Progress(t, what, func() (bool, int) { return done(), 0 })
}

// Progress is Eventually for what may take long as long as it goes on: it fails the
// test after a minute in which the number did not change.
func Progress(t testing.TB, what string, done func() (bool, int)) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	ok, before := done()
	for last := time.Now(); !ok; {
		<-ticker.C
		var now int
		if ok, now = done(); now != before {
			before, last = now, time.Now()
		}
		if !ok && time.Since(last) > newsLimit {
			t.Fatalf("%s without a change, and it still does not hold that %s (at %d)", newsLimit, what, now)
		}
	}
}
