package scriptdb

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// attacks try to leave the file, to change how it is kept, or what others in the process
// have. Each names what stops it.
var attacks = []struct{ statement, stopped string }{
	{"ATTACH 'OUT/x.db' AS x", "another database file is not allowed"},
	{"ATTACH 'file:OUT/x.db?mode=rwc' AS x", "another database file is not allowed"},
	{"ATTACH ':memory:' AS x", "another database file is not allowed"},
	{"ATTACH '' AS x", "another database file is not allowed"},
	{"ATTACH (SELECT 'OUT/x.db') AS x", "another database file is not allowed"},
	{"EXPLAIN ATTACH 'OUT/x.db' AS x", "another database file is not allowed"},
	{"DETACH main", "DETACH is not allowed"},
	{"VACUUM", "another database file is not allowed"},
	{"VACUUM INTO 'OUT/x.db'", "another database file is not allowed"},
	{"VACUUM main INTO 'OUT/x.db'", "another database file is not allowed"},
	{"SELECT load_extension('OUT/x.so') AS a", "load_extension"},
	{"SELECT load_extension('OUT/x.so', 'start') AS a", "load_extension"},
	{"SELECT readfile('/etc/passwd') AS a", "no such function: readfile"},
	{"SELECT writefile('OUT/x', 'y') AS a", "no such function: writefile"},
	{"SELECT edit('x', 'sh') AS a", "no such function: edit"},
	{"SELECT fts3_tokenizer('simple', x'0000000000000000') AS a", "fts3_tokenizer"},
	{"SELECT * FROM fsdir('/etc')", "no such table: fsdir"},
	{"PRAGMA temp_store_directory = 'OUT'", "PRAGMA temp_store_directory is not allowed"},
	{"PRAGMA data_store_directory = 'OUT'", "PRAGMA data_store_directory is not allowed"},
	{"PRAGMA writable_schema = 1", "PRAGMA writable_schema is not allowed"},
	{"PRAGMA writable_schema = RESET", "PRAGMA writable_schema is not allowed"},
	{"PRAGMA main.writable_schema(1)", "PRAGMA writable_schema is not allowed"},
	{"PRAGMA journal_mode = OFF", "PRAGMA journal_mode is not allowed"},
	{"PRAGMA journal_mode = DELETE", "PRAGMA journal_mode is not allowed"},
	{"PRAGMA max_page_count = 1000000", "PRAGMA max_page_count is not allowed"},
	{"PRAGMA Max_Page_Count(1000000)", "PRAGMA Max_Page_Count is not allowed"},
	{"PRAGMA page_size = 65536", "PRAGMA page_size is not allowed"},
	{"PRAGMA cache_size = -1000000", "PRAGMA cache_size is not allowed"},
	{"PRAGMA cache_spill = 1", "PRAGMA cache_spill is not allowed"},
	{"PRAGMA mmap_size = 1000000000", "PRAGMA mmap_size is not allowed"},
	{"PRAGMA hard_heap_limit = 1", "PRAGMA hard_heap_limit is not allowed"},
	{"PRAGMA soft_heap_limit = 1", "PRAGMA soft_heap_limit is not allowed"},
	{"PRAGMA synchronous = OFF", "PRAGMA synchronous is not allowed"},
	{"PRAGMA locking_mode = EXCLUSIVE", "PRAGMA locking_mode is not allowed"},
	{"PRAGMA temp_store = MEMORY", "PRAGMA temp_store is not allowed"},
	{"PRAGMA trusted_schema = 1", "PRAGMA trusted_schema is not allowed"},
	{"PRAGMA query_only = 0", "PRAGMA query_only is not allowed"},
	{"PRAGMA foreign_keys = 0", "PRAGMA foreign_keys is not allowed"},
	{"PRAGMA wal_autocheckpoint = 0", "PRAGMA wal_autocheckpoint is not allowed"},
	{"PRAGMA busy_timeout = 100000", "PRAGMA busy_timeout is not allowed"},
	{"PRAGMA schema_version = 7", "PRAGMA schema_version is not allowed"},
	{"PRAGMA database_list", "PRAGMA database_list is not allowed"},
	{"SELECT file FROM pragma_database_list", "PRAGMA database_list is not allowed"},
	{"SELECT * FROM pragma_writable_schema", "pragma_writable_schema"},
	{"INSERT INTO sqlite_master (type, name, tbl_name, rootpage, sql) VALUES ('table', 'x', 'x', 2, 'CREATE TABLE x (a)')", "sqlite_master may not be modified"},
	{"UPDATE sqlite_schema SET sql = 'nonsense'", "sqlite_master may not be modified"},
	{"DELETE FROM sqlite_master", "sqlite_master may not be modified"},
	{"SELECT data FROM sqlite_dbpage", "sqlite_dbpage is not allowed"},
	{"UPDATE sqlite_dbpage SET data = zeroblob(4096) WHERE pgno = 1", "sqlite_dbpage is not allowed"},
	{"SELECT * FROM dbstat", "dbstat is not allowed"},
	{"UPDATE notes_data SET block = x'00'", "notes_data may not be modified"},
	{"CREATE VIRTUAL TABLE x USING sqlite_dbpage", "a virtual table of sqlite_dbpage is not allowed"},
	{"CREATE VIRTUAL TABLE x USING csv (filename = '/etc/passwd')", "a virtual table of csv is not allowed"},
	{"CREATE VIRTUAL TABLE temp.x USING fts5 (a)", `the database "temp" is not allowed`},
	{"CREATE TEMP TABLE x (a)", "is not allowed"},
	{"CREATE TABLE temp.x (a)", "is not allowed"},
	{"CREATE TEMP VIEW x AS SELECT 1", "is not allowed"},
	{"CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END", "is not allowed"},
	{"CREATE TRIGGER x AFTER INSERT ON t BEGIN ATTACH 'OUT/x.db' AS x; END", "syntax error"},
	{"BEGIN", "BEGIN is not allowed"},
	{"BEGIN EXCLUSIVE", "BEGIN is not allowed"},
	{"COMMIT", "COMMIT is not allowed"},
	{"ROLLBACK", "ROLLBACK is not allowed"},
	{"SAVEPOINT x", "BEGIN is not allowed"},
	{"RELEASE x", "RELEASE is not allowed"},
	{"DELETE FROM bridge_migrations", "changing bridge_migrations is not allowed"},
	{"DROP TABLE Bridge_Migrations", "is not allowed"},
	{"ALTER TABLE bridge_migrations RENAME TO x", "changing bridge_migrations is not allowed"},
	{"SELECT 1 AS a; ATTACH 'OUT/x.db' AS x", "another database file is not allowed"},
	{"/**/ attach/**/'OUT/x.db'/**/as/**/x", "another database file is not allowed"},
	{"\ufeffATTACH 'OUT/x.db' AS x", "another database file is not allowed"},
}

