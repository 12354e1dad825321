// Package sqlite keeps what survives a restart in one file, bridgehost.db: the
// inbox, what scripts wrote, effects, dead letters, generations, portals and
// ghosts, and what is known of rooms and users.
//
// One goroutine writes (writer), and everything that is ready shares its
// transaction. Reads use a few connections of their own; the order of the inbox
// and the rooms in use are kept in memory. Open → use → Close.
package sqlite

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"
	"modernc.org/sqlite"

	"bridgehost/delivery"
	"bridgehost/intent"
	"bridgehost/matrix"
	"bridgehost/portal"
)

// FileName is the database's name in the data folder.
const FileName = "bridgehost.db"

// Options say where and how the database is kept. Dir is required.
type Options struct {
	Dir        string                   // the data folder; made with mode 0700
	Durability string                   // "full" (also ""): on disk before an answer; "normal": survives kill -9, not always a power cut
	Owns       func(matrix.UserID) bool // users of our namespace, for OwnMembers
	MaxRooms   int                      // rooms kept in memory; 0: 10,000
	Clock      clockwork.Clock          // nil: the real one
	Log        hclog.Logger             // nil: none
}

// DB is the open database. All methods may be called from many goroutines at once.
type DB struct {
	opts    Options
	path    string
	secret  string
	clock   clockwork.Clock
	log     hclog.Logger
	unlock  func() error
	w       *writer
	readers chan *conn
	opened  int // of readers
	inbox   *inbox
	effects *effects
	txns    *recentTxns
	state   *state
	closing sync.Once
	closeOf error
}

var (
	_ delivery.Store    = (*DB)(nil)
	_ delivery.Values   = (*DB)(nil)
	_ intent.StateStore = (*DB)(nil)
	_ portal.Store      = (*DB)(nil)
)

// Errors of Open and of every write. They are wrapped with the details.
var (
	ErrInUse    = errors.New("the data folder is in use by another bridgehost")
	ErrNewer    = errors.New("the database was written by a newer bridgehost")
	ErrCorrupt  = errors.New("the database file is damaged")
	ErrFull     = errors.New("the disk is full")
	ErrClosed   = errors.New("the database is closed")
	ErrNotFound = errors.New("not found")
)

const readConns = 4

// Open opens or makes the database in o.Dir. Nobody else can open it until Close.
// Errors: ErrInUse, ErrNewer, ErrCorrupt, or what the file system says.
func Open(o Options) (_ *DB, err error) {
	if o.Clock == nil {
		o.Clock = clockwork.NewRealClock()
	}
	if o.Log == nil {
		o.Log = hclog.NewNullLogger()
	}
	if o.MaxRooms <= 0 {
		o.MaxRooms = 10_000
	}
	sync, ok := map[string]string{"": "FULL", "full": "FULL", "normal": "NORMAL"}[o.Durability]
	if !ok {
		return nil, fmt.Errorf("durability %q: expected \"full\" or \"normal\"", o.Durability)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	db := &DB{opts: o, path: filepath.Join(dir, FileName), clock: o.Clock, log: o.Log, readers: make(chan *conn, readConns)}
	if db.unlock, err = lockFile(db.path + ".lock"); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if err := db.open(sync); err != nil {
		err = fmt.Errorf("%s: %w", db.path, explain(err))
		return nil, errors.Join(err, db.release())
	}
	return db, nil
}

func (db *DB) open(synchronous string) error {
	// Made here, so that it never exists with other rights; SQLite gives its
	// companions (-wal, -shm) the rights of the file.
	f, err := os.OpenFile(db.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	c, err := openConn(db.path, false, synchronous)
	if err != nil {
		return err
	}
	w := startWriter(c)
	db.w = w
	defer func() {
		if err != nil {
			w.wg.Done() // its goroutine was never started
		}
	}()
	if err = migrate(c, migrations()); err != nil {
		return err
	}
	for range readConns {
		var r *conn
		if r, err = openConn(db.path, true, synchronous); err != nil {
			return err
		}
		db.opened++
		db.readers <- r
	}
	if err = db.load(c); err != nil {
		return err
	}
	go w.loop()
	return nil
}

// load reads what is kept in memory and makes what a new database needs.
func (db *DB) load(c *conn) (err error) {
	secret := make([]byte, 16)
	if _, err := rand.Read(secret); err != nil {
		return err
	}
	if _, err := c.exec("INSERT OR IGNORE INTO meta (key, value) VALUES ('secret', ?)", hex.EncodeToString(secret)); err != nil {
		return err
	}
	if _, err := c.one(func(r row) { db.secret = r.str(0) }, "SELECT value FROM meta WHERE key = 'secret'"); err != nil {
		return err
	}
	if _, err := c.one(func(r row) { db.w.seq = r.int(0) }, "SELECT value FROM meta WHERE key = 'seq'"); err != nil {
		return err
	}
	db.w.reserved = db.w.seq
	if db.inbox, err = loadInbox(c); err != nil {
		return err
	}
	if db.effects, err = loadEffects(c, db); err != nil {
		return err
	}
	if db.txns, err = loadTxns(c); err != nil {
		return err
	}
	db.state = newState(db)
	return nil
}

// Secret is a random text made with the database, for names that nobody may guess.
func (db *DB) Secret() string { return db.secret }

// Path is the database file.
func (db *DB) Path() string { return db.path }

// Close writes what is waiting to be written and closes the file.
func (db *DB) Close() error {
	db.closing.Do(func() {
		db.effects.close()
		flush := db.state.flush()
		db.w.close()
		db.closeOf = errors.Join(flush, db.release())
	})
	return db.closeOf
}

func (db *DB) release() error {
	var errs []error
	for range db.opened { // waits for reads under way
		errs = append(errs, (<-db.readers).close())
	}
	close(db.readers) // later reads are told ErrClosed
	if db.w != nil {
		errs = append(errs, db.w.conn.close())
	}
	if db.unlock != nil {
		errs = append(errs, db.unlock())
	}
	return errors.Join(errs...)
}

// read runs f on a connection for reading.
func (db *DB) read(f func(c *conn) error) error {
	c, ok := <-db.readers
	if !ok {
		return ErrClosed
	}
	defer func() { db.readers <- c }()
	return explain(f(c))
}

func (db *DB) write(ctx context.Context, run func(w *writer) error) error {
	return db.w.do(ctx, run, nil)
}

func (db *DB) now() time.Time { return db.clock.Now() }

// explain puts an error that people can act on before SQLite's own words.
func explain(err error) error {
	var e *sqlite.Error
	if err == nil || !errors.As(err, &e) {
		return err
	}
	for _, known := range []error{ErrFull, ErrCorrupt, ErrNewer} {
		if errors.Is(err, known) {
			return err
		}
	}
	const full, corrupt, notDB = 13, 11, 26 // SQLite's primary result codes
	switch e.Code() & 0xff {
	case full:
		return fmt.Errorf("%w; nothing of this step was kept: %w", ErrFull, err)
	case corrupt, notDB:
		return fmt.Errorf("%w; restore a backup or move the file away: %w", ErrCorrupt, err)
	}
	return err
}
