package luatest

import (
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// Virtual runs f where time stands still as long as any of f's goroutines can go on, and
// jumps to the next timer when none can. f's goroutines have to end with it.
//
// COMPAT(go1.26): synctest wants a *testing.T and uses nothing of it; a zero one will do.
// TestVirtualTime says so when another version of Go thinks differently.
func Virtual(f func()) { synctest.Test(new(testing.T), func(*testing.T) { f() }) }

// calm lets goroutines of one Virtual wait until all others wait for time or for each other.
type calm struct{ waiting atomic.Bool }

// wait returns then; at once when another goroutine waits for that already: only one may.
func (c *calm) wait() {
	if c.waiting.CompareAndSwap(false, true) {
		defer c.waiting.Store(false)
		synctest.Wait()
	}
}

// realTime is the time outside, also within Virtual, where time.Now is virtual.
func realTime() time.Time {
	var tv syscall.Timeval
	if syscall.Gettimeofday(&tv) != nil {
		return time.Time{} // nothing is measured then
	}
	return time.Unix(int64(tv.Sec), int64(tv.Usec)*1000)
}
