package luabind

import (
	"context"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/engine"
)

// taskClass is what bridge.spawn and bridge.after return.
var taskClass = class("task", "A function that runs beside the one that started it.")

const noPowerTask = "runs functions of the script's own"

var _ = method(taskClass, "wait", capability.None(noPowerTask), waitsInside,
	"Waits for the end. Returns what the function returned; raises what it raised, and E_CANCELLED when it was cancelled before its end.",
	func(c *Call, s *engine.Spawn, _ *struct{}) (results2, error) {
		s.Awaited()
		var failed *diag.Error
		c.Wait(func(ctx context.Context) { failed = s.Wait(ctx) })
		if failed != nil {
			return nil, failed
		}
		return s.Results(), nil
	}, results("What the function returned."), errcodes("E_CANCELLED"), example(`local page = task:wait()`))

var _ = method(taskClass, "cancel", capability.None(noPowerTask), never,
	"Ends the function at its next step, or keeps it from starting. To cancel one that has ended does nothing.",
	func(_ *Call, s *engine.Spawn, _ *struct{}) (none, error) {
		s.Cancel()
		return none{}, nil
	}, example(`task:cancel()`))

type callArgs struct {
	Fn   *lua.LFunction `lua:"fn" doc:"the function"`
	Args []lua.LValue   `lua:"...,rest" doc:"its arguments"`
}

var _ = fn(bridgeModule, "spawn", capability.None(noPowerTask), never,
	"Starts a function beside this one. It runs at this one's waits, has a deadline and a unit of work of its own, and ends with the "+
		"loaded version of the script. Its error is logged, unless somebody waits for it. For handlers, not for the top level.",
	func(c *Call, a *callArgs) (lua.LValue, error) {
		g, err := c.generation()
		if err != nil {
			return nil, err
		}
		s, failed := g.Spawn(c.VM.Task(), a.Fn, a.Args...)
		if failed != nil {
			return nil, failed
		}
		return c.Object(taskClass, s), nil
	}, results("A task: `:wait()` for it, or `:cancel()` it."), returns("Task"), errcodes("E_TIMERS"),
	example(`local task = bridge.spawn(fetch, url)`))

// maxParallel is how many calls bridge.parallel makes at once, whatever was asked for.
const maxParallel = 64

var _ = fn(bridgeModule, "parallel", capability.None(noPowerTask), waitsInside,
	"Calls a function for each item of a list, up to `n` at once. Each call is a unit of work with a deadline of its own, "+
		"committed when it returns. All run; then the first error, if there was one, is raised.",
	func(c *Call, a *struct {
		N    int            `lua:"n" doc:"how many at once, 64 at most"`
		List *lua.LTable    `lua:"list" doc:"the items"`
		Fn   *lua.LFunction `lua:"fn" doc:"called with one item"`
	}) (lua.LValue, error) {
		n, wrong := listLength(a.List)
		if wrong != "" {
			return nil, usage("bad argument #2 'list' to 'parallel' (%s)", wrong)
		}
		if a.N < 1 {
			return nil, usage("bad argument #1 'n' to 'parallel' (1 or more expected, got %d)", a.N)
		}
		items := make([]lua.LValue, n)
		for i := range items {
			items[i] = a.List.RawGetInt(i + 1)
		}
		return parallel(c, min(a.N, maxParallel), items, a.Fn)
	}, results("A list of what the calls returned, the first result of each."),
	example(`bridge.parallel(4, subs:keys(), function(key) poll(key) end)`))

// parallel starts the calls as places become free. Calls that still run when the
// caller ends are ended too.
func parallel(c *Call, most int, items []lua.LValue, f *lua.LFunction) (lua.LValue, error) {
	g, err := c.generation()
	if err != nil {
		return nil, err
	}
	t := c.VM.Task()
	type end struct {
		i   int
		err *diag.Error
	}
	spawned := make([]*engine.Spawn, len(items))
	ends := make(chan end, len(items))
	defer func() {
		for _, s := range spawned {
			if s != nil {
				s.Cancel()
			}
		}
	}()
	var first *diag.Error
	firstAt, next, running := len(items), 0, 0
	failed := func(i int, e *diag.Error) {
		if e != nil && i < firstAt {
			first, firstAt = e, i
		}
	}
	for next < len(items) || running > 0 {
		for ; next < len(items) && running < most; next++ {
			s, e := g.SpawnUnit(t, fmt.Sprintf("call %d of bridge.parallel", next+1), t.Unit.Part(next), f, items[next])
			if e != nil {
				failed(next, e)
				continue
			}
			spawned[next] = s
			running++
			go func(i int) { ends <- end{i, s.Wait(context.Background())} }(next)
		}
		if running == 0 {
			break
		}
		c.Wait(func(ctx context.Context) {
			select {
			case e := <-ends:
				running--
				failed(e.i, e.err)
			case <-ctx.Done():
			}
		})
	}
	if first != nil {
		return nil, first
	}
	list := c.Array(c.VM.L.CreateTable(len(items), 0))
	for i, s := range spawned {
		if r := s.Results(); len(r) > 0 {
			list.RawSetInt(i+1, r[0])
		}
	}
	return list, nil
}

