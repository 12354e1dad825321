package engine

import "sync"

// tasks counts what runs in a generation. Unlike a sync.WaitGroup it may be counted up
// again while somebody is about to return from Wait: a late worker looks in just when
// the last handler has ended.
type tasks struct {
	mu   sync.Mutex
	n    int
	none *sync.Cond // n became 0; made by the first who waits
}

// Add counts n more.
func (t *tasks) Add(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n += n
	if t.n == 0 && t.none != nil {
		t.none.Broadcast()
	}
}

// Done counts one less.
func (t *tasks) Done() { t.Add(-1) }

// Wait returns when nothing runs.
func (t *tasks) Wait() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.none == nil {
		t.none = sync.NewCond(&t.mu)
	}
	for t.n > 0 {
		t.none.Wait()
	}
}
