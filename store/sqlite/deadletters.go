package sqlite

import (
	"context"
	"fmt"
	"time"

	"bridgehost/delivery"
)

// DeadLetters lists them, oldest first; script "" means all.
func (db *DB) DeadLetters(_ context.Context, script string) (list []delivery.DeadLetter, err error) {
	err = db.read(func(c *conn) error {
		return c.query(func(r row) error {
			p := pending{lane: delivery.Lane{Script: r.str(1), Room: r.str(2)}, eventID: r.str(3), attempts: int(r.int(4)),
				payload: r.bytes(7), redelivered: true}
			list = append(list, delivery.DeadLetter{ID: r.int(0), Item: p.item(r.int(0)), Failure: r.bytes(6),
				Died: r.time(5), Attempts: p.attempts})
			return nil
		}, `SELECT d.seq, s.name, d.room, d.event_id, d.attempts, d.died, d.failure, d.payload
			FROM dead_letters d JOIN scripts s ON s.id = d.script WHERE ?1 = '' OR s.name = ?1 ORDER BY d.seq`, script)
	})
	return list, err
}

// Replay takes a dead letter back into its lane, behind what waits there. It keeps
// its key and its effects, so what it sent before is not sent again.
func (db *DB) Replay(ctx context.Context, id int64) (item delivery.Item, err error) {
	var seq int64
	var p *pending
	found := false
	err = db.w.do(ctx, func(w *writer) error {
		p = &pending{redelivered: true}
		var err error
		found, err = w.one(func(r row) {
			p.lane = delivery.Lane{Script: r.str(0), Room: r.str(1)}
			p.eventID, p.payload = r.str(2), r.bytes(3)
		}, "SELECT s.name, d.room, d.event_id, d.payload FROM dead_letters d JOIN scripts s ON s.id = d.script WHERE d.seq = ?", id)
		if err != nil || !found {
			return err
		}
		if seq, err = w.nextSeq(); err != nil {
			return err
		}
		_, err = w.exec(`INSERT INTO inbox (seq, script, room, event_id, payload)
			SELECT ?, script, room, event_id, payload FROM dead_letters WHERE seq = ?`, seq, id)
		if err != nil {
			return err
		}
		_, err = w.exec("DELETE FROM dead_letters WHERE seq = ?", id)
		return err
	}, func() {
		if found {
			item = p.item(seq)
			db.inbox.mu.Lock()
			db.inbox.add(seq, p)
			db.inbox.mu.Unlock()
		}
	})
	if err == nil && !found {
		err = ErrNotFound
	}
	if err != nil {
		return item, fmt.Errorf("replay dead letter %d: %w", id, err)
	}
	return item, nil
}

// Drop forgets a dead letter and its effects.
func (db *DB) Drop(ctx context.Context, id int64) error {
	found := false
	err := db.write(ctx, func(w *writer) error {
		var key string
		var err error
		found, err = w.one(func(r row) { key = itemKey(r.str(0), r.str(1)) },
			"SELECT d.event_id, s.name FROM dead_letters d JOIN scripts s ON s.id = d.script WHERE d.seq = ?", id)
		if err != nil || !found {
			return err
		}
		if _, err := w.exec("DELETE FROM dead_letters WHERE seq = ?", id); err != nil {
			return err
		}
		_, err = w.exec("DELETE FROM effects WHERE item = ?", key)
		return err
	})
	if err == nil && !found {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("drop dead letter %d: %w", id, err)
	}
	return nil
}

// LastCron is when a schedule last ran; zero when never.
func (db *DB) LastCron(_ context.Context, script, schedule string) (last time.Time, err error) {
	err = db.read(func(c *conn) error {
		_, err := c.one(func(r row) { last = r.time(0) },
			"SELECT last FROM cron WHERE script = (SELECT id FROM scripts WHERE name = ?) AND schedule = ?", script, schedule)
		return err
	})
	return last, err
}
