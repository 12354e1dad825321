package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"modernc.org/sqlite"
)

// conn is one SQLite connection with the statements it has prepared. It talks to
// the driver without database/sql, whose pool and scanning cost as much as a small
// insert. One goroutine at a time may use it.
type conn struct {
	c     driver.Conn
	stmts map[string]driver.Stmt
	args  []driver.NamedValue // reused by every call
}

// background never ends, so the driver starts no watcher for it.
var background = context.Background()

func openConn(path string, readOnly bool, synchronous string) (*conn, error) {
	q := url.Values{}
	q.Set("_busy_timeout", "10000")
	q.Set("_foreign_keys", "1")
	q.Set("_synchronous", synchronous)
	if readOnly {
		q.Set("_query_only", "1")
	} else {
		q.Set("_journal_mode", "WAL")
	}
	uri := (&url.URL{Scheme: "file", OmitHost: true, Path: path}).String()
	dc, err := (&sqlite.Driver{}).Open(uri + "?" + q.Encode())
	if err != nil {
		return nil, err
	}
	return &conn{c: dc, stmts: map[string]driver.Stmt{}}, nil
}

func (c *conn) close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.c.Close())...)
}

func (c *conn) stmt(query string) (driver.Stmt, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	s, err := c.c.Prepare(query)
	if err != nil {
		return nil, err
	}
	c.stmts[query] = s
	return s, nil
}

// bind makes the driver's arguments. What values may hold: nil, int64, int, bool,
// string, []byte (nil becomes NULL), time.Time (milliseconds, zero time: 0).
func (c *conn) bind(values []any) []driver.NamedValue {
	c.args = c.args[:0]
	for i, v := range values {
		switch x := v.(type) {
		case int:
			v = int64(x)
		case bool:
			if v = int64(0); x {
				v = int64(1)
			}
		case time.Time:
			v = millis(x)
		case []byte:
			if x == nil {
				v = nil
			}
		}
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return c.args
}

// exec runs one statement and tells how many rows it changed.
func (c *conn) exec(query string, values ...any) (int64, error) {
	s, err := c.stmt(query)
	if err != nil {
		return 0, err
	}
	r, err := s.(driver.StmtExecContext).ExecContext(background, c.bind(values))
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// runScript runs several statements at once, unprepared; for migrations and pragmas.
func (c *conn) runScript(text string) error {
	_, err := c.c.(driver.ExecerContext).ExecContext(background, text, nil)
	return err
}

// query calls f with each row; its columns are valid after the call, too.
func (c *conn) query(f func(row) error, query string, values ...any) (err error) {
	s, err := c.stmt(query)
	if err != nil {
		return err
	}
	rows, err := s.(driver.StmtQueryContext).QueryContext(background, c.bind(values))
	if err != nil {
		return err
	}
	defer func() {
		if e := rows.Close(); err == nil {
			err = e
		}
	}()
	r := make(row, len(rows.Columns()))
	for {
		switch err := rows.Next(r); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := f(r); err != nil {
			if errors.Is(err, errEnough) {
				return nil
			}
			return err
		}
	}
}

// errEnough ends a query early.
var errEnough = errors.New("enough rows")

// one fills the row's columns with f when there is a row, and tells whether there was.
func (c *conn) one(f func(row), query string, values ...any) (found bool, err error) {
	err = c.query(func(r row) error { found = true; f(r); return errEnough }, query, values...)
	return found, err
}

// row is one row of an answer. The getters turn NULL into the zero value.
type row []driver.Value

func (r row) int(i int) int64 {
	switch v := r[i].(type) {
	case int64:
		return v
	case float64:
		return int64(v)
	}
	return 0
}

func (r row) str(i int) string {
	switch v := r[i].(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}

// bytes gives a NULL as nil and an empty blob as an empty slice.
func (r row) bytes(i int) []byte {
	switch v := r[i].(type) {
	case string:
		return []byte(v)
	case []byte:
		if v == nil {
			return []byte{}
		}
		return v
	}
	return nil
}

func (r row) bool(i int) bool { return r.int(i) != 0 }

func (r row) time(i int) time.Time { return fromMillis(r.int(i)) }

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// pragmaInt reads a pragma that answers one number.
func (c *conn) pragmaInt(name string) (n int64, err error) {
	found, err := c.one(func(r row) { n = r.int(0) }, "PRAGMA "+name)
	if err == nil && !found {
		err = fmt.Errorf("PRAGMA %s: no answer", name)
	}
	return n, err
}
