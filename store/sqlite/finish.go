package sqlite

import (
	"context"
	"fmt"

	"bridgehost/delivery"
)

// Finish ends a try in one transaction. Done deletes the row and its effects and
// commits what the unit wrote; Retry and Dead commit nothing of that, but keep the
// effects, so that the next try repeats no send. A run of a schedule that is Done
// or Dead is recorded as run.
func (db *DB) Finish(ctx context.Context, item delivery.Item, r delivery.Result, u *delivery.Unit) error {
	var queued pushed
	run := func(w *writer) (err error) {
		if r.Outcome == delivery.Done {
			if queued, err = writeUnit(w, u); err != nil {
				return err
			}
		}
		switch item.Kind {
		case delivery.KindEvent, delivery.KindQueue:
			return db.finishEvent(w, item, r, u)
		case delivery.KindCron:
			return db.finishCron(w, item, r, u)
		}
		return nil
	}
	err := db.w.do(ctx, run, func() { db.finished(item, r); db.queued(queued, u) })
	if err != nil {
		return fmt.Errorf("finish %s of %s: %w", item.Key, item.Lane.Script, err)
	}
	return nil
}

func (db *DB) finishEvent(w *writer, item delivery.Item, r delivery.Result, u *delivery.Unit) (err error) {
	switch r.Outcome {
	case delivery.Done:
		if _, err = w.exec("DELETE FROM inbox WHERE seq = ?", item.Seq); err == nil {
			err = db.effects.forget(w, item.Key)
		}
		return err
	case delivery.Retry:
		_, err = w.exec("UPDATE inbox SET attempts = attempts + 1, not_before = ?, failure = ? WHERE seq = ?", r.NotBefore, r.Failure, item.Seq)
	case delivery.Dead:
		_, err = w.exec(`INSERT INTO dead_letters (seq, script, room, event_id, attempts, died, failure, payload)
			SELECT seq, script, room, event_id, attempts + 1, ?, ?, payload FROM inbox WHERE seq = ?`, db.now(), r.Failure, item.Seq)
		if err == nil {
			_, err = w.exec("DELETE FROM inbox WHERE seq = ?", item.Seq)
		}
	default:
		err = fmt.Errorf("unknown outcome %d", r.Outcome)
	}
	if err != nil {
		return err
	}
	return db.effects.keep(w, item.Key, u)
}

func (db *DB) finishCron(w *writer, item delivery.Item, r delivery.Result, u *delivery.Unit) error {
	if r.Outcome == delivery.Retry {
		return db.effects.keep(w, item.Key, u)
	}
	script, err := w.script(item.Lane.Script)
	if err != nil {
		return err
	}
	_, err = w.exec("INSERT INTO cron (script, schedule, last) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET last = ?3",
		script, item.Schedule, item.NotBefore)
	if err != nil {
		return err
	}
	return db.effects.forget(w, item.Key)
}

// finished brings the memory in step with a committed Finish.
func (db *DB) finished(item delivery.Item, r delivery.Result) {
	if r.Outcome != delivery.Retry {
		db.effects.finished(item.Key, r.Outcome == delivery.Dead && item.Kind != delivery.KindCron)
	}
	if item.Kind != delivery.KindEvent && item.Kind != delivery.KindQueue {
		return
	}
	db.inbox.mu.Lock()
	defer db.inbox.mu.Unlock()
	if r.Outcome != delivery.Retry {
		db.inbox.remove(item.Seq)
	} else if p := db.inbox.rows[item.Seq]; p != nil {
		p.attempts++
		p.notBefore = r.NotBefore
	}
}

// Commit makes the writes and pushes of a unit without an item durable.
func (db *DB) Commit(ctx context.Context, u *delivery.Unit) error {
	var queued pushed
	err := db.w.do(ctx, func(w *writer) (err error) { queued, err = writeUnit(w, u); return err }, func() { db.queued(queued, u) })
	if err != nil {
		return fmt.Errorf("commit values: %w", err)
	}
	return nil
}

// writeUnit writes what a unit set, and what it put into queues.
func writeUnit(w *writer, u *delivery.Unit) (pushed, error) {
	if err := writeValues(w, u.Writes()); err != nil {
		return nil, err
	}
	return writePushes(w, u.Pushes())
}

func writeValues(w *writer, writes []delivery.Write) error {
	for _, x := range writes {
		script, err := w.script(x.Script)
		if err != nil {
			return err
		}
		if x.Value == nil {
			_, err = w.exec("DELETE FROM script_values WHERE script = ? AND store = ? AND key = ?", script, blob(x.Store), blob(x.Key))
		} else {
			_, err = w.exec(`INSERT INTO script_values (script, store, key, expires, value) VALUES (?, ?, ?, ?, ?)
				ON CONFLICT DO UPDATE SET expires = excluded.expires, value = excluded.value`,
				script, blob(x.Store), blob(x.Key), x.Expires, x.Value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// blob is a text that may hold any bytes, never NULL.
func blob(s string) []byte { return append([]byte{}, s...) }
