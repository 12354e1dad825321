package luabind

import (
	"context"
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/diag"
)

var _ = fn(sqlModule, "migrate", capability.SQL, waitsInside,
	"Brings the database to the newest form: applies the steps of a list that were not applied yet, each once and in a transaction of its own, in order. "+
		"A step is a text with one or more statements, or a function. New steps go to the end of the list: one that was applied cannot be edited. "+
		"An older version of the script, with fewer steps, runs on a newer database.",
	func(c *Call, a *struct {
		Steps *lua.LTable `lua:"steps" doc:"a list of texts and functions"`
	}) (int, error) {
		steps, err := c.migrationSteps(a.Steps)
		if err != nil {
			return 0, err
		}
		for n := 0; ; n++ {
			more := false
			_, err := c.sqlTx(func(tx Transaction) (none results2, err error) {
				more, err = c.migrateOne(tx, steps)
				return none, err
			})
			if err != nil || !more {
				return n, err
			}
		}
	}, results("How many steps were applied now."), errcodes("E_MIGRATION", "E_SQL", "E_ARGUMENT"),
	example(`bridge.on("load", function() sql.migrate{ "CREATE TABLE users (nick TEXT PRIMARY KEY)" } end)`))

// migrationSteps reads the list.
func (c *Call) migrationSteps(list *lua.LTable) ([]lua.LValue, error) {
	n, wrong := listLength(list)
	if wrong != "" {
		return nil, usage("bad argument #1 'steps' to 'migrate' (%s)", wrong)
	}
	steps := make([]lua.LValue, n)
	for i := range steps {
		switch steps[i] = list.RawGetInt(i + 1); steps[i].(type) {
		case lua.LString, *lua.LFunction:
		default:
			return nil, usage("bad argument #1 'steps' to 'migrate' (step %d: %s)", i+1, c.expected("a text or a function", steps[i]))
		}
	}
	return steps, nil
}

// functionMark stands for a step whose text nobody has.
const functionMark = "function"

func stepMark(tx Transaction, step lua.LValue) string {
	if text, ok := step.(lua.LString); ok {
		return tx.Mark(string(text))
	}
	return functionMark
}

// migrateOne applies the first step that was not applied yet, and tells whether there was one.
func (c *Call) migrateOne(tx Transaction, steps []lua.LValue) (bool, error) {
	var applied []string
	var err error
	c.Wait(func(context.Context) { applied, err = tx.Applied() })
	if err != nil {
		return false, err
	}
	for i, mark := range applied[:min(len(applied), len(steps))] {
		if mark != stepMark(tx, steps[i]) {
			return false, &diag.Error{Kind: diag.KindUsage, Code: "E_MIGRATION",
				Message: fmt.Sprintf("step %d of migrate was edited after it had been applied", i+1),
				Hint:    "put it back as it was, and write what should change as a new step at the end"}
		}
	}
	if len(applied) >= len(steps) {
		return false, nil
	}
	n := len(applied) + 1
	step := steps[n-1]
	if text, ok := step.(lua.LString); ok {
		c.Wait(func(ctx context.Context) { err = tx.Script(ctx, string(text)) })
		if err != nil {
			e := *ErrorOf(err)
			e.Message = fmt.Sprintf("step %d of migrate: %s", n, e.Message)
			return false, &e
		}
	} else {
		c.VM.Call(c.L, step, 0)
	}
	c.Wait(func(context.Context) { err = tx.Remember(n, stepMark(tx, step)) })
	return true, err
}
