package scriptdb

import (
	"errors"
	"fmt"
	"strings"

	sqlite3 "modernc.org/sqlite/lib"

	"bridgehost/diag"
)

// explain is an error as people read it. c is the connection that the statement ran on, or nil.
func (db *DB) explain(err error, c *conn, statement string) error {
	var known *diag.Error
	if err == nil || errors.Is(err, errWrites) || errors.As(err, &known) {
		return err
	}
	e := &diag.Error{Kind: diag.KindScript, Code: "E_SQL", Message: err.Error() + " (" + excerpt(statement) + ")", Cause: err}
	var said *sqlError
	if !errors.As(err, &said) {
		e.Kind = diag.KindFS // the folder or the file could not be made
		return e
	}
	switch {
	case c != nil && c.late:
		e.Kind, e.Code, e.Message = diag.KindLimit, "E_SQL_TIME", fmt.Sprintf("a statement took longer than %v (%s)", db.o.Time, excerpt(statement))
		e.Hint = "does it need an index? The limit is cpu in [scripts.limits]"
	case c != nil && c.refused != "":
		e.Kind, e.Code, e.Message = diag.KindPermission, "E_SQL_DENIED", c.refused+" is not allowed in bridge.sql ("+excerpt(statement)+")"
		e.Hint = c.hint
	case said.primary() == sqlite3.SQLITE_CONSTRAINT:
		e.Code = "E_SQL_CONSTRAINT"
	case said.primary() == sqlite3.SQLITE_FULL:
		e.Kind, e.Code = diag.KindLimit, "E_SQL_FULL"
		e.Message = fmt.Sprintf("the database has no room: %d KB are allowed, or the disk is full (%s)", db.most()>>10, excerpt(statement))
		e.Hint = "delete what is old; the limit is sql in [scripts.limits]"
	case said.primary() == sqlite3.SQLITE_TOOBIG:
		e.Kind, e.Code = diag.KindLimit, "E_TOO_LONG"
		e.Message = fmt.Sprintf("a value, a row or a statement has more than %d bytes (%s)", MaxValue, excerpt(statement))
	case said.primary() == sqlite3.SQLITE_BUSY:
		e.Kind, e.Code, e.Retryable = diag.KindTimeout, "E_SQL_BUSY", true
	case said.primary() == sqlite3.SQLITE_NOTADB || said.primary() == sqlite3.SQLITE_CORRUPT:
		e.Kind = diag.KindFS
		e.Hint = "the file " + db.o.Path + " is damaged: put a backup in its place, or move it away"
	}
	return e
}

// excerpt is the beginning of a statement, in one line.
func excerpt(statement string) string {
	const most = 80
	s := strings.Join(strings.Fields(strings.ToValidUTF8(statement[:min(len(statement), 4*most)], "")), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

func wrong(message string) error {
	return &diag.Error{Kind: diag.KindUsage, Code: "E_ARGUMENT", Message: message}
}

func tooLong(message string) error {
	return &diag.Error{Kind: diag.KindLimit, Code: "E_TOO_LONG", Message: message, Hint: "ask for fewer rows or columns, with WHERE and LIMIT"}
}
