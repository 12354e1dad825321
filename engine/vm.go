package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"
	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
)

// Library installs the host's Lua API into each new VM.
type Library interface {
	// Open is called with the lock held, before the main chunk runs.
	Open(vm *VM)
}

// Config is what a VM is made from.
type Config struct {
	Script     string
	Generation int
	Program    *Program
	Library    Library           // may be nil
	Limits     Limits            // zero fields take the default
	Clock      clockwork.Clock   // deadlines; nil: the real one
	Computing  func() time.Time  // real time, also where time.Now is virtual; nil: time.Now
	Log        hclog.Logger      // nil: none
	Print      func(line string) // where print writes; nil: to the log
	Args       []string          // the global arg, and … of the main chunk; nil: no such global
	Owner      any               // what Owner returns
	Lenient    bool              // undeclared globals are allowed
	Cover      *Coverage         // counts the lines that run; nil: nobody does
}

// VM is one gopher-lua state with one loaded version of one script. Lua runs only
// with its lock, which is handed over in calls that wait. Life: NewVM, Load, any
// number of Run at once, Close.
type VM struct {
	// L is the state's main thread. It runs nothing itself: it is for making tables
	// and functions. Touch it only with the lock held.
	L *lua.LState

	cfg    Config
	limits Limits
	clock  clockwork.Clock
	log    hclog.Logger

	lock     lock
	task     *Task                // the running one; only with the lock
	current  atomic.Pointer[Task] // the same, for the memory watch
	budget   *budget
	watched  watched   // what the memory watch knows
	recorder *recorder // nil: nobody wants to know what ran
	pool     []*thread

	loaded  map[string]lua.LValue // what require answered
	loading map[string]*module
	preload map[string]func(*VM) lua.LValue
	strict  *lua.LTable // the metatable of _G
	prints  func(string)
	members Members // may be nil

	raisers     [2]*lua.LFunction // error and assert
	stockResume lua.LGFunction    // gopher-lua's coroutine.resume

	tasksMu sync.Mutex
	tasks   map[*Task]struct{}
	closing chan struct{} // closed by Close
	ended   *sync.Cond    // a task ended
	closed  bool
	once    sync.Once
}

// NewVM makes a VM with the language in it. Load opens the library and runs the script.
func NewVM(cfg Config) *VM {
	vm := &VM{cfg: cfg, limits: cfg.Limits.withDefaults(), clock: cfg.Clock, log: cfg.Log, prints: cfg.Print,
		loaded: map[string]lua.LValue{}, loading: map[string]*module{}, preload: map[string]func(*VM) lua.LValue{},
		tasks: map[*Task]struct{}{}, closing: make(chan struct{})}
	if vm.clock == nil {
		vm.clock = clockwork.NewRealClock()
	}
	if vm.cfg.Computing == nil {
		vm.cfg.Computing = time.Now
	}
	if vm.log == nil {
		vm.log = hclog.NewNullLogger()
	}
	if vm.prints == nil {
		vm.prints = func(line string) { vm.log.Info(line, "script", cfg.Script) }
	}
	vm.ended = sync.NewCond(&vm.tasksMu)
	vm.budget = &budget{vm: vm, n: pollEvery, every: pollEvery}
	if cfg.Cover != nil {
		vm.budget.every = 1
		vm.recorder = &recorder{all: map[*lua.FunctionProto][]uint64{}, polls: pollEvery}
	}
	limitArrays()
	vm.L = lua.NewState(lua.Options{CallStackSize: vm.limits.CallDepth, RegistrySize: registrySize,
		RegistryMaxSize: registryMaxSize, RegistryGrowStep: registryGrow, SkipOpenLibs: true})
	vm.L.G.MainThread = vm.L // else the first thread that calls something would become it
	vm.L.G.CurrentThread = vm.L
	vm.L.Panic = vm.onPanic
	vm.openLibraries()
	watch.add(vm)
	return vm
}

// Load opens the library and runs the main chunk as a task that may not wait.
func (vm *VM) Load(ctx context.Context) *diag.Error {
	return vm.main(ctx, &Task{Label: "the top level", Loading: true, Deadline: vm.limits.Load})
}

// Exec is Load for a script that runs to its end: its top level may wait, and t says how long.
func (vm *VM) Exec(ctx context.Context, t *Task) *diag.Error {
	t.Standalone = true
	return vm.main(ctx, t)
}

func (vm *VM) main(ctx context.Context, t *Task) *diag.Error {
	_, err := vm.run(ctx, t, func(L *lua.LState) (lua.LValue, []lua.LValue) {
		if vm.cfg.Library != nil {
			vm.cfg.Library.Open(vm)
		}
		vm.closeGlobals()
		chunk := vm.cfg.Program.chunk(vm.cfg.Program.Main)
		if chunk == nil {
			panic(&lua.ApiError{Object: vm.ErrorValue(&diag.Error{Kind: diag.KindUsage, Message: "the script has no file " + vm.cfg.Program.Main})})
		}
		return vm.function(chunk), vm.args(L)
	})
	return err
}

