package sqlite

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"bridgehost/delivery"
)

// effects holds new effects back for a moment: most items are finished before,
// and then nothing of theirs has to be written at all.
type effects struct {
	db *DB

	mu      sync.Mutex
	waiting []delivery.Effect
	timer   clockwork.Timer // nil: nothing waits
	onDisk  map[string]bool // items with effects on disk, or on their way there
	closed  bool
}

// effectsWait is how long they are held back; together with a commit less than the
// quarter of a second that delivery.Store promises.
const effectsWait = 200 * time.Millisecond

func loadEffects(c *conn, db *DB) (*effects, error) {
	e := &effects{db: db, onDisk: map[string]bool{}}
	return e, c.query(func(r row) error { e.onDisk[r.str(0)] = true; return nil }, "SELECT DISTINCT item FROM effects")
}

// PutEffects remembers effects; they are on disk within a quarter of a second,
// unless their item is finished before.
func (db *DB) PutEffects(_ context.Context, list ...delivery.Effect) error {
	e := db.effects
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	e.waiting = append(e.waiting, list...)
	if e.timer == nil && len(e.waiting) > 0 {
		e.timer = db.clock.AfterFunc(effectsWait, e.flush)
	}
	return nil
}

// flush writes what waits. It runs on the timer's goroutine.
func (e *effects) flush() {
	e.mu.Lock()
	if e.timer != nil {
		e.timer.Stop()
		e.timer = nil
	}
	empty := len(e.waiting) == 0
	e.mu.Unlock()
	if empty {
		return
	}
	// What waits is looked at inside the transaction: items finished until then are out.
	var taken []delivery.Effect
	err := e.db.w.do(background, func(w *writer) error {
		e.mu.Lock()
		taken = append(taken[:0], e.waiting...)
		for _, x := range taken {
			e.onDisk[x.Item] = true
		}
		e.mu.Unlock()
		return insertEffects(w, taken)
	}, func() {
		e.mu.Lock()
		written := make(map[delivery.Effect]bool, len(taken))
		for _, x := range taken {
			written[x] = true
		}
		e.waiting = slices.DeleteFunc(e.waiting, func(x delivery.Effect) bool { return written[x] })
		e.mu.Unlock()
	})
	if err != nil {
		e.db.log.Error("effects not written; a crash now could repeat sends", "err", err)
		e.mu.Lock()
		if !e.closed && e.timer == nil {
			e.timer = e.db.clock.AfterFunc(effectsWait, e.flush)
		}
		e.mu.Unlock()
	}
}

func insertEffects(w *writer, list []delivery.Effect) error {
	for _, x := range list {
		_, err := w.exec("INSERT INTO effects (item, txn, answer) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET answer = ?3", x.Item, x.TxnID, x.Answer)
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *effects) close() {
	e.flush()
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
}

// forget deletes the effects of a finished item; most have none on disk.
func (e *effects) forget(w *writer, item string) error {
	e.mu.Lock()
	has := e.onDisk[item]
	e.dropWaiting(item) // now: a flush later in this very transaction must not write them
	e.mu.Unlock()
	if !has {
		return nil
	}
	_, err := w.exec("DELETE FROM effects WHERE item = ?", item)
	return err
}

// keep writes all effects of an item that is not done.
func (e *effects) keep(w *writer, item string, u *delivery.Unit) error {
	var list []delivery.Effect
	if u != nil {
		list = append(list, u.Fresh()...)
	}
	e.mu.Lock()
	for _, x := range e.waiting {
		if x.Item == item {
			list = append(list, x)
		}
	}
	if len(list) > 0 {
		e.onDisk[item] = true
	}
	e.mu.Unlock()
	return insertEffects(w, list)
}

// finished drops what waits for an item that is over; dead ones keep what is on disk.
func (e *effects) finished(item string, dead bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dropWaiting(item)
	if !dead {
		delete(e.onDisk, item)
	}
}

func (e *effects) dropWaiting(item string) {
	e.waiting = slices.DeleteFunc(e.waiting, func(x delivery.Effect) bool { return x.Item == item })
}

// Effects returns what is remembered of an item that may have been tried before.
func (db *DB) Effects(_ context.Context, item delivery.Item) (list []delivery.Effect, err error) {
	e := db.effects
	e.mu.Lock()
	has := e.onDisk[item.Key]
	for _, x := range e.waiting {
		if x.Item == item.Key {
			list = append(list, x)
		}
	}
	e.mu.Unlock()
	if !has {
		return list, nil
	}
	err = db.read(func(c *conn) error {
		return c.query(func(r row) error {
			list = append(list, delivery.Effect{Item: item.Key, TxnID: r.str(0), Answer: r.str(1)})
			return nil
		}, "SELECT txn, answer FROM effects WHERE item = ?", item.Key)
	})
	return list, err
}
