package sqlite

import (
	"fmt"

	"bridgehost/delivery"
)

// What scripts put into queues of their own stands in the inbox as events do: in the place
// of the room the lane of the queue and the key, in that of the event's ID a name that
// nothing else has.

// pushed are new rows of queues, by their numbers.
type pushed []pushedRow

type pushedRow struct {
	seq int64
	row *pending
}

func writePushes(w *writer, list []delivery.Push) (rows pushed, err error) {
	for _, p := range list {
		script, err := w.script(p.Lane.Script)
		if err != nil {
			return nil, err
		}
		seq, err := w.nextSeq()
		if err != nil {
			return nil, err
		}
		r := &pending{lane: p.Lane, eventID: fmt.Sprintf("queue/%d", seq), payload: p.Payload, notBefore: p.NotBefore}
		_, err = w.exec("INSERT INTO inbox (seq, script, room, event_id, not_before, payload) VALUES (?, ?, ?, ?, ?, ?)",
			seq, script, p.Lane.Room, r.eventID, p.NotBefore, append([]byte{}, p.Payload...))
		if err != nil {
			return nil, err
		}
		rows = append(rows, pushedRow{seq, r})
	}
	return rows, nil
}

// queued brings memory and unit in step with what was committed.
func (db *DB) queued(rows pushed, u *delivery.Unit) {
	if len(rows) == 0 {
		return
	}
	items := make([]delivery.Item, len(rows))
	db.inbox.mu.Lock()
	for i, r := range rows {
		items[i] = r.row.item(r.seq)
		db.inbox.add(r.seq, r.row)
	}
	db.inbox.mu.Unlock()
	u.SetPushed(items)
}
