package engine

import (
	"context"
	"sync"
)

// locks are the named locks of bridge.lock. They belong to the script, so that
// handlers of two generations exclude each other too.
type locks struct {
	mu    sync.Mutex
	named map[string]*namedLock
}

type namedLock struct {
	slot chan struct{}
	uses int // holders and waiters; the lock is forgotten at 0
}

func newLocks() *locks { return &locks{named: map[string]*namedLock{}} }

// Lock takes the named lock; the returned function gives it back. Called without
// the VM's lock; ctx ends the waiting. A task that takes a lock twice waits for
// itself until its deadline.
func (s *Script) Lock(ctx context.Context, name string) (unlock func(), err error) {
	l := s.locks
	l.mu.Lock()
	n := l.named[name]
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
		return func() { <-n.slot; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
