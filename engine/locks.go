package engine

import (
	"context"
	"fmt"
	"sync"

	"bridgehost/diag"
)

// locks are the named locks of bridge.lock. They belong to the script, so that
// handlers of two generations exclude each other too.
type locks struct {
	mu    sync.Mutex
	named map[string]*namedLock
}

type namedLock struct {
	slot   chan struct{}
	holder *Task
	uses   int // holders and waiters; the lock is forgotten at 0
}

func newLocks() *locks { return &locks{named: map[string]*namedLock{}} }

// holds tells whether the task, or one that waits for it, has the lock. l.mu is held.
func (t *Task) holds(n *namedLock) bool {
	for ; t != nil; t = t.Within {
		if n.holder == t {
			return true
		}
	}
	return false
}

// Lock takes the named lock; the returned function gives it back. Called without
// the VM's lock; ctx ends the waiting. A task that holds the lock already would wait for
// itself: that is an error.
func (s *Script) Lock(ctx context.Context, t *Task, name string) (unlock func(), err error) {
	l := s.locks
	l.mu.Lock()
	n := l.named[name]
	if n != nil && t.holds(n) {
		l.mu.Unlock()
		return nil, &diag.Error{Kind: diag.KindUsage, Code: "E_LOCK", Message: fmt.Sprintf("this handler holds the lock %q already", name),
			Hint: "take it once, around the whole"}
	}
	if n == nil {
		n = &namedLock{slot: make(chan struct{}, 1)}
		l.named[name] = n
	}
	n.uses++
	l.mu.Unlock()
	leave := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if n.uses--; n.uses == 0 {
			delete(l.named, name)
		}
	}
	select {
	case n.slot <- struct{}{}:
		hold := func(t *Task) { l.mu.Lock(); n.holder = t; l.mu.Unlock() }
		hold(t)
		return func() { hold(nil); <-n.slot; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
