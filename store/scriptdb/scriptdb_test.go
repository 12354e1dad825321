package scriptdb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"bridgehost/diag"
)

func open(t *testing.T, o Options) *DB {
	t.Helper()
	o.MaxSize, o.Time, o.MaxAnswer = cmp.Or(o.MaxSize, 50<<20), cmp.Or(o.Time, 5*time.Second), cmp.Or(o.MaxAnswer, 16<<20)
	o.Path = filepath.Join(t.TempDir(), "sql", "irc.db")
	db := New(o)
	t.Cleanup(db.Close)
	return db
}

func exec(t *testing.T, db *DB, statement string, args ...any) *Answer {
	t.Helper()
	a, err := db.Exec(t.Context(), statement, args)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return a
}

func query(t *testing.T, db *DB, statement string, args ...any) [][]any {
	t.Helper()
	a, err := db.Query(t.Context(), statement, args)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return a.Rows
}

// counting is a time that goes on a millisecond with each look at it: so a limit is a number of steps.
func counting() func() time.Time {
	var n atomic.Int64
	return func() time.Time { return time.Unix(0, 0).Add(time.Duration(n.Add(1)) * time.Millisecond) }
}

// code is the code of an error, "" for none.
func code(err error) string {
	var e *diag.Error
	if errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestValuesComeBackAsTheyWent(t *testing.T) {
	db := open(t, Options{})
	for _, v := range []any{nil, int64(0), int64(math.MaxInt64), int64(math.MinInt64), 1.5, "", "grüße\x00x", []byte{}, []byte{0, 255, 1}} {
		if got := query(t, db, "SELECT ? AS v", v); !reflect.DeepEqual(got, [][]any{{v}}) {
			t.Errorf("%#v came back as %#v", v, got)
		}
	}
	exec(t, db, "CREATE TABLE t (at TIMESTAMP, d DATE)")
	exec(t, db, "INSERT INTO t VALUES ('2026-01-02 03:04:05', 'whenever')")
	if got := query(t, db, "SELECT at, d FROM t"); !reflect.DeepEqual(got, [][]any{{"2026-01-02 03:04:05", "whenever"}}) {
		t.Errorf("times are text: %#v", got)
	}
}

func TestExecTellsWhatChanged(t *testing.T) {
	db := open(t, Options{})
	for _, s := range []struct {
		statement       string
		changes, lastID int64
	}{
		{"CREATE TABLE t (id INTEGER PRIMARY KEY, v UNIQUE)", 0, 0},
		{"INSERT INTO t (v) VALUES ('a'), ('b')", 2, 2},
		{"INSERT INTO t (v) VALUES ('a') ON CONFLICT DO NOTHING", 0, 0},
		{"UPDATE t SET v = v || 'x'", 2, 0},
		{"CREATE INDEX i ON t (v)", 0, 0},
		{"SELECT 1", 0, 0},
		{"DELETE FROM t WHERE id = 1", 1, 0},
		{"ALTER TABLE t RENAME TO u", 0, 0},
		{"ALTER TABLE u ADD COLUMN w", 0, 0},
		{"DROP TABLE u", 0, 0},
	} {
		if a := exec(t, db, s.statement); a.Changes != s.changes || a.LastID != s.lastID {
			t.Errorf("%s: %d changes, last id %d; want %d, %d", s.statement, a.Changes, a.LastID, s.changes, s.lastID)
		}
	}
}

func TestQueryMayWriteAndSearch(t *testing.T) {
	db := open(t, Options{})
	exec(t, db, "CREATE VIRTUAL TABLE notes USING fts5 (body)")
	exec(t, db, "INSERT INTO notes (body) VALUES ('red apples')")
	exec(t, db, "CREATE TABLE t (id INTEGER PRIMARY KEY)")
	if got := query(t, db, "INSERT INTO t DEFAULT VALUES RETURNING id"); fmt.Sprint(got) != "[[1]]" {
		t.Errorf("returning: %v", got)
	}
	if got := query(t, db, "SELECT body FROM notes WHERE notes MATCH 'apples'"); fmt.Sprint(got) != "[[red apples]]" {
		t.Errorf("search: %v", got)
	}
	query(t, db, "PRAGMA table_info(notes)")
	query(t, db, "PRAGMA optimize")
	query(t, db, "PRAGMA incremental_vacuum")
	query(t, db, "PRAGMA user_version = 3")
	if got := query(t, db, "PRAGMA user_version"); fmt.Sprint(got) != "[[3]]" {
		t.Errorf("user_version: %v", got)
	}
}

func TestCommitsAreAsDurableAsWasAskedFor(t *testing.T) {
	for normal, want := range map[bool]int64{false: 2, true: 1} {
		db := open(t, Options{Normal: normal})
		tx, err := db.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for pragma, want := range map[string]any{"synchronous": want, "journal_mode": "wal", "foreign_keys": int64(1), "cache_spill": int64(0)} {
			if a, err := tx.c.run("PRAGMA "+pragma, nil, answerLimits{1, 100}, true); err != nil || a.Rows[0][0] != want {
				t.Errorf("normal %v: %s is %v %v, want %v", normal, pragma, a, err, want)
			}
		}
		if err := tx.End(false); err != nil {
			t.Error(err)
		}
	}
}

func TestFileIsForItsOwnerOnly(t *testing.T) {
	db := open(t, Options{})
	if _, err := os.Stat(db.o.Path); err == nil {
		t.Error("the file is there before the first statement")
	}
	exec(t, db, "CREATE TABLE t (a)")
	for _, p := range []string{db.o.Path, db.o.Path + "-wal"} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", p, info, err)
		}
	}
	db.Close()
	if _, err := db.Query(t.Context(), "SELECT 1", nil); code(err) != "E_CLOSED" {
		t.Errorf("after Close: %v", err)
	}
	if _, err := os.Stat(db.o.Path + "-wal"); err == nil {
		t.Error("the log is left after Close")
	}
}

