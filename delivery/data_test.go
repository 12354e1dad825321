package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

// memory is a committed backend in memory.
type memory struct {
	mu     sync.Mutex
	values map[slot]Write
}

func (m *memory) Get(_, store, key string, now time.Time) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.values[slot{store, key}]
	if !w.Expires.IsZero() && !now.Before(w.Expires) {
		return nil, nil
	}
	return w.Value, nil
}

func (m *memory) Keys(_, store string, _ time.Time) (keys []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for s := range m.values {
		if s.store == store {
			keys = append(keys, s.key)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

func (m *memory) put(writes []Write) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range writes {
		if w.Value == nil {
			delete(m.values, slot{w.Store, w.Key})
		} else {
			m.values[slot{w.Store, w.Key}] = w
		}
	}
}

type world struct {
	t     *testing.T
	m     *memory
	d     *Data
	clock *clockwork.FakeClock
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, m: &memory{values: map[slot]Write{}}, clock: clockwork.NewFakeClock()}
	w.d = NewData("irc", w.m, w.clock)
	return w
}

func (w *world) set(u *Unit, key, value string) {
	w.t.Helper()
	if err := w.d.Set(u, "s", key, []byte(value), 0); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) commit(u *Unit) { w.m.put(u.Writes()); w.d.Committed(u) }

// want compares the view and, after all units are settled, the disk.
func (w *world) want(key, value string) {
	w.t.Helper()
	if v, err := w.d.Get("s", key); err != nil || string(v) != value {
		w.t.Errorf("%s = %q, %v; want %q", key, v, err, value)
	}
}

func (w *world) empty() {
	w.t.Helper()
	if len(w.d.piles) != 0 || len(w.d.waits) != 0 {
		w.t.Errorf("overlay left: %v, waits %v", w.d.piles, w.d.waits)
	}
}

func TestTwoUnitsWriteOneKey(t *testing.T) {
	tests := []struct{ name, steps, want string }{
		{"the first fails", "undo1 commit2", "two"},
		{"the second fails", "undo2 commit1", "one"},
		{"both fail", "undo2 undo1", "zero"},
		{"both fail, in order", "undo1 undo2", "zero"},
		{"committed in order", "commit1 commit2", "two"},
		{"committed in the other order", "commit2 commit1", "two"},
		{"the second commits, the first fails", "commit2 undo1", "two"},
		{"the first commits, the second fails", "commit1 undo2", "one"},
		{"both on their way to disk, the later first", "sent2 sent1 done2 done1", "two"},
	}
	for _, x := range tests {
		t.Run(x.name, func(t *testing.T) {
			w := newWorld(t)
			zero, u1, u2 := &Unit{}, &Unit{}, &Unit{}
			w.set(zero, "k", "zero")
			w.commit(zero)
			w.set(u1, "k", "one")
			w.set(u2, "k", "two")
			w.want("k", "two")
			do := map[string]func(){
				"undo1": func() { w.d.Undo(u1) }, "undo2": func() { w.d.Undo(u2) },
				"commit1": func() { w.commit(u1) }, "commit2": func() { w.commit(u2) },
				"sent1": func() { w.m.put(u1.Writes()) }, "sent2": func() { w.m.put(u2.Writes()) },
				"done1": func() { w.d.Committed(u1) }, "done2": func() { w.d.Committed(u2) },
			}
			for rest := x.steps; rest != ""; {
				var step string
				n, _ := fmt.Sscan(rest, &step)
				if n == 0 {
					break
				}
				do[step]()
				rest = rest[min(len(rest), len(step)+1):]
			}
			w.want("k", x.want)
			w.empty()
		})
	}
}

func TestDeleteAndKeys(t *testing.T) {
	w := newWorld(t)
	u1, u2 := &Unit{}, &Unit{}
	w.set(u1, "a", "1")
	w.set(u1, "b", "2")
	w.commit(u1)
	if existed, _ := w.d.Delete(u2, "s", "a"); !existed {
		t.Error("a was not there")
	}
	if existed, _ := w.d.Delete(u2, "s", "a"); existed {
		t.Error("a was there after its deletion")
	}
	if existed, _ := w.d.Delete(u2, "s", "none"); existed {
		t.Error("none was there")
	}
	w.set(u2, "c", "3")
	w.set(u1, "aa", "")
	keys, err := w.d.Keys("s")
	if err != nil || fmt.Sprint(keys) != "[aa b c]" {
		t.Errorf("keys %v %v", keys, err)
	}
	if v, _ := w.d.Get("s", "aa"); v == nil {
		t.Error("an empty value is none")
	}
	w.d.Undo(u2)
	w.want("a", "1")
	w.commit(u1)
	w.empty()
}

// TestSwapIsOneStep: what everybody adds by reading and Swap is the sum, over commits too.
func TestSwapIsOneStep(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	var disk sync.Mutex // the store writes one unit after the other
	const writers, each = 8, 200
	for range writers {
		wg.Go(func() {
			for range each {
				u := &Unit{}
				for done := false; !done; {
					before, err := w.d.Get("s", "n")
					if err != nil {
						t.Error(err)
						return
					}
					n := 0
					if before != nil {
						if _, err := fmt.Sscan(string(before), &n); err != nil {
							t.Error(err)
						}
					}
					if done, err = w.d.Swap(u, "s", "n", before, fmt.Append(nil, n+1)); err != nil {
						t.Error(err)
						return
					}
				}
				disk.Lock()
				w.m.put(u.Writes())
				disk.Unlock()
				w.d.Committed(u)
			}
		})
	}
	wg.Wait()
	w.want("n", fmt.Sprint(writers*each))
	w.empty()
	u := &Unit{}
	for _, x := range []struct {
		before, value []byte
		done          bool
		after         string
	}{
		{nil, []byte("x"), false, "1600"}, {[]byte("1600"), nil, true, ""}, {[]byte("1600"), []byte("x"), false, ""},
		{nil, nil, true, ""}, {nil, []byte("y"), true, "y"},
	} {
		if done, err := w.d.Swap(u, "s", "n", x.before, x.value); done != x.done || err != nil {
			t.Errorf("swap %q for %q: %v %v", x.before, x.value, done, err)
		}
		w.want("n", x.after)
	}
	if _, err := w.d.Swap(nil, "s", "n", nil, nil); !errors.Is(err, ErrNoUnit) {
		t.Error(err)
	}
}

func TestValuesExpireInTheOverlayAndOnDisk(t *testing.T) {
	w := newWorld(t)
	u := &Unit{}
	if err := w.d.Set(u, "s", "k", []byte("v"), time.Second); err != nil {
		t.Fatal(err)
	}
	w.want("k", "v")
	w.clock.Advance(time.Second)
	w.want("k", "")
	if keys, _ := w.d.Keys("s"); len(keys) != 0 {
		t.Errorf("keys %v", keys)
	}
	w.commit(u)
	w.want("k", "")
}

func TestWritesOutsideOfAUnitAreRefused(t *testing.T) {
	w := newWorld(t)
	_, onceErr := w.d.Once(context.Background(), nil, "s", "k", 0)
	_, delErr := w.d.Delete(nil, "s", "k")
	for _, err := range []error{w.d.Set(nil, "s", "k", nil, 0), onceErr, delErr} {
		if !errors.Is(err, ErrNoUnit) {
			t.Error(err)
		}
	}
	w.d.Committed(nil)
	w.d.Undo(nil)
}

func TestOnceWaitsForTheUnitThatMarked(t *testing.T) {
	for _, fails := range []bool{false, true} {
		w := newWorld(t)
		ctx := context.Background()
		u1, u2 := &Unit{}, &Unit{}
		if first, err := w.d.Once(ctx, u1, "s", "k", 0); !first || err != nil {
			t.Fatal(first, err)
		}
		if first, err := w.d.Once(ctx, u1, "s", "k", 0); first || err != nil {
			t.Fatal("its own mark again:", first, err)
		}
		answer := make(chan bool)
		go func() {
			first, err := w.d.Once(ctx, u2, "s", "k", 0)
			answer <- first && err == nil
		}()
		waitFor(w.d, u2)
		if fails {
			w.d.Undo(u1)
		} else {
			w.commit(u1)
		}
		if got := <-answer; got != fails {
			t.Errorf("unit failed %v: first %v", fails, got)
		}
		w.commit(u2)
		w.empty()
	}
}

// waitFor returns when u waits in Once.
func waitFor(d *Data, u *Unit) {
	for {
		d.mu.Lock()
		_, waits := d.waits[u]
		d.mu.Unlock()
		if waits {
			return
		}
	}
}

func TestOnceFindsCirclesAndEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(context.Background())
	u1, u2 := &Unit{}, &Unit{}
	for u, key := range map[*Unit]string{u1: "a", u2: "b"} {
		if first, err := w.d.Once(ctx, u, "s", key, 0); !first || err != nil {
			t.Fatal(first, err)
		}
	}
	done := make(chan error)
	go func() { _, err := w.d.Once(ctx, u1, "s", "b", 0); done <- err }()
	waitFor(w.d, u1)
	if _, err := w.d.Once(ctx, u2, "s", "a", 0); !errors.Is(err, ErrCircle) {
		t.Errorf("circle: %v", err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestManyUnitsAtOnceMarkOnceEach(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	firsts := 0
	for i := range 40 {
		wg.Go(func() {
			u := &Unit{}
			for k := range 20 {
				first, err := w.d.Once(context.Background(), u, "s", fmt.Sprint(k), 0)
				if err != nil {
					t.Error(err)
				}
				w.set(u, fmt.Sprint(k), "v")
				if first && i%2 == 0 {
					mu.Lock()
					firsts++
					mu.Unlock()
				}
				if i%2 == 0 {
					w.commit(u)
				} else {
					w.d.Undo(u)
				}
				if _, err := w.d.Keys("s"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	w.empty()
	if firsts != 20 {
		t.Errorf("%d first marks of 20", firsts)
	}
}
