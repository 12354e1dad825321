package engine

import (
	"sync"
	"testing"
	"time"

	"bridgehost/delivery"
)

// outcomes are how items ended, as the store was told.
func (b *bench) outcomes() []delivery.Outcome {
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	return append([]delivery.Outcome(nil), b.store.finished...)
}

func TestAnItemIsFinishedWhenTheDiskTakesItAgain(t *testing.T) {
	b := newBench(t)
	b.store.refuse = 2
	b.start(`on("message", function(e) print("ran " .. e) end)`)
	b.event("!r", "message a")
	for _, pause := range []time.Duration{finishFirst, 2 * finishFirst} {
		if err := b.clock.BlockUntilContext(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if got := b.outcomes(); len(got) > 0 {
			t.Fatalf("finished: %v", got)
		}
		b.clock.Advance(pause)
	}
	b.wait("the item is finished", func() bool { return len(b.outcomes()) == 1 })
	if b.outcomes()[0] != delivery.Done || len(b.out) != 1 {
		t.Errorf("%v, ran %d times", b.outcomes(), len(b.out))
	}
}

func TestAFullDiskDoesNotHoldBackTheEnd(t *testing.T) {
	b := newBench(t)
	b.store.refuse = 1000
	b.start(`on("message", function(e) print("ran " .. e) end)`)
	b.event("!r", "message a")
	if err := b.clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { b.script.Close(time.Hour); close(ended) }()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("the script does not end")
	}
	if got := b.outcomes(); len(got) > 0 {
		t.Errorf("finished: %v", got)
	}
}

func TestAnItemWaitsForItsEffects(t *testing.T) {
	b := newBench(t)
	b.start(`on("message", function(e) print("ran " .. e) end)`)
	b.store.mu.Lock()
	b.store.refuse = 1 // Effects; without them the handler would send again what it has sent
	b.store.mu.Unlock()
	b.script.Deliver(delivery.Item{Seq: 1, Key: "$a", Kind: delivery.KindEvent, Redelivered: true,
		Lane: delivery.Lane{Script: "s", Room: "!r"}, Payload: []byte("message a")})
	b.wait("the item goes back", func() bool { return len(b.outcomes()) == 1 })
	if len(b.out) > 0 || b.outcomes()[0] != delivery.Retry {
		t.Fatalf("printed %v, %v", b.out, b.outcomes())
	}
	if err := b.clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(retryFirst)
	b.printed("ran message a")
}

func TestOnlyItsOwnDeadlinesMakeADeadLetter(t *testing.T) {
	b := newBench(t)
	b.start(`local n = 0
		on("message", function(e) n = n + 1
			if n <= 10 then busy() elseif n < 15 then late() end
			print("ran " .. e) end)`)
	b.event("!r", "message a")
	for n := range 14 {
		b.wait("it goes back", func() bool { return len(b.outcomes()) == n+1 })
		if err := b.clock.BlockUntilContext(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(retryMost)
	}
	b.printed("ran message a")
	if len(b.dead) > 0 {
		t.Error("an item with four deadlines became a dead letter")
	}
}

// An item that was taken just before the lanes were held must not run in a generation
// whose load has not returned.
func TestWhatWasTakenBeforeTheHoldWaits(t *testing.T) {
	b := newBench(t)
	b.start(`on("message", function(e) print("ran " .. e) end)`)
	b.script.lanes.hold()
	defer b.script.lanes.release()
	it := delivery.Item{Seq: 1, Key: "$a", Kind: delivery.KindEvent, Lane: delivery.Lane{Script: "s", Room: "!r"}, Payload: []byte("message a")}
	var got verdict
	b.script.work(&it, func(v verdict) { got = v })
	if !got.retry || len(b.out) > 0 {
		t.Errorf("verdict %+v, printed %v", got, b.out)
	}
}

func TestAScheduleDoesNotOverlapItselfOverAReload(t *testing.T) {
	b := newBench(t)
	b.store.crons["0 * * * *"] = b.clock.Now().Add(-5 * time.Hour)
	b.start(`cron("0 * * * *", function() print("one begins") wait() print("one ends") end)`)
	b.printed("one begins")
	if err := b.save(`on("message", print) cron("0 * * * *", function() print("two") end)`); err != nil {
		t.Fatal(err)
	}
	b.event("!r", "message")
	b.wait("the new generation answers", func() bool { return len(b.out) >= 2 || len(b.outcomes()) > 0 })
	b.input <- ""
	b.printed("one ends")
	b.script.drains.Wait()
	if err := b.clock.BlockUntilContext(t.Context(), 1); err != nil { // two waits for its time
		t.Fatal(err)
	}
	b.mu.Lock()
	for _, line := range b.out {
		if line == "two" {
			t.Errorf("the run of the old generation was repeated: %v", b.out)
		}
	}
	b.mu.Unlock()
	b.clock.Advance(time.Hour)
	b.printed("two")
}

func TestAGenerationThatEndsDoesNotGetAHandleBack(t *testing.T) {
	b := newBench(t)
	b.start(`on("message", function(e) print("in") wait() print(keep("k")) end)`)
	b.event("!r", "message")
	b.printed("in")
	old := b.script.Current()
	if err := b.save(`on("load", function() print("kept", keep("k")) end)`); err != nil {
		t.Fatal(err)
	}
	b.printed("kept")
	b.input <- ""
	old.running.Wait()
	b.script.drains.Wait()
	b.script.handles.mu.Lock()
	defer b.script.handles.mu.Unlock()
	if k := b.script.handles.kept["k"]; k == nil || k.handle == nil || !k.handle.Alive() || len(b.script.handles.owner) != 1 {
		t.Error("the handle was closed with the old generation")
	}
}

func TestTasksMayBeCountedWhileSomebodyStopsWaiting(t *testing.T) {
	var counted tasks
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				counted.Add(1)
				counted.Done()
			}
		})
		wg.Go(func() {
			for range 1000 {
				counted.Wait()
			}
		})
	}
	wg.Wait()
	counted.Wait()
}

// A run that was cut off is the same run later: its transaction ids are made from its name.
func TestARunOfAScheduleIsNamedByTheOneBefore(t *testing.T) {
	b := newBench(t)
	c := &cronJob{g: &Generation{Script: b.script}, id: "0 * * * *"}
	at := func(hour int) time.Time { return time.Unix(int64(hour)*3600, 0) }
	if one, two := c.item(at(1), at(2)).Key, c.item(at(1), at(3)).Key; one != two {
		t.Errorf("%s, and later %s", one, two)
	}
	if one, two := c.item(at(1), at(3)).Key, c.item(at(2), at(3)).Key; one == two {
		t.Errorf("two runs are called %s", one)
	}
}
