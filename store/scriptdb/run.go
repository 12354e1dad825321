package scriptdb

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// errWrites is what a connection for reading says to a statement that writes.
var errWrites = errors.New("the statement writes")

// answerLimits is how much one answer may hold.
type answerLimits struct{ rows, bytes int }

// statement runs one of the script's statements on c and explains what goes wrong.
func (db *DB) statement(ctx context.Context, c *conn, statement string, args []any) (*Answer, error) {
	return db.guarded(ctx, c, statement, func() (*Answer, error) {
		return c.run(statement, args, answerLimits{MaxRows, db.o.MaxAnswer}, false)
	})
}

// guarded runs what ends with ctx, and with the time of one statement.
func (db *DB) guarded(ctx context.Context, c *conn, statement string, run func() (*Answer, error)) (*Answer, error) {
	stop := &atomic.Bool{}
	defer context.AfterFunc(ctx, func() { stop.Store(true) })()
	c.stop, c.late, c.deadline = stop, false, db.o.Computing().Add(db.o.Time)
	a, err := run()
	c.stop, c.deadline = nil, time.Time{}
	if err != nil && ctx.Err() != nil && !c.late {
		return nil, context.Cause(ctx)
	}
	return a, db.explain(err, c, statement)
}

// run prepares and runs one statement to its end.
func (c *conn) run(statement string, args []any, most answerLimits, own bool) (*Answer, error) {
	t, err := c.text(statement)
	if err != nil {
		return nil, err
	}
	defer t.free()
	c.begin(own)
	s, err := t.next()
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, wrong("a statement is expected, got an empty text")
	}
	defer s.close()
	if c.reader && !s.readOnly() {
		return nil, errWrites
	}
	if other, err := t.next(); err != nil {
		return nil, err
	} else if other != nil {
		other.close()
		return nil, wrong("one statement at a time is expected, got several")
	}
	if n := s.params(); n != len(args) {
		return nil, wrong(fmt.Sprintf("the statement has %d parameters, %d were given", n, len(args)))
	}
	for i, v := range args {
		if err := s.bind(i+1, v); err != nil {
			return nil, err
		}
	}
	return c.collect(s, most)
}

// runAll runs the statements of a text, which have no parameters.
func (c *conn) runAll(statements string, most answerLimits) error {
	t, err := c.text(statements)
	if err != nil {
		return err
	}
	defer t.free()
	for {
		c.begin(false)
		s, err := t.next()
		if err != nil || s == nil {
			return err
		}
		_, err = c.collect(s, most)
		s.close()
		if err != nil {
			return err
		}
	}
}

// collect reads all rows.
func (c *conn) collect(s *stmt, most answerLimits) (*Answer, error) {
	c.poll()
	a := &Answer{Columns: s.columns()}
	for i, name := range a.Columns {
		for _, other := range a.Columns[:i] {
			if name == other {
				return nil, wrong(fmt.Sprintf("two columns of the answer are called %q; name one of them with AS", name))
			}
		}
	}
	before := sqlite3.Xsqlite3_total_changes64(c.tls, c.db)
	size := 0
	for {
		more, err := s.step()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		if len(a.Rows) == most.rows {
			return nil, tooLong(fmt.Sprintf("the answer has more than %d rows", most.rows))
		}
		row := make([]any, len(a.Columns))
		for i := range row {
			var n int
			row[i], n = s.value(i)
			size += n
		}
		if size > most.bytes {
			return nil, tooLong(fmt.Sprintf("the answer has more than %d bytes", most.bytes))
		}
		a.Rows = append(a.Rows, row)
	}
	if c.writes && sqlite3.Xsqlite3_total_changes64(c.tls, c.db) != before {
		a.Changes = sqlite3.Xsqlite3_changes64(c.tls, c.db)
		if c.inserted {
			a.LastID = sqlite3.Xsqlite3_last_insert_rowid(c.tls, c.db)
		}
	}
	return a, nil
}
