package host

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"bridgehost/capability"
	"bridgehost/engine"
	"bridgehost/luabind"
	"bridgehost/store/scriptdb"
)

// newDatabase is a script's own SQL database, of which no file is there before the first statement.
// A bundle's has the size that was granted, at most.
func (h *Host) newDatabase(script *luabind.Script, l engine.Limits) *scriptdb.DB {
	quota := func() int64 {
		if bytes, bounded := script.Grants().Quota(capability.SQL); bounded {
			return bytes
		}
		return l.SQL
	}
	return scriptdb.New(scriptdb.Options{
		Path: databaseFile(h.cfg.Data, script.Name), Quota: quota,
		MaxSize: l.SQL, Time: l.CPU, MaxAnswer: l.String, Normal: h.cfg.Storage.Durability == "normal", Clock: h.clock, Computing: h.opts.computing,
	})
}

func databaseFile(data, script string) string { return filepath.Join(data, "sql", script+".db") }

// forgetDatabase deletes a script's own database, which is closed.
func forgetDatabase(data, script string) error {
	var failed error
	for _, ending := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(databaseFile(data, script) + ending); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
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
