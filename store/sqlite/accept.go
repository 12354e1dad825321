package sqlite

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"bridgehost/delivery"
)

// Routed is one event of a transaction with those who see it.
type Routed struct {
	Event    json.RawMessage
	EventID  string
	Room     string
	Scripts  []string
	Unrouted bool // who sees it is not known yet; Scripts is not looked at
}

// recentTxns remembers the last transaction ids in memory.
type recentTxns struct {
	mu    sync.Mutex
	ids   map[string]bool
	order []string
	since int // accepted since the last look for old ones
}

const (
	txnsInMemory = 1000
	txnsOnDisk   = 100_000
	txnsFor      = 30 * 24 * time.Hour
	pruneEvery   = 1000
)

func loadTxns(c *conn) (*recentTxns, error) {
	t := &recentTxns{ids: map[string]bool{}}
	err := c.query(func(r row) error { t.add(r.str(0)); return nil },
		"SELECT txn FROM (SELECT seq, txn FROM transactions ORDER BY seq DESC LIMIT ?) ORDER BY seq", txnsInMemory)
	return t, err
}

func (t *recentTxns) add(id string) {
	t.ids[id] = true
	t.order = append(t.order, id)
	if len(t.order) > txnsInMemory {
		delete(t.ids, t.order[0])
		t.order = t.order[1:]
	}
}

func (t *recentTxns) seen(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ids[id]
}

// Seen tells whether a transaction of this id was accepted before, also before a
// restart: one of the last 100,000, or of the last 30 days if those are fewer.
func (db *DB) Seen(_ context.Context, txnID string) (seen bool, err error) {
	if db.txns.seen(txnID) {
		return true, nil
	}
	err = db.read(func(c *conn) error {
		seen, err = c.one(func(row) {}, "SELECT 1 FROM transactions WHERE txn = ?", txnID)
		return err
	})
	return seen, err
}

// LastTxn is what was accepted last, "" when nothing was.
func (db *DB) LastTxn() string {
	db.txns.mu.Lock()
	defer db.txns.mu.Unlock()
	if n := len(db.txns.order); n > 0 {
		return db.txns.order[n-1]
	}
	return ""
}

type accepted struct {
	seq int64
	row *pending
	raw []byte
}

// Accept takes a transaction in: a row for each event and script that sees it, the
// transaction's id, and what is waiting of the state store. It returns when that
// is on disk: the items, and the events whose scripts are not known yet (Route).
// Accepting a seen id again changes nothing and returns nothing.
func (db *DB) Accept(ctx context.Context, txnID string, events []Routed) (items []delivery.Item, unrouted []Held, err error) {
	var rows []accepted
	var held []Held
	var pruning bool
	run := func(w *writer) error {
		rows, held = nil, nil
		n, err := w.exec("INSERT OR IGNORE INTO transactions (txn, at) VALUES (?, ?)", txnID, db.now())
		if err != nil || n == 0 {
			return err
		}
		for _, e := range events {
			if e.Unrouted {
				seq, _, err := db.insert(w, 0, e.Room, e.EventID, e.Event)
				if err != nil {
					return err
				}
				held = append(held, Held{Seq: seq, Room: e.Room, Event: e.Event})
				continue
			}
			if rows, err = db.insertFor(w, rows, e.Scripts, e.Room, e.EventID, e.Event); err != nil {
				return err
			}
		}
		if pruning = db.txns.since >= pruneEvery; pruning {
			return db.prune(w)
		}
		return nil
	}
	after := func() {
		if rows != nil || held != nil {
			items = db.inbox.take(rows, held)
		}
		db.txns.mu.Lock()
		if !db.txns.ids[txnID] {
			db.txns.add(txnID)
		}
		db.txns.since++
		if pruning {
			db.txns.since = 0
		}
		db.txns.mu.Unlock()
	}
	if err := db.w.do(ctx, run, after); err != nil {
		return nil, nil, fmt.Errorf("accept transaction %s: %w", txnID, err)
	}
	return items, held, nil
}

