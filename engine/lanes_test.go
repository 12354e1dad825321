package engine

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"bridgehost/delivery"
)

// laneLog runs items and remembers in which order.
type laneLog struct {
	mu      sync.Mutex
	order   map[string][]int64
	at      int // running now
	most    int
	done    sync.WaitGroup
	verdict func(item *delivery.Item) verdict
}

func (l *laneLog) work(item *delivery.Item, again func(verdict)) {
	l.mu.Lock()
	l.at++
	l.most = max(l.most, l.at)
	l.order[item.Lane.Room] = append(l.order[item.Lane.Room], item.Seq)
	v := verdict{}
	if l.verdict != nil {
		v = l.verdict(item)
	}
	l.at--
	l.mu.Unlock()
	again(v)
	if !v.retry {
		l.done.Done()
	}
}

func item(room string, seq int64) delivery.Item {
	return delivery.Item{Seq: seq, Lane: delivery.Lane{Script: "s", Room: room}}
}

func TestLanesKeepTheOrderOfARoom(t *testing.T) {
	log := &laneLog{order: map[string][]int64{}}
	l := newLanes(clockwork.NewFakeClock(), 4, log.work)
	const rooms, each = 10, 100
	log.done.Add(rooms * each)
	for n := range each {
		for r := range rooms {
			l.add(item(fmt.Sprint("!r", r), int64(n)))
		}
		if n == each/2 {
			l.release() // items added before wait, those after run at once
		}
	}
	log.done.Wait()
	l.wait()
	for room, seqs := range log.order {
		if len(seqs) != each || !slices.IsSorted(seqs) {
			t.Errorf("%s: %d items, sorted %v", room, len(seqs), slices.IsSorted(seqs))
		}
	}
	if backlog, active := l.counts(); backlog != 0 || active != 0 {
		t.Errorf("backlog %d, active %d after the end", backlog, active)
	}
	if len(l.rooms) != 0 {
		t.Errorf("%d empty lanes are kept", len(l.rooms))
	}
}

func TestLanesHoldLetsNothingStart(t *testing.T) {
	log := &laneLog{order: map[string][]int64{}}
	l := newLanes(clockwork.NewFakeClock(), 4, log.work)
	l.release()
	l.hold()
	log.done.Add(1)
	l.add(item("!r", 1))
	if backlog, active := l.counts(); backlog != 1 || active != 0 {
		t.Fatalf("backlog %d, active %d while held", backlog, active)
	}
	l.release()
	log.done.Wait()
}

func TestLanesRetryAtTheHeadAndLetOthersPass(t *testing.T) {
	clock := clockwork.NewFakeClock()
	log := &laneLog{order: map[string][]int64{}}
	failures := 1
	log.verdict = func(it *delivery.Item) verdict {
		if it.Seq == 1 && failures > 0 {
			failures--
			return verdict{retry: true, after: clock.Now().Add(time.Second)}
		}
		return verdict{}
	}
	l := newLanes(clock, 4, log.work)
	log.done.Add(3)
	l.add(item("!a", 1), item("!a", 2), item("!b", 3))
	l.release()
	if err := clock.BlockUntilContext(t.Context(), 1); err != nil { // the retry's timer
		t.Fatal(err)
	}
	clock.Advance(time.Second)
	log.done.Wait()
	if got := fmt.Sprint(log.order["!a"]); got != "[1 1 2]" {
		t.Errorf("order in the room of the retry: %s", got)
	}
}

func TestLanesHurryEndsTheWaitOfRetries(t *testing.T) {
	clock := clockwork.NewFakeClock()
	log := &laneLog{order: map[string][]int64{}}
	failures := 1
	log.verdict = func(*delivery.Item) verdict {
		if failures > 0 {
			failures--
			return verdict{retry: true, after: clock.Now().Add(time.Hour)}
		}
		return verdict{}
	}
	l := newLanes(clock, 1, log.work)
	log.done.Add(1)
	l.add(item("!a", 1))
	l.release()
	if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	l.hurry()
	log.done.Wait()
}

func TestLanesRunNoMoreThanTheLimit(t *testing.T) {
	gate, entered := make(chan struct{}), make(chan struct{}, 100)
	var mu sync.Mutex
	at, most := 0, 0
	var done sync.WaitGroup
	l := newLanes(clockwork.NewFakeClock(), 3, func(_ *delivery.Item, again func(verdict)) {
		mu.Lock()
		at++
		most = max(most, at)
		mu.Unlock()
		entered <- struct{}{}
		<-gate
		mu.Lock()
		at--
		mu.Unlock()
		again(verdict{})
		done.Done()
	})
	l.release()
	done.Add(20)
	for r := range 20 {
		l.add(item(fmt.Sprint("!r", r), int64(r)))
	}
	for range 3 {
		<-entered
	}
	close(gate)
	done.Wait()
	if most != 3 {
		t.Errorf("%d ran at once, want 3", most)
	}
}
