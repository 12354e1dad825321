package delivery

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

var (
	// ErrCircle is what Once returns when units wait for each other's marks in a
	// circle. It is retryable: the unit's run is undone and repeated later.
	ErrCircle = errors.New("units wait for each other's once marks in a circle")
	// ErrNoUnit is returned by writes outside of any unit.
	ErrNoUnit = errors.New("values can be written inside a handler only")
)

// onceStore is the prefix of the store names that hold the marks of Once. A NUL
// byte keeps them apart from the stores that a script names.
const onceStore = "\x00once/"

// Data is one script's view of its values: what is committed, under what its
// unfinished units wrote. It lives as long as the script, across generations. All
// its methods may be called from many goroutines at once.
//
// Each key that unfinished units wrote has a pile of entries, the last written on
// top and seen by everybody. Undoing a unit takes its entries out of the piles, so
// its write is undone unless somebody has written that key since. A unit whose
// entry lies under that of a unit which is being committed no longer writes that
// key: the later write wins on disk as it does in the view.
type Data struct {
	script string
	values Values
	clock  clockwork.Clock

	mu    sync.Mutex
	quota quota
	piles map[slot][]*entry
	waits map[*Unit]*Unit // who waits in Once for whom
}

type slot struct{ store, key string }

type entry struct {
	slot    slot
	unit    *Unit
	value   []byte // nil: deleted
	expires time.Time
	sent    bool          // handed to the store for its commit
	gone    chan struct{} // closed when the entry is committed or undone; made when somebody waits
}

// NewData makes the view of script over its committed values.
func NewData(script string, v Values, clock clockwork.Clock) *Data {
	return &Data{script: script, values: v, clock: clock, piles: map[slot][]*entry{}, waits: map[*Unit]*Unit{}}
}

// Get returns the value as the whole script sees it now, nil when there is none.
func (d *Data) Get(store, key string) ([]byte, error) {
	now := d.clock.Now()
	d.mu.Lock()
	e := d.top(slot{store, key})
	d.mu.Unlock()
	if e != nil {
		return e.live(now), nil
	}
	return d.values.Get(d.script, store, key, now)
}

func (d *Data) top(s slot) *entry {
	if pile := d.piles[s]; len(pile) > 0 {
		return pile[len(pile)-1]
	}
	return nil
}

// live is the entry's value unless it was deleted or has expired.
func (e *entry) live(now time.Time) []byte {
	if e.value == nil || (!e.expires.IsZero() && !now.Before(e.expires)) {
		return nil
	}
	return e.value
}

