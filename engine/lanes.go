package engine

import (
	"container/list"
	"slices"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"bridgehost/delivery"
)

// lanes runs the items of one script: in order within a lane, lanes side by side,
// at most max at once. It outlives generations, so the order of a room holds over
// a reload. work runs one item; it calls release as soon as the lane may go on and
// returns when everything about the item is done.
type lanes struct {
	clock    clockwork.Clock
	max      int
	work     func(item *delivery.Item, again func(verdict))
	parallel func(queue string) int // how many items of a queue run at once; set before the first item

	mu      sync.Mutex
	idle    *sync.Cond // active became 0, or the backlog changed
	rooms   map[string]*lane
	ready   list.List      // of *lane: has an item that may start
	queues  map[string]int // items that run, by queue
	held    bool
	open    chan struct{} // closed while not held
	closed  bool
	active  int // workers
	backlog int // items not finished, but for those of queues
}

type lane struct {
	of    string // the queue; "" for a room
	again bool   // the head has been tried, or cannot be yet: a new generation may do better
	queue []*delivery.Item
	busy  bool // an item of it runs, in order
	ready bool // it stands in lanes.ready
	timer clockwork.Timer
}

// verdict is what a lane does after an item.
type verdict struct {
	retry bool // the item stays at the head of its lane
	after time.Time
}

func newLanes(clock clockwork.Clock, most int, work func(*delivery.Item, func(verdict))) *lanes {
	l := &lanes{clock: clock, max: max(most, 1), work: work, rooms: map[string]*lane{}, queues: map[string]int{}, held: true, open: make(chan struct{})}
	l.idle = sync.NewCond(&l.mu)
	return l
}

// add puts items behind what waits in their lanes.
func (l *lanes) add(items ...delivery.Item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range items {
		room := items[i].Lane.Room
		ln := l.rooms[room]
		if ln == nil {
			ln = &lane{}
			ln.of, _, _ = items[i].Lane.Queue()
			l.rooms[room] = ln
		}
		l.put(ln, &items[i])
		if items[i].Kind != delivery.KindQueue {
			l.backlog++
		}
		l.wake(ln)
	}
	l.pump()
}

// put puts an item behind what waits in ln, but before what was pushed for later. l.mu is held.
func (l *lanes) put(ln *lane, item *delivery.Item) {
	at, now := len(ln.queue), l.clock.Now()
	if item.Kind == delivery.KindQueue {
		for at > 0 && !(at == 1 && ln.again) {
			before := ln.queue[at-1]
			if before.Attempts > 0 || !before.NotBefore.After(now) || !before.NotBefore.After(item.NotBefore) {
				break
			}
			at--
		}
	}
	ln.queue = slices.Insert(ln.queue, at, item)
	if at == 0 && ln.timer != nil { // it was set for another head
		ln.timer.Stop()
		ln.timer = nil
	}
}

func (l *lanes) isHeld() bool { l.mu.Lock(); defer l.mu.Unlock(); return l.held }

// hold lets no further item start until release.
func (l *lanes) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.held {
		l.held, l.open = true, make(chan struct{})
	}
}

func (l *lanes) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held {
		l.held = false
		close(l.open)
	}
	l.pump()
}

// opened is closed when items may start, until the next hold.
func (l *lanes) opened() <-chan struct{} { l.mu.Lock(); defer l.mu.Unlock(); return l.open }

// close lets no further item start, for good, and stops the lanes' timers.
func (l *lanes) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, ln := range l.rooms {
		if ln.timer != nil {
			ln.timer.Stop()
		}
	}
	l.idle.Broadcast()
}

// wait returns when no item runs and, unless the lanes are held or closed, none could start.
func (l *lanes) wait() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.active > 0 {
		l.idle.Wait()
	}
}

// counts returns how many items are not finished and how many run.
func (l *lanes) counts() (backlog, active int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.backlog, l.active
}

// wake puts ln among the ready ones if its head may start now. l.mu is held.
func (l *lanes) wake(ln *lane) {
	if ln.busy || ln.ready || len(ln.queue) == 0 || l.closed {
		return
	}
	if wait := ln.queue[0].NotBefore.Sub(l.clock.Now()); wait > 0 {
		if ln.timer == nil {
			ln.timer = l.clock.AfterFunc(wait, func() { l.elapsed(ln) })
		}
		return
	}
	ln.ready = true
	l.ready.PushBack(ln)
}

func (l *lanes) elapsed(ln *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln.timer = nil
	l.wake(ln)
	l.pump()
}

// hurry forgets the waiting times of retries: a new generation may do better.
func (l *lanes) hurry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ln := range l.rooms {
		if len(ln.queue) == 0 || ln.queue[0].Kind == delivery.KindQueue && ln.queue[0].Attempts == 0 && !ln.again {
			continue // pushed for later
		}
		if ln.timer != nil {
			ln.timer.Stop()
			ln.timer = nil
		}
		ln.queue[0].NotBefore = time.Time{}
		l.wake(ln)
	}
	l.pump()
}

// pump starts workers while there is work for them. l.mu is held.
func (l *lanes) pump() {
	for !l.held && !l.closed && l.active < l.max {
		item, ln := l.take()
		if item == nil {
			return
		}
		l.active++
		go l.worker(item, ln)
	}
}

// take takes the next item that may start. l.mu is held.
func (l *lanes) take() (*delivery.Item, *lane) {
	front := l.ready.Front()
	for full := ""; front != nil; front = front.Next() {
		queue := front.Value.(*lane).of
		if queue == "" || queue != full && l.queues[queue] < l.parallel(queue) {
			break
		}
		full = queue
	}
	if front == nil {
		return nil, nil
	}
	ln := l.ready.Remove(front).(*lane)
	ln.ready, ln.busy, ln.again = false, true, false
	if ln.of != "" {
		l.queues[ln.of]++
	}
	item := ln.queue[0]
	ln.queue[0] = nil
	ln.queue = ln.queue[1:]
	return item, ln
}

func (l *lanes) worker(item *delivery.Item, ln *lane) {
	for item != nil {
		var once sync.Once
		again := func(v verdict) { once.Do(func() { l.settle(item, ln, v) }) }
		l.work(item, again)
		again(verdict{})
		l.mu.Lock()
		item, ln = nil, nil
		if !l.held && !l.closed {
			item, ln = l.take()
		}
		if item == nil {
			l.active--
			l.idle.Broadcast()
		}
		l.mu.Unlock()
	}
}

// settle lets the lane go on after item.
func (l *lanes) settle(item *delivery.Item, ln *lane, v verdict) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln.busy = false
	if ln.of != "" {
		if l.queues[ln.of]--; l.queues[ln.of] == 0 {
			delete(l.queues, ln.of)
		}
	}
	if v.retry {
		ln.again = true
		item.NotBefore = v.after
		ln.queue = append([]*delivery.Item{item}, ln.queue...)
	} else {
		if item.Kind != delivery.KindQueue {
			l.backlog--
		}
		if len(ln.queue) == 0 && !ln.ready {
			delete(l.rooms, item.Lane.Room)
		}
	}
	l.wake(ln)
	l.pump()
	l.idle.Broadcast()
}
