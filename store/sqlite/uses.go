package sqlite

import (
	"context"
	"fmt"
	"time"
)

// Use is a capability that a script has used on a scope, or was refused.
type Use struct {
	Capability, Scope string
	Refused           bool
	Times             int
	Last              time.Time
}

// usesKept is how many of them each script has: those that were seen last.
const usesKept = 500

// AddUses counts uses of a script, and forgets the oldest beyond the bound.
func (db *DB) AddUses(ctx context.Context, script string, list ...Use) error {
	err := db.write(ctx, func(w *writer) error {
		id, err := w.script(script)
		if err != nil {
			return err
		}
		for _, u := range list {
			_, err = w.exec(`INSERT INTO uses (script, capability, scope, refused, times, last) VALUES (?, ?, ?, ?, ?, ?)
				ON CONFLICT DO UPDATE SET times = times + excluded.times, last = max(last, excluded.last)`,
				id, u.Capability, u.Scope, u.Refused, u.Times, u.Last)
			if err != nil {
				return err
			}
		}
		_, err = w.exec(`DELETE FROM uses WHERE script = ?1 AND (capability, scope, refused) NOT IN
			(SELECT capability, scope, refused FROM uses WHERE script = ?1 ORDER BY last DESC, capability, scope LIMIT ?2)`, id, usesKept)
		return err
	})
	if err != nil {
		return fmt.Errorf("record what %s used: %w", script, err)
	}
	return nil
}

// Uses lists what a script has used, by capability and scope.
func (db *DB) Uses(_ context.Context, script string) (list []Use, err error) {
	err = db.read(func(c *conn) error {
		return c.query(func(r row) error {
			list = append(list, Use{Capability: r.str(0), Scope: r.str(1), Refused: r.bool(2), Times: int(r.int(3)), Last: r.time(4)})
			return nil
		}, "SELECT capability, scope, refused, times, last FROM uses WHERE "+ofScript+" ORDER BY capability, scope, refused", script)
	})
	return list, err
}