// TestNoStatementLeavesTheFile runs each of them in all ways that a script has.
func TestNoStatementLeavesTheFile(t *testing.T) {
	db := open(t, Options{})
	dir := filepath.Dir(filepath.Dir(db.o.Path))
	exec(t, db, "CREATE TABLE t (a)")
	exec(t, db, "INSERT INTO t VALUES ('kept')")
	exec(t, db, "CREATE VIRTUAL TABLE notes USING fts5 (body)")
	tx, err := db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Applied(); err != nil {
		t.Fatal(err)
	}
	if err := tx.Remember(1, "x"); err != nil {
		t.Fatal(err)
	}
	if err := tx.End(true); err != nil {
		t.Fatal(err)
	}
	before := names(t, dir)
	out := 0
	for _, a := range attacks {
		statement := strings.ReplaceAll(a.statement, "OUT", dir)
		ways := map[string]func() error{
			"query": func() error { _, err := db.Query(t.Context(), statement, nil); return err },
			"exec":  func() error { _, err := db.Exec(t.Context(), statement, nil); return err },
			"tx": func() error {
				return inside(t, db, func(tx *Tx) error { _, err := tx.Run(t.Context(), statement, nil); return err })
			},
			"migrate": func() error {
				return inside(t, db, func(tx *Tx) error { return tx.Script(t.Context(), "SELECT 1;"+statement) })
			},
		}
		for way, run := range ways {
			if way == "migrate" && strings.HasPrefix(statement, "\ufeff") {
				continue // a mark of order is one at the beginning only
			}
			err := run()
			stopped := a.stopped
			if strings.HasPrefix(statement, "VACUUM") && (way == "tx" || way == "migrate") {
				stopped = "cannot VACUUM from within a transaction"
			}
			if err == nil || !strings.Contains(err.Error(), stopped) {
				t.Errorf("%s by %s: %v; want %q", a.statement, way, err, stopped)
			}
			if err == nil {
				out++
			}
		}
		if now := names(t, dir); !slices.Equal(now, before) {
			t.Errorf("%s: there are files %v, before %v", a.statement, now, before)
			out++
		}
	}
	if got := query(t, db, "SELECT a FROM t"); len(got) != 1 || got[0][0] != "kept" {
		t.Errorf("what was there: %v", got)
	}
	if got := query(t, db, "PRAGMA integrity_check"); got[0][0] != "ok" {
		t.Errorf("integrity_check: %v", got)
	}
	t.Logf("%d statements, out: %d", len(attacks), out)
}

// inside runs f in a transaction that is taken back.
func inside(t *testing.T, db *DB, f func(*Tx) error) error {
	t.Helper()
	tx, err := db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tx.End(false); err != nil {
			t.Error(err)
		}
	}()
	return f(tx)
}

// names are all files below dir; what fuzzing itself writes is left out.
func names(t testing.TB, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if filepath.Base(p) == "testdata" {
			return filepath.SkipDir
		}
		all = append(all, p)
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return all
}
