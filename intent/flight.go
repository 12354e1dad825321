package intent

import (
	"context"
	"errors"
	"sync"
)

// flight lets callers that want the same at the same time share one run (EJ-8).
type flight struct {
	mu    sync.Mutex
	calls map[string]*call
}

type call struct {
	done chan struct{}
	err  error
}

// do runs f unless a run of the same key is under way, whose result is then shared.
// A run that only failed because its own caller's context ended is not shared:
// the next one who waits runs f again.
func (g *flight) do(ctx context.Context, key string, f func() error) error {
	for {
		g.mu.Lock()
		c := g.calls[key]
		if c == nil {
			break
		}
		g.mu.Unlock()
		select {
		case <-c.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if !errors.Is(c.err, context.Canceled) && !errors.Is(c.err, context.DeadlineExceeded) {
			return c.err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	c := &call{done: make(chan struct{}), err: context.Canceled} // what a panic leaves behind
	if g.calls == nil {
		g.calls = map[string]*call{}
	}
	g.calls[key] = c
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		delete(g.calls, key)
		g.mu.Unlock()
		close(c.done)
	}()
	c.err = f()
	return c.err
}
