package scriptdb

import (
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// text is a statement's text in SQLite's memory, of which a part may have been prepared.
type text struct {
	c           *conn
	start, rest uintptr
}

func (c *conn) text(s string) (*text, error) {
	p, err := libc.CString(s)
	return &text{c, p, p}, err
}

func (t *text) free() { libc.Xfree(t.c.tls, t.start) }

// stmt is one prepared statement.
type stmt struct {
	c *conn
	p uintptr
}

// next prepares the next statement of the text; nil: there is none left.
func (t *text) next() (*stmt, error) {
	const word = int(unsafe.Sizeof(uintptr(0)))
	out := t.c.tls.Alloc(2 * word)
	defer t.c.tls.Free(2 * word)
	for *at[byte](t.rest) != 0 {
		rc := sqlite3.Xsqlite3_prepare_v2(t.c.tls, t.c.db, t.rest, -1, out, out+uintptr(word))
		if rc != sqlite3.SQLITE_OK {
			return nil, t.c.failed(rc)
		}
		t.rest = *at[uintptr](out + uintptr(word))
		if p := *at[uintptr](out); p != 0 { // 0: a comment
			return &stmt{t.c, p}, nil
		}
	}
	return nil, nil
}

func (s *stmt) close() { sqlite3.Xsqlite3_finalize(s.c.tls, s.p) }

func (s *stmt) params() int { return int(sqlite3.Xsqlite3_bind_parameter_count(s.c.tls, s.p)) }

func (s *stmt) readOnly() bool { return sqlite3.Xsqlite3_stmt_readonly(s.c.tls, s.p) != 0 }

// bind sets the i-th parameter, from 1: nil, int64, float64, string or []byte.
func (s *stmt) bind(i int, v any) error {
	var rc int32
	tls, n := s.c.tls, int32(i)
	switch x := v.(type) {
	case nil:
		rc = sqlite3.Xsqlite3_bind_null(tls, s.p, n)
	case int64:
		rc = sqlite3.Xsqlite3_bind_int64(tls, s.p, n, x)
	case float64:
		rc = sqlite3.Xsqlite3_bind_double(tls, s.p, n, x)
	case string:
		rc = s.bindBytes(n, x, sqlite3.Xsqlite3_bind_text)
	case []byte:
		rc = s.bindBytes(n, string(x), sqlite3.Xsqlite3_bind_blob)
	}
	if rc != sqlite3.SQLITE_OK {
		return s.c.failed(rc)
	}
	return nil
}

// transient says that SQLite copies what is bound.
const transient = ^uintptr(0)

func (s *stmt) bindBytes(i int32, data string, bind func(tls *libc.TLS, stmt uintptr, i int32, p uintptr, n int32, free uintptr) int32) int32 {
	p, err := libc.CString(data)
	if err != nil {
		return sqlite3.SQLITE_NOMEM
	}
	defer libc.Xfree(s.c.tls, p)
	return bind(s.c.tls, s.p, i, p, int32(len(data)), transient)
}

// step goes to the next row; false: there is none left.
func (s *stmt) step() (bool, error) {
	switch rc := sqlite3.Xsqlite3_step(s.c.tls, s.p); rc {
	case sqlite3.SQLITE_ROW:
		return true, nil
	case sqlite3.SQLITE_DONE:
		return false, nil
	default:
		return false, s.c.failed(rc)
	}
}

func (s *stmt) columns() []string {
	names := make([]string, sqlite3.Xsqlite3_column_count(s.c.tls, s.p))
	for i := range names {
		names[i] = goString(sqlite3.Xsqlite3_column_name(s.c.tls, s.p, int32(i)))
	}
	return names
}

// value is a column of the row, and about how many bytes it takes: nil, int64, float64, string or []byte.
func (s *stmt) value(column int) (v any, size int) {
	tls, i := s.c.tls, int32(column)
	switch sqlite3.Xsqlite3_column_type(tls, s.p, i) {
	case sqlite3.SQLITE_INTEGER:
		return sqlite3.Xsqlite3_column_int64(tls, s.p, i), valueSize
	case sqlite3.SQLITE_FLOAT:
		return sqlite3.Xsqlite3_column_double(tls, s.p, i), valueSize
	case sqlite3.SQLITE_TEXT:
		p := sqlite3.Xsqlite3_column_text(tls, s.p, i)
		b := bytesAt(p, sqlite3.Xsqlite3_column_bytes(tls, s.p, i))
		return string(b), valueSize + len(b)
	case sqlite3.SQLITE_BLOB:
		p := sqlite3.Xsqlite3_column_blob(tls, s.p, i)
		b := bytesAt(p, sqlite3.Xsqlite3_column_bytes(tls, s.p, i))
		return b, valueSize + len(b)
	}
	return nil, valueSize
}

// valueSize is what a value takes beside its bytes.
const valueSize = 16
