package luabind

import (
	"context"
	"errors"
	"io"
	"sync"
)

// arrivalBuffer is how many bytes a connection's goroutine reads ahead; one item that is
// larger is taken as well when nothing else waits.
const arrivalBuffer = 64 << 10

// arrivals are the messages that a connection's goroutine has read and nobody has taken
// yet. Waiting and taking are two steps, as those of a stream: a wait that is given up has
// taken nothing, and the next reader finds everything. All methods may be called by many at once.
type arrivals[T any] struct {
	mu      sync.Mutex
	changed chan struct{} // closed and made anew whenever something below changes
	items   []arrival[T]
	size    int
	err     error  // why nothing more comes: io.EOF at a good end
	closed  bool   // on our side
	ended   func() // told once when it is closed; may be nil
}

type arrival[T any] struct {
	item T
	size int
}

func newArrivals[T any]() *arrivals[T] { return &arrivals[T]{changed: make(chan struct{})} }

// broadcast wakes whoever waits. a.mu is held.
func (a *arrivals[T]) broadcast() {
	close(a.changed)
	a.changed = make(chan struct{})
}

// put adds what came, as soon as there is room; false when nobody will take it.
func (a *arrivals[T]) put(item T, size int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.closed && len(a.items) > 0 && a.size+size > arrivalBuffer {
		changed := a.changed
		a.mu.Unlock()
		<-changed
		a.mu.Lock()
	}
	if a.closed {
		return false
	}
	a.items, a.size = append(a.items, arrival[T]{item, size}), a.size+size
	a.broadcast()
	return true
}

// end says why nothing more comes. The first reason counts.
func (a *arrivals[T]) end(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		a.err = err
		a.broadcast()
	}
}

// ready waits until take would not block, or ctx ends. It takes nothing.
func (a *arrivals[T]) ready(ctx context.Context) {
	for {
		a.mu.Lock()
		done, changed := len(a.items) > 0 || a.err != nil, a.changed
		a.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// take takes the next item; seen is called with the lock held. ok is false when there is
// none: err says whether more may come.
func (a *arrivals[T]) take(seen func(T)) (item T, ok bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.items) == 0 {
		return item, false, a.err
	}
	next := a.items[0]
	a.items[0] = arrival[T]{} // give the memory back
	if a.items = a.items[1:]; len(a.items) == 0 {
		a.items = nil
	}
	a.size -= next.size
	a.broadcast()
	if seen != nil {
		seen(next.item)
	}
	return next.item, true, nil
}

// Alive is false when it was closed, or the other side hung up and all that it sent was
// taken: what is still here passes to the next generation.
func (a *arrivals[T]) Alive() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.closed && (a.err == nil || len(a.items) > 0)
}

// onClose sets what is told when it is closed; at once when it is already.
func (a *arrivals[T]) onClose(f func()) {
	a.mu.Lock()
	a.ended = f
	closed := a.closed
	a.mu.Unlock()
	if closed {
		f()
	}
}

// close forgets what nobody took; from now on takers get err. First is true the first time.
func (a *arrivals[T]) close(err error) (first bool) {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return false
	}
	a.closed, a.err, a.items, a.size = true, err, nil, 0
	a.broadcast()
	ended := a.ended
	a.mu.Unlock()
	if ended != nil {
		ended()
	}
	return true
}

// state says in a word how it is, for tostring.
func (a *arrivals[T]) state() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.closed:
		return ", closed"
	case a.err != nil:
		return ", hung up"
	}
	return ""
}

// inputFrom waits for the next of a, with the lock held in between, and takes it. ok is
// false at a good end.
func inputFrom[T any](c *Call, a *arrivals[T], seen func(T)) (item T, ok bool, err error) {
	for {
		c.WaitInput(func(ctx context.Context) bool {
			a.ready(ctx)
			return false
		})
		if item, ok, err = a.take(seen); ok || err != nil {
			return item, ok, err
		}
	}
}

// ended is the error that a script sees of the end of something: none when it was a good one.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
