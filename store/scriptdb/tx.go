package scriptdb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"bridgehost/diag"
)

// Tx is one open transaction. It is used by one goroutine at a time.
type Tx struct {
	db *DB
	c  *conn
}

// Begin opens a transaction, when no other is open: until its End nobody else writes.
func (db *DB) Begin(ctx context.Context) (*Tx, error) {
	c, err := db.take(ctx, db.writer)
	if err != nil {
		return nil, err
	}
	tx := &Tx{db, c}
	if err := tx.own("BEGIN IMMEDIATE"); err != nil {
		db.writer <- c
		return nil, err
	}
	return tx, nil
}

// Run runs one statement of the transaction.
func (tx *Tx) Run(ctx context.Context, statement string, args []any) (*Answer, error) {
	if err := tx.check(); err != nil {
		return nil, err
	}
	return tx.db.statement(ctx, tx.c, statement, args)
}

// Script runs the statements of a text, which have no parameters, within the time of one.
func (tx *Tx) Script(ctx context.Context, statements string) error {
	if err := tx.check(); err != nil {
		return err
	}
	_, err := tx.db.guarded(ctx, tx.c, statements, func() (*Answer, error) {
		return nil, tx.c.runAll(statements, answerLimits{MaxRows, tx.db.o.MaxAnswer})
	})
	return err
}

// check tells whether SQLite has ended the transaction by itself, as it does when a
// statement is cut off or the file is full.
func (tx *Tx) check() error {
	if tx.c.inTransaction() {
		return nil
	}
	return &diag.Error{Kind: diag.KindScript, Code: "E_SQL", Message: "the transaction was rolled back after an earlier error",
		Hint: "let the error pass through the function given to bridge.sql.tx, and begin again"}
}

// End makes what was changed durable, or takes it back. The transaction cannot be used
// afterwards, whatever comes back.
func (tx *Tx) End(commit bool) error {
	defer func() { tx.db.writer <- tx.c }()
	if commit {
		err := tx.check()
		if err == nil {
			err = tx.own("COMMIT")
		}
		if err == nil {
			return nil
		}
		return errors.Join(err, tx.rollback())
	}
	return tx.rollback()
}

func (tx *Tx) rollback() error {
	if !tx.c.inTransaction() {
		return nil
	}
	return tx.own("ROLLBACK")
}

// own runs a statement of the host's own in the transaction.
func (tx *Tx) own(statement string, args ...any) error {
	_, err := tx.c.run(statement, args, answerLimits{MaxRows, MaxValue}, true)
	return tx.db.explain(err, tx.c, statement)
}

// Mark names a step of migrate: what it was when it was applied. A Lua function has none.
func Mark(statements string) string {
	sum := sha256.Sum256([]byte(statements))
	return hex.EncodeToString(sum[:])
}

const makeMigrations = "CREATE TABLE IF NOT EXISTS " + MigrationsTable + " (step INTEGER PRIMARY KEY, mark TEXT NOT NULL, applied INTEGER NOT NULL)"

// Applied lists the marks of the steps that were applied, in order.
func (tx *Tx) Applied() ([]string, error) {
	if err := tx.own(makeMigrations); err != nil {
		return nil, err
	}
	a, err := tx.c.run("SELECT mark FROM "+MigrationsTable+" ORDER BY step", nil, answerLimits{MaxRows, MaxValue}, true)
	if err != nil {
		return nil, tx.db.explain(err, tx.c, "read "+MigrationsTable)
	}
	marks := make([]string, len(a.Rows))
	for i, row := range a.Rows {
		marks[i], _ = row[0].(string)
	}
	return marks, nil
}

// Remember notes, as part of the transaction, that a step was applied.
func (tx *Tx) Remember(step int, mark string) error {
	if err := tx.check(); err != nil {
		return err
	}
	return tx.own("INSERT INTO "+MigrationsTable+" (step, mark, applied) VALUES (?, ?, ?)", int64(step), mark, tx.db.o.Clock.Now().UnixMilli())
}
