package matrix

import (
	"context"
	"slices"
	"sync"
)

// gate lets a bounded number of requests through at once. Who waits is let in by
// lanes in turn, so that a room with a thousand requests delays another room's first
// by one and not by a thousand (TR-5).
type gate struct {
	mu    sync.Mutex
	free  int
	turn  []string                   // lanes with waiters, the next one first
	lanes map[string][]chan struct{} // their waiters
}

func newGate(n int) *gate { return &gate{free: n, lanes: map[string][]chan struct{}{}} }

// enter waits for a place; the place must be left once.
func (g *gate) enter(ctx context.Context, lane string) error {
	g.mu.Lock()
	if g.free > 0 {
		g.free--
		g.mu.Unlock()
		return nil
	}
	w := make(chan struct{}, 1)
	if len(g.lanes[lane]) == 0 {
		g.turn = append(g.turn, lane)
	}
	g.lanes[lane] = append(g.lanes[lane], w)
	g.mu.Unlock()

	select {
	case <-w:
		return nil
	case <-ctx.Done():
		if !g.giveUp(lane, w) {
			g.leave() // let in at the same moment
		}
		return ctx.Err()
	}
}

// leave passes the place on to the lane whose turn it is.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.turn) == 0 {
		g.free++
		return
	}
	lane := g.turn[0]
	g.turn = g.turn[1:]
	w := g.lanes[lane][0]
	g.lanes[lane] = g.lanes[lane][1:]
	if len(g.lanes[lane]) > 0 {
		g.turn = append(g.turn, lane)
	} else {
		delete(g.lanes, lane)
	}
	w <- struct{}{}
}

// giveUp takes a waiter out of its lane; false: it was let in already.
func (g *gate) giveUp(lane string, w chan struct{}) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := slices.Index(g.lanes[lane], w)
	if n < 0 {
		return false
	}
	g.lanes[lane] = slices.Delete(g.lanes[lane], n, n+1)
	if len(g.lanes[lane]) == 0 {
		delete(g.lanes, lane)
		g.turn = slices.DeleteFunc(g.turn, func(l string) bool { return l == lane })
	}
	return true
}