func TestStatementsAreRefused(t *testing.T) {
	db := open(t, Options{})
	exec(t, db, "CREATE TABLE t (a INTEGER PRIMARY KEY, b NOT NULL CHECK (b <> 'no'))")
	exec(t, db, "INSERT INTO t VALUES (1, 'x')")
	for _, s := range []struct {
		statement, code, words string
		args                   []any
	}{
		{"SELEC 1", "E_SQL", `near "SELEC": syntax error`, nil},
		{"SELECT * FROM nowhere", "E_SQL", "no such table: nowhere", nil},
		{`SELECT "b'" FROM t`, "E_SQL", "no such column", nil},
		{"INSERT INTO t VALUES (1, 'y')", "E_SQL_CONSTRAINT", "UNIQUE", nil},
		{"INSERT INTO t VALUES (2, NULL)", "E_SQL_CONSTRAINT", "NOT NULL", nil},
		{"SELECT 1; SELECT 2", "E_ARGUMENT", "one statement", nil},
		{" -- nothing", "E_ARGUMENT", "empty", nil},
		{"SELECT ?", "E_ARGUMENT", "has 1 parameters, 0 were given", nil},
		{"SELECT 1", "E_ARGUMENT", "has 0 parameters, 1 were given", []any{"x"}},
		{"SELECT 1 AS a, 2 AS a", "E_ARGUMENT", `called "a"`, nil},
	} {
		_, err := db.Query(t.Context(), s.statement, s.args)
		if code(err) != s.code || !strings.Contains(err.Error(), s.words) {
			t.Errorf("%s: %v (%s), want %s, %s", s.statement, err, code(err), s.code, s.words)
		}
	}
}

func TestTransactions(t *testing.T) {
	db := open(t, Options{})
	exec(t, db, "CREATE TABLE t (a)")
	for _, commit := range []bool{false, true} {
		tx, err := db.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Run(t.Context(), "INSERT INTO t VALUES (1)", nil); err != nil {
			t.Fatal(err)
		}
		if got := query(t, db, "SELECT count(*) AS n FROM t"); fmt.Sprint(got) != "[[0]]" {
			t.Errorf("who is outside sees what is not committed: %v", got)
		}
		if a, err := tx.Run(t.Context(), "SELECT count(*) AS n FROM t", nil); err != nil || fmt.Sprint(a.Rows) != "[[1]]" {
			t.Errorf("inside: %v %v", a, err)
		}
		if err := tx.End(commit); err != nil {
			t.Fatal(err)
		}
		want := "[[0]]"
		if commit {
			want = "[[1]]"
		}
		if got := query(t, db, "SELECT count(*) AS n FROM t"); fmt.Sprint(got) != want {
			t.Errorf("commit %v: %v", commit, got)
		}
	}
}

func TestATransactionThatSQLiteEndedIsOver(t *testing.T) {
	db := open(t, Options{Computing: counting(), Time: 5 * time.Second})
	exec(t, db, "CREATE TABLE t (a)")
	tx, err := db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Run(t.Context(), "INSERT INTO t VALUES (1)", nil); err != nil {
		t.Fatal(err)
	}
	_, err = tx.Run(t.Context(), "INSERT INTO t WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c", nil)
	if code(err) != "E_SQL_TIME" {
		t.Fatalf("endless: %v", err)
	}
	if _, err = tx.Run(t.Context(), "INSERT INTO t VALUES (2)", nil); code(err) != "E_SQL" {
		t.Errorf("a statement after it: %v", err)
	}
	if err := tx.End(true); code(err) != "E_SQL" {
		t.Errorf("commit after it: %v", err)
	}
	if got := query(t, db, "SELECT count(*) AS n FROM t"); fmt.Sprint(got) != "[[0]]" {
		t.Errorf("kept: %v", got)
	}
}