// args are the arguments of the main chunk, also in the global arg.
func (vm *VM) args(L *lua.LState) []lua.LValue {
	if vm.cfg.Args == nil {
		return nil
	}
	list := L.NewTable()
	values := make([]lua.LValue, len(vm.cfg.Args))
	for i, a := range vm.cfg.Args {
		values[i] = lua.LString(a)
		list.RawSetInt(i+1, values[i])
	}
	list.RawSetInt(0, lua.LString(vm.cfg.Program.Main))
	vm.SetGlobal("arg", list)
	return values
}

// Run runs fn as the task t on a thread of its own and waits for its end. args may
// be nil; it is called with the lock held. When ctx ends, so does the handler. The
// results may be read with the lock only, unless they are plain values.
func (vm *VM) Run(ctx context.Context, t *Task, fn *lua.LFunction, args func(L *lua.LState) []lua.LValue) ([]lua.LValue, *diag.Error) {
	return vm.run(ctx, t, func(L *lua.LState) (lua.LValue, []lua.LValue) {
		if args == nil {
			return fn, nil
		}
		return fn, args(L)
	})
}

func (vm *VM) run(ctx context.Context, t *Task, prepare func(L *lua.LState) (lua.LValue, []lua.LValue)) (results []lua.LValue, failed *diag.Error) {
	t.vm, t.base = vm, ctx
	if t.Deadline > 0 {
		t.until = vm.clock.Now().Add(t.Deadline)
	}
	if !vm.begin(t) {
		return nil, stoppingError("the script was unloaded")
	}
	defer func() { vm.done(t, failed) }()
	if !vm.lock.TryLock() && !vm.lock.LockUnless(t.Context().Done(), vm.closing) {
		if e := t.check(); e != nil {
			return nil, vm.final(t, e)
		}
		return nil, stoppingError("the script was unloaded")
	}
	vm.budget.enter(t)
	defer vm.leave()
	results, f := vm.callNew(nil, prepare)
	if f != nil || t.raised {
		return nil, vm.final(t, vm.failed(t, f))
	}
	return results, nil
}

// leave ends the running task's slice and hands the lock on.
func (vm *VM) leave() {
	vm.task = nil
	vm.current.Store(nil)
	vm.L.G.CurrentThread = vm.L
	vm.lock.Unlock()
}

// begin counts a task, unless the VM is closing.
func (vm *VM) begin(t *Task) bool {
	vm.tasksMu.Lock()
	defer vm.tasksMu.Unlock()
	if vm.closed {
		return false
	}
	vm.tasks[t] = struct{}{}
	return true
}

func (vm *VM) done(t *Task, why *diag.Error) {
	t.finish(why)
	vm.tasksMu.Lock()
	delete(vm.tasks, t)
	if len(vm.tasks) == 0 {
		vm.ended.Broadcast()
	}
	vm.tasksMu.Unlock()
}

// Task is the one that runs, nil outside of tasks. Called with the lock held.
func (vm *VM) Task() *Task { return vm.task }

// Owner is what the Config said.
func (vm *VM) Owner() any { return vm.cfg.Owner }

// Script is the name of the script, Generation the number of its loaded version.
func (vm *VM) Script() string { return vm.cfg.Script }

// Generation is the number of the loaded version.
func (vm *VM) Generation() int { return vm.cfg.Generation }

// Values is what the configuration said about the script when its source was read.
func (vm *VM) Values() any {
	if vm.cfg.Program == nil {
		return nil
	}
	return vm.cfg.Program.Values
}

// Version is what the script's manifest says, "" without one.
func (vm *VM) Version() string {
	if vm.cfg.Program == nil {
		return ""
	}
	return vm.cfg.Program.Version
}

// Limits are those in force.
func (vm *VM) Limits() Limits { return vm.limits }

// Clock is what the script's time goes by.
func (vm *VM) Clock() clockwork.Clock { return vm.clock }

// Log is the host's log for this script.
func (vm *VM) Log() hclog.Logger { return vm.log }

// Kill ends all running handlers: each raises reason at its next instruction or wait.
// It does not wait for them, and those that start later are not concerned.
func (vm *VM) Kill(reason *diag.Error) {
	if reason == nil {
		reason = stoppingError("the handler was ended")
	}
	vm.tasksMu.Lock()
	tasks := make([]*Task, 0, len(vm.tasks))
	for t := range vm.tasks {
		tasks = append(tasks, t)
	}
	vm.tasksMu.Unlock()
	for _, t := range tasks {
		t.end(reason)
	}
}

// Close ends what runs, waits for it and gives the state back. It may be called
// more than once, and by many; not from within a handler.
func (vm *VM) Close() {
	vm.once.Do(func() {
		vm.tasksMu.Lock()
		vm.closed = true
		vm.tasksMu.Unlock()
		close(vm.closing)
		vm.Kill(stoppingError("the script was unloaded"))
		watch.remove(vm)
	})
	vm.tasksMu.Lock()
	for len(vm.tasks) > 0 {
		vm.ended.Wait()
	}
	vm.tasksMu.Unlock()
	vm.lock.Lock()
	defer vm.lock.Unlock()
	if !vm.L.IsClosed() {
		if vm.recorder != nil {
			vm.cfg.Cover.add(vm.cfg.Program, vm.recorder.all)
		}
		vm.pool = nil
		vm.L.Close()
	}
}
