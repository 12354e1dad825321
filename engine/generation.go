package engine

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/delivery"
	"bridgehost/diag"
)

// Generation is one loaded version of a script: its VM and all that the top
// level declared. It begins in Script.stage, runs between start and stop, and
// its VM is closed when the last of its handlers has ended.
type Generation struct {
	Number  int
	Script  *Script
	Program *Program
	Loaded  time.Time

	source Source
	hash   string
	pinned string     // a rollback chose it, until the files differ from this hash
	prior  *candidate // what a swap back loads; nil: there is none

	vm       *VM
	ctx      context.Context // ends when what is left of the generation is killed
	cancel   context.CancelFunc
	stopping chan struct{} // closed when the generation is to end: Task.Stopping
	running  tasks

	draining atomic.Bool // somebody waits for its end already

	mu       sync.Mutex
	state    genState
	nextID   int
	handlers []*Handler
	services []*service
	crons    []*cronJob
	everies  []*every
	queues   []*Queue
	waiting  int // timers and spawned tasks that have not ended
	events   int
	errors   int
}

type genState int

const (
	genLoading genState = iota
	genRunning
	genStopping
	genClosed
)

func newGeneration(s *Script, number int, p *Program) *Generation {
	g := &Generation{Number: number, Script: s, Program: p, Loaded: s.clock.Now(), stopping: make(chan struct{})}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.vm = NewVM(Config{
		Script: s.Name, Generation: number, Program: p, Library: s.cfg.Library, Limits: s.cfg.Limits,
		Clock: s.clock, Computing: s.cfg.Computing, Log: s.log, Print: s.cfg.Print, Args: s.cfg.Args, Owner: g,
	})
	return g
}

// VM returns the generation's Lua state.
func (g *Generation) VM() *VM { return g.vm }

// String names the generation as people read it: "irc#7".
func (g *Generation) String() string { return fmt.Sprintf("%s#%d", g.Script.Name, g.Number) }

// Stopping is closed when the generation is to end.
func (g *Generation) Stopping() <-chan struct{} { return g.stopping }

// run runs fn as a task of this generation and commits what it wrote, or undoes it.
// It is for everything that has no item of its own: timers, services, spawned tasks.
func (g *Generation) run(t *Task, fn *lua.LFunction, args func(*lua.LState) []lua.LValue) ([]lua.LValue, *diag.Error) {
	if !g.enter() {
		return nil, errGenerationEnded(g)
	}
	defer g.running.Done()
	return g.runIn(g.ctx, t, fn, args)
}

// runIn is run for a task that is counted in already and may end before the generation.
func (g *Generation) runIn(ctx context.Context, t *Task, fn *lua.LFunction, args func(*lua.LState) []lua.LValue) ([]lua.LValue, *diag.Error) {
	if t.Unit == nil {
		t.Unit = delivery.NewUnit(delivery.Item{Kind: delivery.KindTimer}, nil, nil)
	}
	results, err := g.vm.Run(ctx, t, fn, args)
	if err != nil {
		g.Script.undo(t.Unit)
		return nil, err
	}
	return results, g.Script.commit(t.Unit)
}

// enter counts a task in; false when the generation takes none any more.
func (g *Generation) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == genClosed {
		return false
	}
	g.running.Add(1)
	return true
}

func errGenerationEnded(g *Generation) *diag.Error {
	return &diag.Error{Kind: diag.KindStopping, Message: fmt.Sprintf("%s has ended", g), Retryable: true}
}

func (g *Generation) isStopping() bool {
	select {
	case <-g.stopping:
		return true
	default:
		return false
	}
}

// begin starts what was declared: `load` handlers first, then services and timers.
// from is the generation that it follows, nil at a first start. It returns when
// load has returned and every service waits for input, or after Limits.Load.
func (g *Generation) begin(from *Generation) *diag.Error {
	g.mu.Lock()
	g.state = genRunning
	services, crons, everies := g.services, g.crons, g.everies
	g.mu.Unlock()

	if err := g.fire("load", func(L *lua.LState) *lua.LTable {
		tb := L.NewTable()
		tb.RawSetString("reloaded", lua.LBool(from != nil))
		if from != nil {
			tb.RawSetString("from", lua.LNumber(from.Number))
		}
		return tb
	}); err != nil {
		return err
	}
	for _, s := range services {
		s.start(from)
	}
	for _, c := range crons {
		c.start(from)
	}
	for _, e := range everies {
		e.start()
	}
	limit := g.Script.clock.NewTimer(g.Script.cfg.Limits.Load)
	defer limit.Stop()
	for _, s := range services {
		select {
		case <-s.settled:
		case <-limit.Chan():
			return nil
		case <-g.stopping:
			return nil
		}
	}
	return nil
}

// end asks the generation to end: `unload` is heard, timers stop, services stop at
// their next wait for input. Handlers that run go on.
func (g *Generation) end() {
	g.mu.Lock()
	if g.state >= genStopping {
		g.mu.Unlock()
		return
	}
	g.state = genStopping
	g.mu.Unlock()
	if err := g.fire("unload", func(L *lua.LState) *lua.LTable { return L.NewTable() }); err != nil {
		g.Script.report(g, err, "unload")
	}
	close(g.stopping)
}

// drain waits until all tasks have ended, kills those that are left after limit,
// and closes the VM and every handle that nobody took over.
func (g *Generation) drain(limit time.Duration) {
	ended := make(chan struct{})
	go func() { g.running.Wait(); close(ended) }()
	timer := g.Script.clock.NewTimer(limit)
	select {
	case <-ended:
	case <-timer.Chan():
		g.kill()
		<-ended
	}
	timer.Stop()
	g.close()
}

// kill ends all running tasks of the generation.
func (g *Generation) kill() {
	g.vm.Kill(&diag.Error{Kind: diag.KindStopping, Retryable: true,
		Message: fmt.Sprintf("%s was replaced and did not finish in time", g)})
	g.cancel()
}

func (g *Generation) close() {
	g.mu.Lock()
	g.state = genClosed
	g.mu.Unlock()
	g.cancel()
	g.vm.Close()
	g.Script.handles.release(g)
}

// fire runs the handlers of one of the engine's own events (load, unload, error), in order.
func (g *Generation) fire(event string, arg func(*lua.LState) *lua.LTable) *diag.Error {
	for _, h := range g.Handlers(event) {
		t := &Task{Label: h.Label, Deadline: g.Script.cfg.Limits.Load}
		_, err := g.run(t, h.Fn, func(L *lua.LState) []lua.LValue { return []lua.LValue{arg(L)} })
		if err != nil {
			return err
		}
	}
	return nil
}