// Set writes a value as part of u; ttl 0 means for ever. The caller must not change value afterwards.
func (d *Data) Set(u *Unit, store, key string, value []byte, ttl time.Duration) error {
	if u == nil {
		return ErrNoUnit
	}
	if value == nil {
		value = []byte{}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.fits(slot{store, key}, value); err != nil {
		return err
	}
	d.push(u, slot{store, key}, value, ttl)
	return nil
}

// push puts a write of u on top of its pile. d.mu is held.
func (d *Data) push(u *Unit, s slot, value []byte, ttl time.Duration) *entry {
	e := &entry{slot: s, unit: u, value: value}
	if ttl > 0 {
		e.expires = d.clock.Now().Add(ttl)
	}
	u.mu.Lock()
	u.data = d
	u.mu.Unlock()
	u.entries = slices.DeleteFunc(u.entries, func(old *entry) bool {
		if old.slot != s {
			return false
		}
		d.take(old)
		return true
	})
	u.entries = append(u.entries, e)
	d.piles[s] = append(d.piles[s], e)
	return e
}

// take removes an entry from its pile and wakes who waits for it. d.mu is held.
func (d *Data) take(e *entry) {
	pile := d.piles[e.slot]
	if i := slices.Index(pile, e); i >= 0 {
		pile = slices.Delete(pile, i, i+1)
	}
	if len(pile) == 0 {
		delete(d.piles, e.slot)
	} else {
		d.piles[e.slot] = pile
	}
	if e.gone != nil {
		close(e.gone)
		e.gone = nil
	}
}

// Delete removes a value as part of u and tells whether there was one.
func (d *Data) Delete(u *Unit, store, key string) (existed bool, err error) {
	if u == nil {
		return false, ErrNoUnit
	}
	now, s := d.clock.Now(), slot{store, key}
	d.mu.Lock()
	defer d.mu.Unlock()
	if e := d.top(s); e != nil {
		existed = e.live(now) != nil
	} else {
		v, err := d.values.Get(d.script, store, key, now)
		if err != nil {
			return false, err
		}
		if v == nil {
			return false, nil
		}
		existed = true
	}
	d.push(u, s, nil, 0)
	return existed, nil
}

// Swap sets a value for ever as part of u, nil deletes it, if it is still before; it
// reports whether it was. So reading, computing and Swap are one step also where two
// loaded versions of a script, each with a lock of its own, run side by side.
func (d *Data) Swap(u *Unit, store, key string, before, value []byte) (bool, error) {
	if u == nil {
		return false, ErrNoUnit
	}
	now, s := d.clock.Now(), slot{store, key}
	d.mu.Lock()
	defer d.mu.Unlock()
	is, err := d.get(s, now)
	if err != nil || (is == nil) != (before == nil) || !bytes.Equal(is, before) {
		return false, err
	}
	if value != nil {
		if err := d.fits(s, value); err != nil {
			return false, err
		}
	}
	if is != nil || value != nil {
		d.push(u, s, value, 0)
	}
	return true, nil
}

// get is the value as the whole script sees it. d.mu is held.
func (d *Data) get(s slot, now time.Time) ([]byte, error) {
	if e := d.top(s); e != nil {
		return e.live(now), nil
	}
	return d.values.Get(d.script, s.store, s.key, now)
}

// Keys lists the keys of one store as the whole script sees them now, in byte order.
func (d *Data) Keys(store string) ([]string, error) {
	now := d.clock.Now()
	// The overlay is read first: what is committed meanwhile is then found twice, never missed.
	over := map[string]bool{}
	d.mu.Lock()
	for s, pile := range d.piles {
		if s.store == store {
			over[s.key] = pile[len(pile)-1].live(now) != nil
		}
	}
	d.mu.Unlock()
	keys, err := d.values.Keys(d.script, store, now)
	if err != nil || len(over) == 0 {
		return keys, err
	}
	keys = slices.DeleteFunc(keys, func(k string) bool { _, ok := over[k]; return ok })
	for k, live := range over {
		if live {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

// Once marks key in space as part of u and reports true, or false when it is
// marked already. While the mark is that of another unfinished unit it waits until
// that unit is committed or undone; so the caller must hold no lock that the other
// unit needs. Waits in a circle return ErrCircle.
func (d *Data) Once(ctx context.Context, u *Unit, space, key string, ttl time.Duration) (first bool, err error) {
	if u == nil {
		return false, ErrNoUnit
	}
	s := slot{onceStore + space, key}
	for {
		now := d.clock.Now()
		d.mu.Lock()
		e := d.top(s)
		switch {
		case e == nil:
			v, err := d.values.Get(d.script, s.store, s.key, now)
			first = err == nil && v == nil
			if first {
				err = d.mark(u, s, ttl)
			}
			d.mu.Unlock()
			return first && err == nil, err
		case e.unit == u:
			if first = e.live(now) == nil; first {
				err = d.mark(u, s, ttl)
			}
			d.mu.Unlock()
			return first && err == nil, err
		}
		for w := e.unit; w != nil; w = d.waits[w] {
			if w == u {
				d.mu.Unlock()
				return false, ErrCircle
			}
		}
		if e.gone == nil {
			e.gone = make(chan struct{})
		}
		gone := e.gone
		d.waits[u] = e.unit
		d.mu.Unlock()
		select {
		case <-gone:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		d.mu.Lock()
		delete(d.waits, u)
		d.mu.Unlock()
		if err != nil {
			return false, err
		}
	}
}

// mark writes a mark of Once. d.mu is held.
func (d *Data) mark(u *Unit, s slot, ttl time.Duration) error {
	if err := d.fits(s, nil); err != nil {
		return err
	}
	d.push(u, s, []byte{}, ttl)
	return nil
}

// Committed tells that Store.Finish or Store.Commit of u has succeeded. u may go
// on with new writes. Older writes of other units to the same keys are settled by it.
func (d *Data) Committed(u *Unit) { d.settle(u, true) }

// Undo takes back what u wrote and has not committed, except where another unit
// has written the key since. The store must not be committing u.
func (d *Data) Undo(u *Unit) { d.settle(u, false) }

func (d *Data) settle(u *Unit, committed bool) {
	if u == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range u.entries {
		if committed {
			d.settleOlder(e)
		}
		d.take(e)
	}
	u.entries = nil
}

// settleOlder drops the entries under a committed one: their writes came first.
func (d *Data) settleOlder(e *entry) {
	pile := d.piles[e.slot]
	i := slices.Index(pile, e)
	for _, old := range slices.Clone(pile[:max(i, 0)]) {
		d.take(old)
		old.unit.entries = slices.DeleteFunc(old.unit.entries, func(x *entry) bool { return x == old })
	}
}

// Writes is what a commit of u has to put on disk, each key once. The store calls
// it inside the transaction, in the order of commits.
func (u *Unit) Writes() []Write {
	if u == nil {
		return nil
	}
	u.mu.Lock()
	d := u.data
	u.mu.Unlock()
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	writes := make([]Write, 0, len(u.entries))
	for _, e := range u.entries {
		e.sent = true
		if d.overwritten(e) {
			continue
		}
		writes = append(writes, Write{Script: d.script, Store: e.slot.store, Key: e.slot.key, Value: e.value, Expires: e.expires})
	}
	return writes
}

// overwritten tells whether a later write of the key is on its way to disk before this one.
func (d *Data) overwritten(e *entry) bool {
	pile := d.piles[e.slot]
	for i := len(pile) - 1; i >= 0 && pile[i] != e; i-- {
		if pile[i].sent {
			return true
		}
	}
	return false
}
