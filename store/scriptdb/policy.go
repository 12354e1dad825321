package scriptdb

import (
	"fmt"
	"strings"

	sqlite3 "modernc.org/sqlite/lib"
)

// policy is what SQLite asks while it compiles a statement. What is not allowed here does
// not exist for scripts.
type policy struct {
	own      bool   // the statement is the host's
	refused  string // what was not allowed, in words
	hint     string
	writes   bool // the statement changes rows of the script's tables
	inserted bool // and adds some
	slow     int  // calls of slow functions in it
}

// MigrationsTable remembers which steps were applied; scripts can read it.
const MigrationsTable = "bridge_migrations"

// allowedPragmas tell about the file, check it, or set a number that SQLite does not look at.
var allowedPragmas = map[string]bool{
	"table_info": true, "table_xinfo": true, "table_list": true, "index_list": true, "index_info": true, "index_xinfo": true,
	"foreign_key_list": true, "foreign_key_check": true, "integrity_check": true, "quick_check": true,
	"user_version": true, "application_id": true, "page_count": true, "page_size": true, "freelist_count": true,
	"data_version": true, "incremental_vacuum": true, "optimize": true,
}

// onlyRead are those of them that may be asked and not set.
var onlyRead = map[string]bool{"page_size": true, "page_count": true, "freelist_count": true, "data_version": true}

// allowedModules are the virtual tables that keep their data in the file.
var allowedModules = map[string]bool{"fts5": true, "fts5vocab": true, "rtree": true, "rtree_i32": true}

// refusedFunctions reach outside, in SQLite itself or in builds of it with extras.
var refusedFunctions = map[string]bool{
	"load_extension": true, "fts3_tokenizer": true, "readfile": true, "writefile": true, "edit": true, "lsdir": true, "fsdir": true,
	"zipfile": true, "sqlar_compress": true, "sqlar_uncompress": true,
}

// slowFunctions take the square of a length, and no interruption: there may be maxSlow of
// them in a statement, between two looks at the clock.
var slowFunctions = map[string]bool{"instr": true, "replace": true, "trim": true, "ltrim": true, "rtrim": true, "json_patch": true, "jsonb_patch": true}

const maxSlow = 8

// temporary things are of a connection and not of the file.
var temporary = map[int32]string{
	sqlite3.SQLITE_CREATE_TEMP_TABLE: "table", sqlite3.SQLITE_CREATE_TEMP_VIEW: "view",
	sqlite3.SQLITE_CREATE_TEMP_INDEX: "index", sqlite3.SQLITE_CREATE_TEMP_TRIGGER: "trigger",
}

// allow answers SQLite's question. a, b and database mean what SQLite's documentation of
// sqlite3_set_authorizer says.
func (p *policy) allow(action int32, a, b, database string) int32 {
	if p.own {
		return sqlite3.SQLITE_OK
	}
	if what := temporary[action]; what != "" {
		return p.refuse("a temporary "+what, "make an ordinary one, or read the rows into Lua")
	}
	if database == "temp" && (a == "sqlite_temp_master" || a == "sqlite_temp_schema") && (action == sqlite3.SQLITE_READ || action == sqlite3.SQLITE_UPDATE) {
		return sqlite3.SQLITE_OK // ALTER TABLE looks for temporary triggers, of which there are none
	}
	if database != "" && database != "main" && action != sqlite3.SQLITE_FUNCTION {
		return p.refuse(fmt.Sprintf("the database %q", database), "a script has one database, main")
	}
	switch action {
	case sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE, sqlite3.SQLITE_ANALYZE, sqlite3.SQLITE_REINDEX,
		sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_CREATE_INDEX, sqlite3.SQLITE_CREATE_VIEW, sqlite3.SQLITE_CREATE_TRIGGER,
		sqlite3.SQLITE_DROP_INDEX, sqlite3.SQLITE_DROP_VIEW, sqlite3.SQLITE_DROP_TRIGGER:
		return sqlite3.SQLITE_OK
	case sqlite3.SQLITE_READ:
		return p.table(a, false)
	case sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE:
		if !strings.HasPrefix(a, "sqlite_") {
			p.writes = true
			p.inserted = p.inserted || action == sqlite3.SQLITE_INSERT
		}
		return p.table(a, true)
	case sqlite3.SQLITE_DROP_TABLE, sqlite3.SQLITE_DROP_VTABLE:
		return p.table(a, true)
	case sqlite3.SQLITE_ALTER_TABLE: // a is the database
		if a != "main" {
			return p.refuse(fmt.Sprintf("the database %q", a), "")
		}
		return p.table(b, true)
	case sqlite3.SQLITE_CREATE_VTABLE:
		if allowedModules[strings.ToLower(b)] {
			return sqlite3.SQLITE_OK
		}
		return p.refuse("a virtual table of "+b, "there are fts5 and rtree")
	case sqlite3.SQLITE_FUNCTION:
		return p.function(strings.ToLower(b))
	case sqlite3.SQLITE_PRAGMA:
		name := strings.ToLower(a)
		if allowedPragmas[name] && (b == "" || !onlyRead[name]) {
			return sqlite3.SQLITE_OK
		}
		return p.refuse("PRAGMA "+a, "the host decides how the file is kept")
	case sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT:
		return p.refuse(a, "bridge.sql.tx makes transactions")
	case sqlite3.SQLITE_ATTACH:
		return p.refuse("another database file", "a script has one database; VACUUM needs a second one, too: PRAGMA incremental_vacuum makes the file smaller")
	case sqlite3.SQLITE_DETACH:
		return p.refuse("DETACH", "a script has one database")
	}
	return p.refuse(fmt.Sprintf("what SQLite calls action %d", action), "")
}

// function allows those that stay inside, and few of those that are slow.
func (p *policy) function(name string) int32 {
	if refusedFunctions[name] {
		return p.refuse("the function "+name, "")
	}
	if slowFunctions[name] {
		if p.slow++; p.slow > maxSlow {
			return p.refuse(fmt.Sprintf("more than %d calls of instr, replace, trim and json_patch in one statement", maxSlow), "do it in Lua, or in several statements")
		}
	}
	return sqlite3.SQLITE_OK
}

// table allows reading and writing but for tables that are the host's or SQLite's own view of the file.
func (p *policy) table(name string, write bool) int32 {
	switch strings.ToLower(name) {
	case "sqlite_dbpage", "dbstat":
		return p.refuse("the table "+name, "")
	case MigrationsTable:
		if write {
			return p.refuse("changing "+MigrationsTable, "bridge.sql.migrate keeps it")
		}
	}
	return sqlite3.SQLITE_OK
}

func (p *policy) refuse(what, hint string) int32 {
	if p.refused == "" {
		p.refused, p.hint = what, hint
	}
	return sqlite3.SQLITE_DENY
}

// begin forgets what the statement before was about.
func (p *policy) begin(own bool) { *p = policy{own: own} }
