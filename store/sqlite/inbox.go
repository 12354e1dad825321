package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"bridgehost/delivery"
)

// inbox is the order of what is unfinished, in memory: so neither accepting nor
// finishing an item has an index to keep up on disk, and what was just accepted
// is not read again.
type inbox struct {
	mu    sync.Mutex
	lanes map[delivery.Lane][]int64
	rows  map[int64]*pending
	held  map[int64]Held // accepted, without a script yet
	kept  int            // bytes of payloads in rows
}

// pending is one row. payload is nil when it has to be read from disk.
type pending struct {
	lane        delivery.Lane
	eventID     string
	payload     []byte
	attempts    int
	redelivered bool
	notBefore   time.Time
}

// maxKept bounds the payloads in memory; what comes on top is read when it is its turn.
const maxKept = 32 << 20

// Held is an accepted event of which it is not known yet who sees it.
type Held struct {
	Seq   int64
	Room  string
	Event []byte
}

func loadInbox(c *conn) (*inbox, error) {
	in := &inbox{lanes: map[delivery.Lane][]int64{}, rows: map[int64]*pending{}, held: map[int64]Held{}}
	err := c.query(func(r row) error {
		in.add(r.int(0), &pending{
			lane:    delivery.Lane{Script: r.str(1), Room: r.str(2)},
			eventID: r.str(3), attempts: int(r.int(4)), notBefore: r.time(5), redelivered: true,
		})
		return nil
	}, `SELECT i.seq, s.name, i.room, i.event_id, i.attempts, i.not_before
		FROM inbox i JOIN scripts s ON s.id = i.script ORDER BY i.seq`)
	if err != nil {
		return nil, err
	}
	return in, c.query(func(r row) error {
		in.held[r.int(0)] = Held{Seq: r.int(0), Room: r.str(1), Event: r.bytes(2)}
		return nil
	}, "SELECT seq, room, payload FROM inbox WHERE script = 0")
}

// add puts a row behind its lane. Numbers only grow.
func (in *inbox) add(seq int64, p *pending) {
	if in.kept+len(p.payload) > maxKept {
		p.payload = nil
	}
	in.kept += len(p.payload)
	in.rows[seq] = p
	in.lanes[p.lane] = append(in.lanes[p.lane], seq)
}

func (in *inbox) remove(seq int64) {
	p := in.rows[seq]
	if p == nil {
		return
	}
	in.kept -= len(p.payload)
	delete(in.rows, seq)
	lane := in.lanes[p.lane]
	if i, ok := slices.BinarySearch(lane, seq); ok {
		if i == 0 {
			lane = lane[1:]
		} else {
			lane = slices.Delete(lane, i, i+1)
		}
	}
	if len(lane) == 0 {
		delete(in.lanes, p.lane)
	} else {
		in.lanes[p.lane] = lane
	}
}

// forget takes all rows of a script out.
func (in *inbox) forget(script string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for lane, seqs := range in.lanes {
		if lane.Script != script {
			continue
		}
		for _, seq := range slices.Clone(seqs) {
			in.remove(seq)
		}
	}
}

func (p *pending) item(seq int64) delivery.Item {
	kind := delivery.KindEvent
	if _, _, ok := p.lane.Queue(); ok {
		kind = delivery.KindQueue
	}
	return delivery.Item{
		Seq: seq, Key: itemKey(p.eventID, p.lane.Script), Lane: p.lane, Kind: kind, Payload: p.payload,
		Attempts: p.attempts, Redelivered: p.redelivered || p.attempts > 0, NotBefore: p.notBefore,
	}
}

// itemKey names an item for ever. A script's name has no slash, so no two pairs make one key.
func itemKey(eventID, script string) string { return eventID + "/" + script }

// Lanes lists the lanes of script that have unfinished items, oldest item first.
func (db *DB) Lanes(_ context.Context, script string) ([]delivery.Lane, error) {
	in := db.inbox
	in.mu.Lock()
	defer in.mu.Unlock()
	var lanes []delivery.Lane
	for lane := range in.lanes {
		if lane.Script == script {
			lanes = append(lanes, lane)
		}
	}
	slices.SortFunc(lanes, func(a, b delivery.Lane) int { return cmp.Compare(in.lanes[a][0], in.lanes[b][0]) })
	return lanes, nil
}

// Next returns up to n unfinished items of lane in order, after the item of that
// Seq. What was found in the inbox at start counts as tried before: whether a try
// had begun is not known.
func (db *DB) Next(_ context.Context, lane delivery.Lane, after int64, n int) ([]delivery.Item, error) {
	in := db.inbox
	in.mu.Lock()
	seqs := in.lanes[lane]
	i, _ := slices.BinarySearch(seqs, after+1)
	var items []delivery.Item
	missing := false
	for _, seq := range seqs[i:min(len(seqs), i+max(n, 0))] {
		item := in.rows[seq].item(seq)
		missing = missing || item.Payload == nil
		items = append(items, item)
	}
	in.mu.Unlock()
	if !missing {
		return items, nil
	}
	err := db.read(func(c *conn) error {
		for i := range items {
			if items[i].Payload != nil {
				continue
			}
			_, err := c.one(func(r row) { items[i].Payload = r.bytes(0) }, "SELECT payload FROM inbox WHERE seq = ?", items[i].Seq)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the inbox of %s: %w", lane.Script, err)
	}
	// An item that was finished since has no payload any more.
	return slices.DeleteFunc(items, func(it delivery.Item) bool { return it.Payload == nil }), nil
}
