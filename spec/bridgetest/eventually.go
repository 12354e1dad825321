package bridgetest

import (
	"testing"
	"time"
)

// Eventually asks again and again until done says yes; it fails the test after a minute.
// It is for conditions of other processes, which no channel tells of.
func Eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	end := time.After(time.Minute)
	for !done() {
		select {
		case <-ticker.C:
		case <-end:
			t.Fatalf("after a minute it still does not hold that %s", what)
		}
	}
}
