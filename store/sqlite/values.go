package sqlite

import "time"

const ofScript = "script = (SELECT id FROM scripts WHERE name = ?)"

// Get returns a committed value, nil when there is none or it has expired at now.
func (db *DB) Get(script, store, key string, now time.Time) (value []byte, err error) {
	err = db.read(func(c *conn) error {
		_, err := c.one(func(r row) {
			if e := r.int(1); e == 0 || e > millis(now) {
				value = r.bytes(0)
			}
		}, "SELECT value, expires FROM script_values WHERE "+ofScript+" AND store = ? AND key = ?", script, blob(store), blob(key))
		return err
	})
	return value, err
}

// Keys lists the live keys of one store, in byte order.
func (db *DB) Keys(script, store string, now time.Time) (keys []string, err error) {
	err = db.read(func(c *conn) error {
		return c.query(func(r row) error { keys = append(keys, r.str(0)); return nil },
			"SELECT key FROM script_values WHERE "+ofScript+" AND store = ? AND (expires = 0 OR expires > ?) ORDER BY key",
			script, blob(store), now)
	})
	return keys, err
}

// CountKeys is how many live keys all stores of a script have. What the host keeps there
// for it (marks of once; their stores begin with NUL) does not count.
func (db *DB) CountKeys(script string, now time.Time) (n int, err error) {
	err = db.read(func(c *conn) error {
		_, err := c.one(func(r row) { n = int(r.int(0)) },
			"SELECT count(*) FROM script_values WHERE "+ofScript+" AND (expires = 0 OR expires > ?) AND substr(store, 1, 1) <> x'00'", script, now)
		return err
	})
	return n, err
}

// Size is how many bytes all live values of a script take, with their keys and stores' names.
func (db *DB) Size(script string, now time.Time) (n int64, err error) {
	err = db.read(func(c *conn) error {
		_, err := c.one(func(r row) { n = r.int(0) },
			"SELECT coalesce(sum(length(store) + length(key) + length(value)), 0) FROM script_values WHERE "+ofScript+" AND (expires = 0 OR expires > ?)",
			script, now)
		return err
	})
	return n, err
}
