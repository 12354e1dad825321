package scriptdb

import (
	"runtime"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// conn is one connection of SQLite, as its own C interface has it: database/sql and the
// driver know neither the end of a statement's text nor how to end one that has given a
// row, and make times of what is text. One goroutine at a time may use it.
type conn struct {
	tls *libc.TLS
	db  uintptr
	policy
	reader bool // for statements that read

	deadline  time.Time // of computing, by computing's clock
	computing func() time.Time
	stop      *atomic.Bool // the statement's context has ended
	late      bool         // the statement was ended by its deadline

	// SQLite keeps pointers to these.
	authorize func(tls *libc.TLS, arg uintptr, action int32, z1, z2, z3, z4 uintptr) int32
	progress  func(tls *libc.TLS, arg uintptr) int32
}

// How many steps of its machine SQLite makes between two looks at the clock.
const (
	pollEvery     = 100
	pollEverySlow = 10 // in statements with slow functions
)

// sqlLimits are what SQLite itself refuses.
var sqlLimits = []struct{ id, most int32 }{
	{sqlite3.SQLITE_LIMIT_ATTACHED, 0},
	{sqlite3.SQLITE_LIMIT_LENGTH, MaxValue},
	{sqlite3.SQLITE_LIMIT_SQL_LENGTH, MaxStatement},
	{sqlite3.SQLITE_LIMIT_COLUMN, 200},
	{sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 200},
	{sqlite3.SQLITE_LIMIT_COMPOUND_SELECT, 100},
	{sqlite3.SQLITE_LIMIT_VDBE_OP, 100_000},
	{sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000},
	{sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, MaxParams},
	{sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 50},
	{sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0},
}

// openConn opens the file, which exists, with everything set that keeps statements in it.
func openConn(path string, computing func() time.Time) (_ *conn, err error) {
	c := &conn{tls: libc.NewTLS(), computing: computing}
	name, err := libc.CString(path)
	if err != nil {
		c.tls.Close()
		return nil, err
	}
	defer libc.Xfree(c.tls, name)
	out := c.tls.Alloc(int(unsafe.Sizeof(c.db)))
	defer c.tls.Free(int(unsafe.Sizeof(c.db)))
	const flags = sqlite3.SQLITE_OPEN_READWRITE | sqlite3.SQLITE_OPEN_NOMUTEX | sqlite3.SQLITE_OPEN_EXRESCODE
	rc := sqlite3.Xsqlite3_open_v2(c.tls, name, out, flags, 0)
	c.db = *at[uintptr](out)
	if rc != sqlite3.SQLITE_OK {
		err = c.failed(rc)
		c.close()
		return nil, err
	}
	c.harden()
	return c, nil
}

// harden switches off what SQLite can do beyond one file.
func (c *conn) harden() {
	for _, l := range sqlLimits {
		sqlite3.Xsqlite3_limit(c.tls, c.db, l.id, l.most)
	}
	for _, set := range []struct{ op, on int32 }{
		{sqlite3.SQLITE_DBCONFIG_DEFENSIVE, 1}, {sqlite3.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
		{sqlite3.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0}, {sqlite3.SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0},
		{sqlite3.SQLITE_DBCONFIG_DQS_DML, 0}, {sqlite3.SQLITE_DBCONFIG_DQS_DDL, 0},
		{sqlite3.SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0},
	} {
		const slot = 8 // of one argument in libc's list of them
		args := c.tls.Alloc(2 * slot)
		sqlite3.Xsqlite3_db_config(c.tls, c.db, set.op, libc.VaList(args, set.on, uintptr(0)))
		c.tls.Free(2 * slot)
	}
	c.authorize = func(_ *libc.TLS, _ uintptr, action int32, z1, z2, z3, _ uintptr) int32 {
		return c.allow(action, goString(z1), goString(z2), goString(z3))
	}
	sqlite3.Xsqlite3_set_authorizer(c.tls, c.db, functionPointer(c.authorize), 0)
	c.progress = func(*libc.TLS, uintptr) int32 {
		if c.late = c.late || !c.deadline.IsZero() && c.computing().After(c.deadline); c.late || c.stop != nil && c.stop.Load() {
			return 1
		}
		return 0
	}
}

// poll sets how often the statement that was prepared looks at the clock.
func (c *conn) poll() {
	every := int32(pollEvery)
	if c.slow > 0 {
		every = pollEverySlow
	}
	sqlite3.Xsqlite3_progress_handler(c.tls, c.db, every, functionPointer(c.progress), 0)
}

func (c *conn) close() {
	sqlite3.Xsqlite3_close_v2(c.tls, c.db)
	c.tls.Close()
	runtime.KeepAlive(c)
}

// functionPointer is a Go function as the translated C calls it. Whoever passes it keeps f.
func functionPointer[T any](f T) uintptr { return *(*uintptr)(unsafe.Pointer(&struct{ f T }{f})) }

func goString(p uintptr) string {
	if p == 0 {
		return ""
	}
	return libc.GoString(p)
}

// at is what lies at an address of SQLite's memory, which Go's collector knows nothing of.
func at[T any](p uintptr) *T { return (*T)(*(*unsafe.Pointer)(unsafe.Pointer(&p))) }

// bytesAt copies n bytes of SQLite's memory.
func bytesAt(p uintptr, n int32) []byte {
	if p == 0 || n <= 0 {
		return []byte{}
	}
	return slices.Clone(libc.GoBytes(p, int(n)))
}

// sqlError is what SQLite said.
type sqlError struct {
	code    int32 // extended
	message string
}

func (e *sqlError) Error() string { return e.message }

func (e *sqlError) primary() int32 { return e.code & 0xff }

func (c *conn) failed(rc int32) error {
	return &sqlError{rc, goString(sqlite3.Xsqlite3_errmsg(c.tls, c.db))}
}

// inTransaction tells whether BEGIN has had no end yet; SQLite ends one by itself after some errors.
func (c *conn) inTransaction() bool { return sqlite3.Xsqlite3_get_autocommit(c.tls, c.db) == 0 }
