package host

import (
	"context"
	"path/filepath"
	"time"

	"bridgehost/engine"
	"bridgehost/luabind"
	"bridgehost/store/scriptdb"
)

// newDatabase is a script's own SQL database, of which no file is there before the first statement.
func (h *Host) newDatabase(script string, l engine.Limits) *scriptdb.DB {
	return scriptdb.New(scriptdb.Options{
		Path:    filepath.Join(h.cfg.Data, "sql", script+".db"),
		MaxSize: l.Database, Time: l.CPU, MaxAnswer: l.String, Normal: h.cfg.Storage.Durability == "normal", Clock: h.clock, Computing: h.opts.computing,
	})
}

// Close ends the script and closes its database.
func (s *script) Close(limit time.Duration) {
	s.Script.Close(limit)
	s.sql.Close()
}

// database implements luabind.Database.
type database struct{ db *scriptdb.DB }

func (d database) Query(ctx context.Context, statement string, args []any) (*luabind.SQLAnswer, error) {
	a, err := d.db.Query(ctx, statement, args)
	return (*luabind.SQLAnswer)(a), err
}

func (d database) Exec(ctx context.Context, statement string, args []any) (*luabind.SQLAnswer, error) {
	a, err := d.db.Exec(ctx, statement, args)
	return (*luabind.SQLAnswer)(a), err
}

func (d database) Begin(ctx context.Context) (luabind.Transaction, error) {
	tx, err := d.db.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return sqlTransaction{tx}, nil
}

// sqlTransaction implements luabind.Transaction.
type sqlTransaction struct{ *scriptdb.Tx }

func (t sqlTransaction) Run(ctx context.Context, statement string, args []any) (*luabind.SQLAnswer, error) {
	a, err := t.Tx.Run(ctx, statement, args)
	return (*luabind.SQLAnswer)(a), err
}

func (sqlTransaction) Mark(statements string) string { return scriptdb.Mark(statements) }
