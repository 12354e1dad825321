package scriptdb

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// FuzzStatement runs any text as a statement, in all ways that a script has: no file appears,
// what the host set stays, and the database goes on.
func FuzzStatement(f *testing.F) {
	for _, a := range attacks {
		f.Add(a.statement)
	}
	for _, s := range []string{"SELECT 1 AS a", "INSERT INTO t VALUES (?)", "CREATE VIEW v AS SELECT a FROM t", "ALTER TABLE t ADD COLUMN b", "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c",
		"CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM t; END", "INSERT INTO notes (notes) VALUES ('optimize')", "SELECT json_group_array(a) AS j FROM t", "REINDEX", "ANALYZE"} {
		f.Add(s)
	}
	dir := f.TempDir()
	db := New(Options{Path: filepath.Join(dir, "sql", "irc.db"), MaxSize: 1 << 20, Time: 200 * time.Millisecond, MaxAnswer: 1 << 20, Computing: counting()})
	f.Cleanup(db.Close)
	for _, s := range []string{"CREATE TABLE t (a)", "CREATE VIRTUAL TABLE notes USING fts5 (body)"} {
		if _, err := db.Exec(f.Context(), s, nil); err != nil {
			f.Fatal(err)
		}
	}
	here, there := names(f, "."), names(f, dir)
	f.Fuzz(func(t *testing.T, statement string) {
		args := make([]any, min(strings.Count(statement, "?"), 3))
		_, _ = db.Query(t.Context(), statement, args) // what comes of it is the statement's own affair
		_, _ = db.Exec(t.Context(), statement, args)
		tx, err := db.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = tx.Run(t.Context(), statement, args)
		_ = tx.Script(t.Context(), statement)
		if tx.c.inTransaction() {
			a, err := tx.c.run("PRAGMA max_page_count", nil, answerLimits{1, 100}, true)
			if err != nil || a.Rows[0][0] != int64(256) {
				t.Errorf("max_page_count: %v %v", a, err)
			}
		}
		if err := tx.End(false); err != nil {
			t.Error(err)
		}
		if a, err := db.Query(t.Context(), "SELECT 1 AS a", nil); err != nil || a.Rows[0][0] != int64(1) {
			t.Errorf("afterwards: %v %v", a, err)
		}
		if now := names(t, dir); !slices.Equal(now, there) {
			t.Errorf("there are files %v, before %v", now, there)
		}
		if now := names(t, "."); !slices.Equal(now, here) {
			t.Errorf("here are files %v, before %v", now, here)
		}
	})
}
