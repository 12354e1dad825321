package engine

import "sync"

// lock is a VM's lock: first in, first out, handed over directly, so that a handler
// that computes and waits in turns cannot keep the others out (a sync.Mutex lets the
// one who releases it take it back at once).
type lock struct {
	mu      sync.Mutex
	held    bool
	waiting []chan struct{}
}

// Lock waits for its turn.
func (l *lock) Lock() {
	if turn := l.enqueue(); turn != nil {
		<-turn
	}
}

// LockUnless waits for its turn or for one of the channels (nil ones never end);
// it reports whether the lock was taken.
func (l *lock) LockUnless(a, b <-chan struct{}) bool {
	turn := l.enqueue()
	if turn == nil {
		return true
	}
	select {
	case <-turn:
		return true
	case <-a:
	case <-b:
	}
	l.mu.Lock()
	for i, w := range l.waiting {
		if w == turn {
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			l.mu.Unlock()
			return false
		}
	}
	l.mu.Unlock()
	<-turn // handed over meanwhile: pass it on
	l.Unlock()
	return false
}

// enqueue takes the lock (nil) or returns the channel that tells of it.
func (l *lock) enqueue() chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.held {
		l.held = true
		return nil
	}
	turn := make(chan struct{})
	l.waiting = append(l.waiting, turn)
	return turn
}

// Unlock hands the lock to the one who waits longest.
func (l *lock) Unlock() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		l.held = false
		return
	}
	turn := l.waiting[0]
	l.waiting[0] = nil
	l.waiting = l.waiting[1:]
	close(turn)
}

// TryLock takes the lock if nobody has it.
func (l *lock) TryLock() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held {
		return false
	}
	l.held = true
	return true
}