func TestWritersWaitForATransaction(t *testing.T) {
	clock := clockwork.NewFakeClock()
	db := open(t, Options{Clock: clock})
	exec(t, db, "CREATE TABLE t (a)")
	tx, err := db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error)
	write := func(ctx context.Context) { _, err := db.Exec(ctx, "INSERT INTO t VALUES (1)", nil); failed <- err }
	go write(t.Context())
	if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	clock.Advance(MaxWait)
	var busy *diag.Error
	if err := <-failed; !errors.As(err, &busy) || busy.Code != "E_SQL_BUSY" || !busy.Retryable {
		t.Errorf("after %v: %v", MaxWait, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	go write(ctx)
	cancel(errors.New("the handler ended"))
	if err := <-failed; err == nil || err.Error() != "the handler ended" {
		t.Errorf("cancelled: %v", err)
	}
	go write(t.Context())
	if err := tx.End(true); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err != nil {
		t.Errorf("after the transaction: %v", err)
	}
}

// TestLimits runs into each of them.
func TestLimits(t *testing.T) {
	db := open(t, Options{MaxSize: 1 << 20, Computing: counting(), Time: 5 * time.Second, MaxAnswer: 2 << 20})
	exec(t, db, "CREATE TABLE t (a)")
	const endless = "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) "
	many := make([]any, MaxParams+1)
	for _, x := range []struct {
		name, statement, code string
		args                  []any
	}{
		{"time", endless + "SELECT count(*) AS n FROM c", "E_SQL_TIME", nil},
		{"time after a row", "SELECT 1 AS a UNION ALL SELECT * FROM (" + endless + "SELECT count(*) FROM c)", "E_SQL_TIME", nil},
		{"rows", endless + "SELECT n FROM c", "E_TOO_LONG", nil},
		{"bytes", endless + "SELECT zeroblob(100000) AS b FROM c", "E_TOO_LONG", nil},
		{"size of a value", "SELECT zeroblob(262145) AS b", "E_TOO_LONG", nil},
		{"size of a parameter", "SELECT ? AS b", "E_TOO_LONG", []any{strings.Repeat("x", MaxValue+1)}},
		{"length of a statement", "SELECT 1" + strings.Repeat(" ", MaxStatement), "E_TOO_LONG", nil},
		{"parameters", "SELECT 1 IN (?" + strings.Repeat(", ?", MaxParams) + ") AS a", "E_SQL", many},
		{"number of a parameter", "SELECT ?1001 AS a", "E_SQL", many},
		{"slow functions", "SELECT 1" + strings.Repeat(" + instr('a', 'b')", maxSlow+1) + " AS n", "E_SQL_DENIED", nil},
		{"columns", "SELECT 1" + strings.Repeat(", 1", 200), "E_SQL", nil},
		{"depth of an expression", "SELECT " + strings.Repeat("(1+", 300) + "1" + strings.Repeat(")", 300) + " AS a", "E_SQL", nil},
		{"selects in one statement", "SELECT 1 AS a" + strings.Repeat(" UNION ALL SELECT 1", 100), "E_SQL", nil},
		{"size of the file", "INSERT INTO t SELECT * FROM (WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 1000) SELECT zeroblob(10000) FROM c)", "E_SQL_FULL", nil},
	} {
		if _, err := db.Query(t.Context(), x.statement, x.args); code(err) != x.code {
			t.Errorf("%s: %v (%s), want %s", x.name, err, code(err), x.code)
		}
	}
	info, err := os.Stat(db.o.Path)
	if err != nil || info.Size() > 1<<20 {
		t.Errorf("the file: %v %v", info.Size(), err)
	}
	if wal, err := os.Stat(db.o.Path + "-wal"); err != nil || wal.Size() > 5<<20 {
		t.Errorf("the log: %v %v", wal.Size(), err)
	}
	query(t, db, "SELECT 1"+strings.Repeat(" + instr('a', 'b')", maxSlow)+" AS n")
	exec(t, db, "INSERT INTO t VALUES (1)") // it goes on
}

func TestAStatementEndsWithItsContext(t *testing.T) {
	db := open(t, Options{Time: time.Hour})
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error)
	go func() {
		_, err := db.Query(ctx, "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) AS n FROM c", nil)
		ended <- err
	}()
	cancel(errors.New("the handler ended"))
	if err := <-ended; err == nil || err.Error() != "the handler ended" {
		t.Error(err)
	}
}

func TestADamagedFileIsTold(t *testing.T) {
	db := open(t, Options{})
	if err := os.MkdirAll(filepath.Dir(db.o.Path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(db.o.Path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := db.Query(t.Context(), "SELECT 1 AS a", nil)
	var e *diag.Error
	if !errors.As(err, &e) || e.Kind != diag.KindFS || !strings.Contains(e.Hint, "damaged") {
		t.Errorf("%v", err)
	}
}
