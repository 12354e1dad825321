package devserver

import "sync"

// subscriber gets events in order on a goroutine of its own, so that it may call
// the server and be slow.
type subscriber struct {
	f     func(Event)
	mu    sync.Mutex
	queue []Event
	wake  chan struct{}
}

// Subscribe calls f for every event from now on, in order. It ends with the
// returned function or with the server.
func (s *Server) Subscribe(f func(Event)) (stop func()) {
	sub := &subscriber{f: f, wake: make(chan struct{}, 1)}
	done := make(chan struct{})
	s.mu.Lock()
	s.subs[sub] = true
	s.mu.Unlock()
	s.wg.Go(func() {
		for {
			select {
			case <-sub.wake:
				for _, e := range sub.take() {
					f(e)
				}
			case <-done:
				return
			case <-s.ctx.Done():
				return
			}
		}
	})
	return sync.OnceFunc(func() {
		s.mu.Lock()
		delete(s.subs, sub)
		s.mu.Unlock()
		close(done)
	})
}

func (sub *subscriber) put(e Event) {
	sub.mu.Lock()
	sub.queue = append(sub.queue, e)
	sub.mu.Unlock()
	select {
	case sub.wake <- struct{}{}:
	default:
	}
}

func (sub *subscriber) take() []Event {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	q := sub.queue
	sub.queue = nil
	return q
}
