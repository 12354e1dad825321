package devpage

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// most is how many messages wait for a page that does not read. It is cut off then, comes
// back by itself, and is told everything anew.
const most = 4000

// beat is how often a quiet stream says that it lives.
const beat = 15 * time.Second

// subscriber is one open page.
type subscriber struct {
	mu    sync.Mutex
	queue []message
	side  bool // rooms, users, faults or script have changed
	late  bool // it was cut off
	wake  chan struct{}
}

type message struct {
	name string
	body []byte
}

func (s *subscriber) put(m message) {
	s.mu.Lock()
	if s.late = s.late || len(s.queue) >= most; !s.late {
		s.queue = append(s.queue, m)
	}
	s.side = true
	s.mu.Unlock()
	s.poke()
}

// mark lets the page hear how the things beside the timeline are: once, however often it is called.
func (s *subscriber) mark() { s.mu.Lock(); s.side = true; s.mu.Unlock(); s.poke() }

func (s *subscriber) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *subscriber) take() (queue []message, side, late bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue, side = s.queue, s.side
	s.queue, s.side = nil, false
	return queue, side, s.late
}

// tell gives v to every open page.
func (p *Page) tell(name string, v any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.subs) == 0 {
		return
	}
	m := message{name, encode(v)}
	for s := range p.subs {
		s.put(m)
	}
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		b, _ = json.Marshal(map[string]string{"error": err.Error()}) // a string always encodes
	}
	return b
}

// stream answers GET /api/stream: everything as it is, then what happens.
func (p *Page) stream(w http.ResponseWriter, r *http.Request) {
	s := &subscriber{wake: make(chan struct{}, 1)}
	p.mu.Lock()
	p.subs[s] = true // before the snapshot: what comes twice has an id
	rows := append([]Row{}, p.rows...)
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.subs, s)
		p.mu.Unlock()
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w).Flush
	send := func(name string, body []byte) bool {
		_, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, body) // JSON has no line ends
		return err == nil
	}
	if !send("snapshot", encode(p.snapshot(rows))) || flush() != nil {
		return
	}
	ticker := p.o.Clock.NewTicker(beat)
	defer ticker.Stop()
	for {
		select {
		case <-s.wake:
		case <-ticker.Chan():
			if _, err := fmt.Fprint(w, ": here\n\n"); err != nil || flush() != nil {
				return
			}
			continue
		case <-r.Context().Done():
			return
		case <-p.ended:
			return
		}
		queue, side, late := s.take()
		for _, m := range queue {
			if !send(m.name, m.body) {
				return
			}
		}
		if side && !send("side", encode(p.side())) {
			return
		}
		if flush() != nil || late {
			return
		}
	}
}