var _ = fn(bridgeModule, "sleep", capability.None("waits only"), inputInside,
	"Waits. On a reload it ends with an error of kind \"stopping\" in services and timers.",
	func(c *Call, a *struct {
		Time time.Duration `lua:"time" doc:"seconds, or \"20s\", \"5m\""`
	}) (none, error) {
		c.sleep(a.Time)
		return none{}, nil
	}, example(`bridge.sleep("20s")`))

func (c *Call) sleep(d time.Duration) {
	clock := c.VM.Clock()
	c.WaitInput(func(ctx context.Context) bool {
		if d <= 0 {
			return true
		}
		timer := clock.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.Chan():
			return true
		case <-ctx.Done():
			return false
		}
	})
}

// maxTimeouts is how many calls of bridge.timeout may stand within each other: each is
// a nested Go call, and an overflow of the Go stack cannot be recovered.
const maxTimeouts = 16

type timeoutsKey struct{}

var _ = fn(bridgeModule, "timeout", capability.None(noPowerTask), waitsInside,
	"Calls a function that may take so long at most. Returns what it returns; raises what it raises, and an error "+
		"of kind \"timeout\" when the time is over.",
	func(c *Call, a *struct {
		Time time.Duration  `lua:"time" doc:"seconds, or \"20s\", \"5m\""`
		Fn   *lua.LFunction `lua:"fn" doc:"the function"`
		Args []lua.LValue   `lua:"...,rest" doc:"its arguments"`
	}) (results2, error) {
		if a.Time <= 0 {
			return nil, usage("bad argument #1 'time' to 'timeout' (more than 0 expected)")
		}
		return c.timeout(a.Time, a.Fn, a.Args)
	}, results("What the function returned."), errcodes("E_TIMEOUT"),
	example(`local line = bridge.timeout("5s", sock.read_line, sock)`))

// timeout runs f as a task of its own within the running one: same unit, shorter deadline.
func (c *Call) timeout(d time.Duration, f *lua.LFunction, args []lua.LValue) (results2, error) {
	t := c.VM.Task()
	var results []lua.LValue
	var raised lua.LValue
	guarded := c.L.NewFunction(func(L *lua.LState) int {
		results, _, raised = c.VM.Protect(L, f, args...)
		return 0
	})
	var failed *diag.Error
	c.Wait(func(ctx context.Context) {
		depth, _ := ctx.Value(timeoutsKey{}).(int)
		if depth >= maxTimeouts {
			failed = &diag.Error{Kind: diag.KindLimit, Code: "E_NESTING", Message: fmt.Sprintf("%d calls of bridge.timeout within each other", depth)}
			return
		}
		inner := &engine.Task{Label: t.Label, Deadline: d, Unit: t.Unit, Service: t.Service, Stopping: t.Stopping, Within: t, OnWait: t.OnWait, Idle: t.Idle}
		_, failed = c.VM.Run(context.WithValue(ctx, timeoutsKey{}, depth+1), inner, guarded, nil)
	})
	switch {
	case failed != nil && (failed.Code == "E_DEADLINE" || failed.Code == "E_NO_ANSWER"):
		return nil, &diag.Error{Kind: diag.KindTimeout, Code: "E_TIMEOUT", Retryable: true, Message: "took longer than " + d.String()}
	case failed != nil:
		return nil, failed
	case raised != nil:
		c.L.Error(raised, 0)
	}
	return results, nil
}

var _ = fn(bridgeModule, "lock", capability.None(noPowerTask), waitsInside,
	"Calls a function while no other handler of the script holds the lock of that name: for reading, waiting and then "+
		"writing. To take it again inside of it is an error.",
	func(c *Call, a *struct {
		Name string         `lua:"name" doc:"any name"`
		Fn   *lua.LFunction `lua:"fn" doc:"the function"`
	}) (results2, error) {
		g, err := c.generation()
		if err != nil {
			return nil, err
		}
		var unlock func()
		defer func() {
			if unlock != nil {
				unlock()
			}
		}()
		holder := c.VM.Task()
		c.Wait(func(ctx context.Context) { unlock, err = g.Script.Lock(ctx, holder, a.Name) })
		if err != nil {
			return nil, err
		}
		top := c.L.GetTop()
		c.VM.Call(c.L, a.Fn, lua.MultRet)
		results := make(results2, 0, c.L.GetTop()-top)
		for i := top + 1; i <= c.L.GetTop(); i++ {
			results = append(results, c.L.Get(i))
		}
		return results, nil
	}, results("What the function returned."), errcodes("E_LOCK"), example(`bridge.lock("count", function() counts:set(key, next_number(counts:get(key))) end)`))
