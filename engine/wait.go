package engine

import (
	"context"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
)

// Wait hands the lock over while f runs. For binding functions: f must not touch L
// and must return when ctx ends. Wait raises when the task must end, in a task that
// loads it raises a usage error before f runs.
func (vm *VM) Wait(L *lua.LState, f func(ctx context.Context)) {
	t := vm.mayWait(L)
	vm.unlocked(t, t.Context(), f)
	t.unanswered()
	vm.raiseEnded(L, t)
}

// WaitInput is Wait for what takes input: read, accept, next item, sleep. f reports
// whether it took something. In a task whose Stopping is closed it raises a stopping
// error before f runs; when Stopping closes while f runs, ctx ends, and unless f took
// something the same error is raised: so nothing that was taken is lost.
func (vm *VM) WaitInput(L *lua.LState, f func(ctx context.Context) (took bool)) {
	t := vm.mayWait(L)
	if t.stopping() {
		vm.Raise(L, generationEnds())
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	if t.Idle != nil {
		t.Idle(true)
	}
	took := false
	vm.unlocked(t, ctx, func(ctx context.Context) {
		if t.Stopping != nil {
			over := make(chan struct{})
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				select {
				case <-t.Stopping:
					cancel(generationEnds())
				case <-over:
				}
			}()
			defer func() { close(over); <-gone }()
		}
		took = f(ctx)
	})
	if t.Idle != nil {
		t.Idle(false)
	}
	vm.raiseEnded(L, t)
	if !took && t.stopping() {
		vm.Raise(L, generationEnds())
	}
}

// unanswered tells a deadline that came while somebody else was waited for from one that
// the script used up by itself: the first may go better the next time.
func (t *Task) unanswered() {
	if e := t.check(); e != nil && e.Code == codeDeadline {
		late := *e
		late.Code, late.Message = codeNoAnswer, e.Message+", and waited for an answer at the end"
		late.Hint = ""
		t.ended.CompareAndSwap(e, &late)
	}
}

func (t *Task) stopping() bool {
	select {
	case <-t.Stopping: // a nil channel is never ready
		return true
	default:
		return false
	}
}

func generationEnds() *diag.Error {
	return stoppingError("this version of the script is being replaced or unloaded")
}

// mayWait raises unless the running task may wait now.
func (vm *VM) mayWait(L *lua.LState) *Task {
	t := vm.task
	if t == nil || t.Loading {
		vm.Raise(L, loadingError(vm.CallText(L, failedAt(L))))
	}
	vm.raiseEnded(L, t)
	return t
}

// raiseEnded raises why t must end, if it must.
func (vm *VM) raiseEnded(L *lua.LState, t *Task) {
	if e := t.check(); e != nil {
		t.raised = true
		vm.budget.cause, vm.budget.n = e, 0
		vm.Raise(L, e)
	}
}

// unlocked runs f without the lock and comes back as the same task on the same thread.
func (vm *VM) unlocked(t *Task, ctx context.Context, f func(ctx context.Context)) {
	thread := vm.L.G.CurrentThread
	t.thread = thread
	t.waited++
	vm.task = nil
	vm.current.Store(nil)
	vm.L.G.CurrentThread = vm.L
	vm.lock.Unlock()
	defer func() {
		vm.lock.Lock()
		vm.L.G.CurrentThread = thread
		t.thread = nil
		vm.budget.enter(t)
	}()
	if t.OnWait != nil {
		t.OnWait()
	}
	f(ctx)
}

// Unlocked runs f without the lock, outside of any task: for an owner that was
// called with the lock held. f must not touch L.
func (vm *VM) Unlocked(f func()) {
	t := vm.task
	if t == nil {
		vm.lock.Unlock()
		defer vm.lock.Lock()
		f()
		return
	}
	vm.unlocked(t, nil, func(context.Context) { f() })
}

// Locked runs f with the lock held and no task running: for reading values out of
// the VM. f must not call Lua functions.
func (vm *VM) Locked(f func()) {
	vm.lock.Lock()
	defer vm.lock.Unlock()
	f()
}
