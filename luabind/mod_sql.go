package luabind

import (
	"context"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/engine"
)

var sqlModule = module("bridge.sql", "A SQLite database of the script's own, kept over reloads and restarts. A row is a table by the names of its columns; NULL is json.null there, as in JSON. "+
	"Statements have ? for their values, which are given after them: nil and json.null are NULL, true and false 1 and 0, strings are text, sql.blob makes bytes of them. "+
	"No statement reaches another file. The database has transactions of its own: what a handler wrote stays when the handler fails later, and a handler that runs again writes again.")

// Database is the script's own SQL database. internal/host implements it.
// Arguments and values are nil, int64, float64, string or []byte.
type Database interface {
	// Query runs a statement on what is committed, Exec one that changes something.
	Query(ctx context.Context, statement string, args []any) (*SQLAnswer, error)
	Exec(ctx context.Context, statement string, args []any) (*SQLAnswer, error)
	// Begin opens a transaction; the next one waits for its End.
	Begin(ctx context.Context) (Transaction, error)
}

// Transaction is an open one; one task uses it.
type Transaction interface {
	Run(ctx context.Context, statement string, args []any) (*SQLAnswer, error)
	// Script runs several statements without arguments.
	Script(ctx context.Context, statements string) error
	// End makes it durable, or takes it back.
	End(commit bool) error
	// Applied lists the marks of migration steps, Remember adds one. Mark makes it.
	Applied() ([]string, error)
	Remember(step int, mark string) error
	Mark(statements string) string
}

// SQLAnswer is what a statement came to.
type SQLAnswer struct {
	Columns []string
	Rows    [][]any
	Changes int64
	LastID  int64 // 0: no row was added
}

type sqlArgs struct {
	Statement string       `lua:"statement" doc:"one statement"`
	Values    []lua.LValue `lua:"...,rest" doc:"the values for its ?"`
}

var _ = fn(sqlModule, "query", capability.SQL, waitsInside,
	"Runs a statement that gives rows. Outside of a transaction it sees what was committed last. "+
		"An answer has 10,000 rows at most, a value 256 KB, and a statement as long to compute as the limit cpu says; it may call instr, replace, trim and json_patch eight times.",
	func(c *Call, a *sqlArgs) (lua.LValue, error) {
		answer, err := c.sqlRun(a, Database.Query)
		if err != nil {
			return nil, err
		}
		return c.sqlRows(answer), nil
	}, results("A list of rows, empty when there are none."), returns("table[]"),
	errcodes("E_SQL", "E_SQL_DENIED", "E_SQL_TIME", "E_TOO_LONG", "E_ARGUMENT"),
	example(`for _, row in ipairs(sql.query("SELECT nick, seen FROM users WHERE room = ?", evt.room_id)) do … end`))

var _ = fn(sqlModule, "exec", capability.SQL, waitsInside,
	"Runs a statement that changes something. Outside of sql.tx it is durable when the call returns, and waits for a transaction of another handler that is open, for ten seconds at most.",
	func(c *Call, a *sqlArgs) (lua.LValue, error) {
		answer, err := c.sqlRun(a, Database.Exec)
		if err != nil {
			return nil, err
		}
		t := c.L.CreateTable(0, 2)
		t.RawSetString("changes", lua.LNumber(answer.Changes))
		if answer.LastID != 0 {
			t.RawSetString("last_insert_id", c.sqlInteger(answer.LastID))
		}
		return t, nil
	}, results("`{changes, last_insert_id?}`: how many rows were changed, and the id of the row that was added last."), returns("table"),
	errcodes("E_SQL", "E_SQL_CONSTRAINT", "E_SQL_DENIED", "E_SQL_TIME", "E_SQL_FULL", "E_SQL_BUSY", "E_TOO_LONG", "E_ARGUMENT"),
	example(`local id = sql.exec("INSERT INTO users (nick) VALUES (?)", nick).last_insert_id`))

var _ = fn(sqlModule, "tx", capability.SQL, waitsInside,
	"Calls a function whose statements are one transaction: committed when it returns, taken back when it raises. "+
		"Statements of other handlers, of bridge.spawn and of bridge.parallel are not part of it: those that read see what was there before, those that write wait for its end, for ten seconds at most. So ask the network before.",
	func(c *Call, a *struct {
		Fn *lua.LFunction `lua:"fn" doc:"the function"`
	}) (results2, error) {
		return c.sqlTx(func(Transaction) (results2, error) {
			top := c.L.GetTop()
			c.VM.Call(c.L, a.Fn, lua.MultRet)
			out := make(results2, 0, c.L.GetTop()-top)
			for i := top + 1; i <= c.L.GetTop(); i++ {
				out = append(out, c.L.Get(i))
			}
			return out, nil
		})
	}, results("What the function returned."), errcodes("E_SQL", "E_SQL_BUSY", "E_ARGUMENT"),
	example(`sql.tx(function() sql.exec("UPDATE a SET n = n - 1") sql.exec("UPDATE b SET n = n + 1") end)`))

// database is the script's own.
func (c *Call) database() (Database, error) {
	if c.Script.SQL == nil {
		return nil, &diag.Error{Kind: diag.KindInternal, Message: "this host keeps no data"}
	}
	return c.Script.SQL, nil
}

// transaction is the one that the running task is in, nil when it is in none. A function
// given to bridge.timeout is in that of its caller, who waits.
func (c *Call) transaction() Transaction {
	for t := c.VM.Task(); t != nil; t = t.Within {
		if tx := c.Env.transactions[t]; tx != nil {
			return tx
		}
	}
	return nil
}

// sqlRun runs a statement in the task's transaction, or alone.
func (c *Call) sqlRun(a *sqlArgs, alone func(Database, context.Context, string, []any) (*SQLAnswer, error)) (answer *SQLAnswer, err error) {
	db, err := c.database()
	if err != nil {
		return nil, err
	}
	args := make([]any, len(a.Values))
	for i, v := range a.Values {
		if args[i], err = c.sqlValue(v, i+2); err != nil {
			return nil, err
		}
	}
	tx := c.transaction()
	c.Wait(func(ctx context.Context) {
		if tx != nil {
			answer, err = tx.Run(ctx, a.Statement, args)
		} else {
			answer, err = alone(db, ctx, a.Statement, args)
		}
	})
	return answer, err
}

// sqlTx runs f, with the lock held, in a transaction of the running task.
func (c *Call) sqlTx(f func(Transaction) (results2, error)) (out results2, err error) {
	db, err := c.database()
	if err != nil {
		return nil, err
	}
	if c.transaction() != nil {
		return nil, &diag.Error{Kind: diag.KindUsage, Code: "E_ARGUMENT", Message: "'" + c.fn.Name + "' was called inside of a transaction",
			Hint: "make one transaction, around the whole"}
	}
	t := c.VM.Task()
	var tx Transaction
	defer func() { // also when something is raised: from waiting, or by the script
		delete(c.Env.transactions, t)
		if tx != nil {
			_ = tx.End(false) // what was raised says more
		}
	}()
	c.Wait(func(ctx context.Context) { tx, err = db.Begin(ctx) })
	if err != nil {
		return nil, err
	}
	c.Env.startTransaction(t, tx)
	if out, err = f(tx); err != nil {
		return nil, err
	}
	c.Wait(func(context.Context) { err, tx = tx.End(true), nil })
	return out, err
}

func (env *Env) startTransaction(t *engine.Task, tx Transaction) {
	if env.transactions == nil {
		env.transactions = map[*engine.Task]Transaction{}
	}
	env.transactions[t] = tx
}
