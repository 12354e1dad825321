package sqlite

import (
	"context"
	"fmt"
	"os"
	"time"
)

// Generation is one loaded version of a script.
type Generation struct {
	Script string
	Number int
	Hash   string
	Source []byte // archive of its files
	Loaded time.Time
	Result string
	Pinned bool
}

// Flags is what was decided about a script and lasts over restarts.
type Flags struct {
	Stopped bool
	Pinned  int // generation to run until the next save; 0: the file
}

// generationsKept is how many versions of a script can be gone back to.
const generationsKept = 10

// PutGeneration records a generation, or changes its record, and forgets all but the last ten.
func (db *DB) PutGeneration(ctx context.Context, g Generation) error {
	err := db.write(ctx, func(w *writer) error {
		script, err := w.script(g.Script)
		if err != nil {
			return err
		}
		_, err = w.exec(`INSERT INTO generations (script, number, hash, loaded, result, pinned, source) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET hash = excluded.hash, loaded = excluded.loaded, result = excluded.result,
			pinned = excluded.pinned, source = excluded.source`,
			script, g.Number, g.Hash, g.Loaded, g.Result, g.Pinned, append([]byte{}, g.Source...))
		if err != nil {
			return err
		}
		_, err = w.exec(`DELETE FROM generations WHERE script = ?1 AND number NOT IN
			(SELECT number FROM generations WHERE script = ?1 ORDER BY number DESC LIMIT ?2)`, script, generationsKept)
		return err
	})
	if err != nil {
		return fmt.Errorf("record %s#%d: %w", g.Script, g.Number, err)
	}
	return nil
}

// Generations lists what is recorded of a script, newest first.
func (db *DB) Generations(_ context.Context, script string) (list []Generation, err error) {
	err = db.read(func(c *conn) error {
		return c.query(func(r row) error {
			list = append(list, Generation{Script: script, Number: int(r.int(0)), Hash: r.str(1), Loaded: r.time(2),
				Result: r.str(3), Pinned: r.bool(4), Source: r.bytes(5)})
			return nil
		}, "SELECT number, hash, loaded, result, pinned, source FROM generations WHERE "+ofScript+" ORDER BY number DESC", script)
	})
	return list, err
}

// DropGenerations forgets all versions of a script.
func (db *DB) DropGenerations(ctx context.Context, script string) error {
	return db.write(ctx, func(w *writer) error {
		id, err := w.script(script)
		if err == nil {
			_, err = w.exec("DELETE FROM generations WHERE script = ?", id)
		}
		return err
	})
}

// tablesOf are those with rows of a script.
var tablesOf = []string{"inbox", "dead_letters", "cron", "script_values", "generations", "portals", "ghosts", "uses"}

// Purge forgets all that a script has left. It must not run, nor be known to the router.
func (db *DB) Purge(ctx context.Context, script string) error {
	err := db.write(ctx, func(w *writer) error {
		id, err := w.script(script)
		if err != nil {
			return err
		}
		for _, table := range tablesOf {
			if _, err := w.exec("DELETE FROM "+table+" WHERE script = ?", id); err != nil {
				return err
			}
		}
		_, err = w.exec("UPDATE scripts SET stopped = 0, pinned = 0 WHERE id = ?", id)
		return err
	})
	if err != nil {
		return fmt.Errorf("forget the data of %s: %w", script, err)
	}
	db.inbox.forget(script)
	return nil
}

// SetFlags records what was decided about a script.
func (db *DB) SetFlags(ctx context.Context, script string, f Flags) error {
	return db.write(ctx, func(w *writer) error {
		id, err := w.script(script)
		if err == nil {
			_, err = w.exec("UPDATE scripts SET stopped = ?, pinned = ? WHERE id = ?", f.Stopped, f.Pinned, id)
		}
		return err
	})
}

// ScriptFlags returns them; the zero Flags for a script that is not known.
func (db *DB) ScriptFlags(_ context.Context, script string) (f Flags, err error) {
	err = db.read(func(c *conn) error {
		_, err := c.one(func(r row) { f = Flags{Stopped: r.bool(0), Pinned: int(r.int(1))} },
			"SELECT stopped, pinned FROM scripts WHERE name = ?", script)
		return err
	})
	return f, err
}

// Stats are figures for `status`.
type Stats struct {
	Pending     map[string]int // unfinished items by script
	DeadLetters map[string]int // by script
	Held        int            // accepted, of whom it is not known yet who sees them
	Size        int64          // bytes of the file
	Schema      int
}

// Stats counts what is in the database.
func (db *DB) Stats(_ context.Context) (Stats, error) {
	s := Stats{Pending: map[string]int{}, DeadLetters: map[string]int{}, Schema: len(migrations())}
	db.inbox.mu.Lock()
	for lane, seqs := range db.inbox.lanes {
		s.Pending[lane.Script] += len(seqs)
	}
	s.Held = len(db.inbox.held)
	db.inbox.mu.Unlock()
	if info, err := os.Stat(db.path); err == nil {
		s.Size = info.Size()
	}
	return s, db.read(func(c *conn) error {
		return c.query(func(r row) error { s.DeadLetters[r.str(0)] = int(r.int(1)); return nil },
			"SELECT s.name, count(*) FROM dead_letters d JOIN scripts s ON s.id = d.script GROUP BY s.name")
	})
}