// insert appends one row; an event without id gets a name that nothing else has.
func (db *DB) insert(w *writer, script int64, room, eventID string, event []byte) (int64, string, error) {
	seq, err := w.nextSeq()
	if err != nil {
		return 0, "", err
	}
	if eventID == "" {
		eventID = fmt.Sprintf("~%d~%s", seq, db.secret)
	}
	_, err = w.exec("INSERT INTO inbox (seq, script, room, event_id, payload) VALUES (?, ?, ?, ?, ?)", seq, script, room, eventID, event)
	return seq, eventID, err
}

func (db *DB) insertFor(w *writer, rows []accepted, scripts []string, room, eventID string, event []byte) ([]accepted, error) {
	for _, name := range scripts {
		script, err := w.script(name)
		if err != nil {
			return nil, err
		}
		seq, id, err := db.insert(w, script, room, eventID, event)
		if err != nil {
			return nil, err
		}
		rows = append(rows, accepted{seq: seq, raw: event,
			row: &pending{lane: delivery.Lane{Script: name, Room: room}, eventID: id, payload: event}})
	}
	return rows, nil
}

// take remembers new rows and returns them as items.
func (in *inbox) take(rows []accepted, held []Held) []delivery.Item {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, h := range held {
		in.held[h.Seq] = h
	}
	items := make([]delivery.Item, 0, len(rows))
	for _, a := range rows {
		in.add(a.seq, a.row)
		item := a.row.item(a.seq)
		item.Payload = a.raw
		items = append(items, item)
	}
	return items
}

func (db *DB) prune(w *writer) error {
	_, err := w.exec("DELETE FROM transactions WHERE seq <= (SELECT max(seq) FROM transactions) - ?", txnsOnDisk)
	if err != nil {
		return err
	}
	// The last ones stay however old they are: a homeserver repeats after any time.
	_, err = w.exec(`DELETE FROM transactions WHERE seq < (SELECT seq FROM transactions WHERE at >= ? ORDER BY seq LIMIT 1)
		AND seq <= (SELECT max(seq) FROM transactions) - ?`, db.now().Add(-txnsFor), txnsInMemory)
	if err != nil {
		return err
	}
	_, err = w.exec("DELETE FROM script_values WHERE expires > 0 AND (expires <= ? AND substr(store, 1, 1) <> x'00' OR expires <= ?)",
		db.now(), db.now().Add(-marksFor))
	return err
}

// Unrouted lists the events that were accepted and still wait for Route, in order.
func (db *DB) Unrouted(_ context.Context) ([]Held, error) {
	db.inbox.mu.Lock()
	defer db.inbox.mu.Unlock()
	var list []Held
	for _, h := range db.inbox.held {
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b Held) int { return cmp.Compare(a.Seq, b.Seq) })
	return list, nil
}

// Route makes a held event the items of those scripts, or forgets it when there
// are none. Items are put behind their lanes: the caller routes the held events of
// a room in order, and accepts later ones of that room as Unrouted until then.
func (db *DB) Route(ctx context.Context, seq int64, scripts []string) (items []delivery.Item, err error) {
	var rows []accepted
	found := false
	run := func(w *writer) error {
		var room, eventID string
		var payload []byte
		rows = nil
		var err error
		found, err = w.one(func(r row) { room, eventID, payload = r.str(0), r.str(1), r.bytes(2) },
			"SELECT room, event_id, payload FROM inbox WHERE seq = ? AND script = 0", seq)
		if err != nil || !found {
			return err
		}
		if rows, err = db.insertFor(w, nil, scripts, room, eventID, payload); err != nil {
			return err
		}
		_, err = w.exec("DELETE FROM inbox WHERE seq = ?", seq)
		return err
	}
	err = db.w.do(ctx, run, func() {
		items = db.inbox.take(rows, nil)
		db.inbox.mu.Lock()
		delete(db.inbox.held, seq)
		db.inbox.mu.Unlock()
	})
	if err == nil && !found {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("route event %d: %w", seq, err)
	}
	return items, nil
}
