// Package scriptdb is the SQLite database that one script has for itself: one file, of
// which no statement leads out, with limits on its size, on the time of a statement and
// on the length of an answer.
//
//	db := scriptdb.New(scriptdb.Options{Path: "data/sql/irc.db", MaxSize: 50 << 20, Time: 5 * time.Second, MaxAnswer: 16 << 20})
//	rows, err := db.Query(ctx, "SELECT nick FROM users WHERE room = ?", []any{room})
//	tx, err := db.Begin(ctx)
//	…
//	err = tx.End(ctx, true)
//
// Statements that read run side by side, on what was committed last. Those that write
// come one after the other, and wait for a transaction that is open.
package scriptdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"bridgehost/diag"
)

// Options say where the file is and what may be done with it. Path, MaxSize, Time and MaxAnswer are required.
type Options struct {
	Path      string           // made with mode 0600 at the first statement, its folder with 0700
	MaxSize   int64            // bytes of the file
	Quota     func() int64     // fewer bytes, as they are when the file is opened; nil: MaxSize counts
	Time      time.Duration    // computing of one statement
	MaxAnswer int              // bytes of one answer's values
	Normal    bool             // what was committed survives kill -9, and not always a power cut; else that, too
	Clock     clockwork.Clock  // by which writers wait for each other; nil: the real one
	Computing func() time.Time // real time, also where time.Now is virtual; nil: time.Now
}

// What everybody may use.
const (
	MaxValue     = 256 << 10        // bytes of one value, and of one row: some of SQLite's functions take the square of it
	MaxStatement = 256 << 10        // bytes of SQL
	MaxParams    = 1000             // of one statement
	MaxRows      = 10_000           // of one answer
	MaxWait      = 10 * time.Second // for a transaction that is open
	readers      = 2
	pageSize     = 4096
)

// DB is the database. All methods may be called from many goroutines at once.
type DB struct {
	o Options

	mu      sync.Mutex
	opened  bool
	closed  bool
	writer  chan *conn // holds the connection that writes while nobody uses it
	readers chan *conn
}

// New makes a database; nothing is opened before the first statement.
func New(o Options) *DB {
	if o.Clock == nil {
		o.Clock = clockwork.NewRealClock()
	}
	if o.Computing == nil {
		o.Computing = time.Now
	}
	return &DB{o: o, writer: make(chan *conn, 1), readers: make(chan *conn, readers)}
}

// most is how many bytes the file may have.
func (db *DB) most() int64 {
	if db.o.Quota == nil {
		return db.o.MaxSize
	}
	return min(db.o.MaxSize, db.o.Quota())
}

// Close waits for the statements under way, and for an open transaction, and closes the file.
func (db *DB) Close() {
	db.mu.Lock()
	opened := db.opened && !db.closed
	db.closed = true
	db.mu.Unlock()
	if !opened {
		return
	}
	for range readers {
		(<-db.readers).close()
	}
	(<-db.writer).close() // the last one puts what stands in the log into the file
	close(db.readers)
	close(db.writer)
}

// open opens the file when that has not been done.
func (db *DB) open() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	switch {
	case db.closed:
		return errClosed()
	case db.opened:
		return nil
	}
	writer, err := db.openWriter()
	if err != nil {
		return db.explain(err, nil, "open the database")
	}
	conns := []*conn{writer}
	for range readers {
		c, err := openConn(db.o.Path, db.o.Computing)
		if err == nil {
			conns = append(conns, c)
			err = c.setUp("PRAGMA query_only = 1")
			c.reader = true
		}
		if err != nil {
			for _, c := range conns {
				c.close()
			}
			return db.explain(err, nil, "open the database")
		}
	}
	db.opened = true
	db.writer <- writer
	for _, c := range conns[1:] {
		db.readers <- c
	}
	return nil
}

// openWriter opens the connection that writes, and makes the file if need be.
func (db *DB) openWriter() (*conn, error) {
	if err := os.MkdirAll(filepath.Dir(db.o.Path), 0o700); err != nil {
		return nil, err
	}
	// Made here, so that it never exists with other rights; SQLite gives its companions
	// (-wal, -shm) the rights of the file.
	f, err := os.OpenFile(db.o.Path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	c, err := openConn(db.o.Path, db.o.Computing)
	if err != nil {
		return nil, err
	}
	synchronous := "FULL"
	if db.o.Normal {
		synchronous = "NORMAL"
	}
	// Without cache_spill what a transaction changes is written once, at its end: else the
	// log could grow beyond any limit.
	err = c.setUp("PRAGMA auto_vacuum = INCREMENTAL", "PRAGMA journal_mode = WAL", "PRAGMA synchronous = "+synchronous, "PRAGMA foreign_keys = 1",
		"PRAGMA cache_spill = 0", "PRAGMA journal_size_limit = 4194304", fmt.Sprintf("PRAGMA max_page_count = %d", max(db.most()/pageSize, 1)))
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// setUp runs statements of the host's own.
func (c *conn) setUp(statements ...string) error {
	for _, s := range statements {
		if _, err := c.run(s, nil, answerLimits{MaxRows, MaxValue}, true); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// Answer is what a statement came to.
type Answer struct {
	Columns []string
	Rows    [][]any // of nil, int64, float64, string and []byte
	Changes int64   // rows of the script's own tables that were changed
	LastID  int64   // of the row that was added last; 0 when none was
}

// Query runs a statement that gives rows. args are nil, int64, float64, string or []byte.
// Errors are *diag.Error.
func (db *DB) Query(ctx context.Context, statement string, args []any) (*Answer, error) {
	c, err := db.take(ctx, db.readers)
	if err != nil {
		return nil, err
	}
	a, err := db.statement(ctx, c, statement, args)
	db.readers <- c
	if errors.Is(err, errWrites) {
		return db.Exec(ctx, statement, args)
	}
	return a, err
}

// Exec runs a statement that changes something, as a transaction of its own.
func (db *DB) Exec(ctx context.Context, statement string, args []any) (*Answer, error) {
	c, err := db.take(ctx, db.writer)
	if err != nil {
		return nil, err
	}
	defer func() { db.writer <- c }()
	return db.statement(ctx, c, statement, args)
}

// take waits for a connection.
func (db *DB) take(ctx context.Context, from chan *conn) (*conn, error) {
	if err := db.open(); err != nil {
		return nil, err
	}
	wait := db.o.Clock.NewTimer(MaxWait)
	defer wait.Stop()
	select {
	case c, ok := <-from:
		if !ok {
			return nil, errClosed()
		}
		return c, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-wait.Chan():
		return nil, &diag.Error{Kind: diag.KindTimeout, Code: "E_SQL_BUSY", Retryable: true,
			Message: fmt.Sprintf("a transaction of another handler was waited for, %v", MaxWait),
			Hint:    "do what waits (requests, sleep) before bridge.sql.tx and not inside it"}
	}
}

func errClosed() error {
	return &diag.Error{Kind: diag.KindStopping, Code: "E_CLOSED", Message: "the script's database is closed"}
}
