package engine

import (
	"fmt"
	"runtime"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
)

// thread is what the engine knows about a Lua thread. It is the thread's context,
// so it goes when the thread does.
type thread struct {
	*budget
	L      *lua.LState
	parent *lua.LState // who called or resumed it, while it runs
	co     *coroutine  // nil for threads of handlers and protected calls
}

func threadOf(L *lua.LState) *thread {
	t, _ := L.Context().(*thread)
	return t
}

// newThread makes a Lua thread that counts and fails as the engine wants.
func (vm *VM) newThread() *thread {
	L, _ := vm.L.NewThread() // vm.L has no context, so there is nothing to cancel
	th := &thread{budget: vm.budget, L: L}
	L.SetContext(th)
	L.Panic = vm.onPanic
	return th
}

// take gets a thread for a call, give puts it back. A thread is given back only
// after a success: else closures may still refer to its registers.
func (vm *VM) take(parent *lua.LState) *thread {
	var th *thread
	if n := len(vm.pool); n > 0 {
		th = vm.pool[n-1]
		vm.pool = vm.pool[:n-1]
	} else {
		th = vm.newThread()
	}
	th.parent = parent
	return th
}

func (vm *VM) give(th *thread) {
	th.parent = nil
	if len(vm.pool) < maxPooled && len(registryOf(th.L).array) <= 2*registryGrow {
		th.L.SetTop(0)
		vm.pool = append(vm.pool, th)
	}
}

// failure is an error on its way: the Lua value, and for errors that leave a task
// where it happened.
type failure struct {
	value lua.LValue
	at    *capture
}

// nest counts protected calls, coroutines and callbacks within each other. Each is
// a nested Go call, and an overflow of the Go stack cannot be recovered.
func (vm *VM) nest(L *lua.LState) *Task {
	t := vm.task
	if t == nil {
		return nil
	}
	if t.nesting >= maxNesting {
		L.RaiseError("stack overflow (%d protected calls, coroutines and callbacks within each other)", maxNesting)
	}
	t.nesting++
	return t
}

func (t *Task) unnest() {
	if t != nil {
		t.nesting--
	}
}

// invoke calls the function that stands on th below nargs arguments. The results
// stay on th. With traced it tells where an error happened.
func (vm *VM) invoke(th *thread, nargs int, traced bool) (f *failure) {
	g := vm.L.G
	prev := g.CurrentThread
	g.CurrentThread = th.L
	defer func() {
		g.CurrentThread = prev
		if r := recover(); r != nil {
			f = vm.recovered(th.L, r, traced)
		}
	}()
	th.L.Call(nargs, lua.MultRet)
	return nil
}

// recovered turns a Go panic into the Lua error that it was, or into an internal one.
func (vm *VM) recovered(L *lua.LState, r any, traced bool) *failure {
	f := &failure{}
	switch e := r.(type) {
	case *lua.ApiError:
		f.value = e.Object
	case *diag.Error:
		f.value = vm.ErrorValue(e)
	default:
		stack := make([]byte, 8192)
		stack = stack[:runtime.Stack(stack, false)]
		vm.log.Error("a function of the host panicked", "script", vm.cfg.Script, "err", fmt.Sprint(r), "stack", string(stack))
		f.value = vm.ErrorValue(&diag.Error{Kind: diag.KindInternal, Message: fmt.Sprintf("the host failed: %v", r),
			Where: where(L, 0), Hint: "this is a bug in bridgehost; the log has the details"})
	}
	if f.value == nil {
		f.value = lua.LNil
	}
	if traced {
		f.at = vm.capture(L, f.value)
	}
	return f
}

// callNew runs what prepare names on a fresh thread; prepare itself is protected too.
func (vm *VM) callNew(parent *lua.LState, prepare func(L *lua.LState) (lua.LValue, []lua.LValue)) (results []lua.LValue, f *failure) {
	th := vm.take(parent)
	nargs, f := vm.prepare(th, prepare)
	if f == nil {
		f = vm.invoke(th, nargs, true)
	}
	if f != nil {
		return nil, f
	}
	if n := th.L.GetTop(); n > 0 {
		results = make([]lua.LValue, n)
		for i := range results {
			results[i] = th.L.Get(i + 1)
		}
	}
	vm.give(th)
	return results, nil
}

func (vm *VM) prepare(th *thread, prepare func(L *lua.LState) (lua.LValue, []lua.LValue)) (nargs int, f *failure) {
	prev := vm.L.G.CurrentThread
	vm.L.G.CurrentThread = th.L
	defer func() {
		vm.L.G.CurrentThread = prev
		if r := recover(); r != nil {
			f = vm.recovered(th.L, r, false)
		}
	}()
	fn, args := prepare(th.L)
	th.L.SetTop(0)
	th.L.Push(fn)
	for _, a := range args {
		if a == nil {
			a = lua.LNil
		}
		th.L.Push(a)
	}
	return len(args), nil
}

// Call is a nested call from a binding function, on the same thread: errors pass
// through it, and the results are left on L. It counts for the nesting.
func (vm *VM) Call(L *lua.LState, fn lua.LValue, nret int, args ...lua.LValue) {
	t := vm.nest(L)
	defer t.unnest()
	L.Push(fn)
	for _, a := range args {
		L.Push(a)
	}
	L.Call(len(args), nret)
}

// Protect is pcall for a binding function. It returns the results, or the error as
// people read it and as Lua sees it.
func (vm *VM) Protect(L *lua.LState, fn lua.LValue, args ...lua.LValue) ([]lua.LValue, *diag.Error, lua.LValue) {
	t := vm.nest(L)
	defer t.unnest()
	results, f := vm.callNew(L, func(*lua.LState) (lua.LValue, []lua.LValue) { return fn, args })
	if f == nil {
		return results, nil, nil
	}
	e := *vm.AsError(f.value)
	f.at.fill(&e)
	return nil, &e, f.value
}

// pcall is Lua's, on a thread of its own.
func (vm *VM) pcall(L *lua.LState) int {
	if fn := L.CheckAny(1); fn.Type() != lua.LTFunction && L.GetMetaField(fn, "__call") == lua.LNil {
		L.Push(lua.LFalse)
		L.Push(lua.LString("attempt to call a " + fn.Type().String() + " value"))
		return 2
	}
	t := vm.nest(L)
	defer t.unnest()
	nargs := L.GetTop() - 1
	th := vm.take(L)
	L.XMoveTo(th.L, nargs+1)
	if f := vm.invoke(th, nargs, false); f != nil {
		L.Push(lua.LFalse)
		L.Push(f.value)
		return 2
	}
	n := th.L.GetTop()
	L.Push(lua.LTrue)
	th.L.XMoveTo(L, n)
	vm.give(th)
	return n + 1
}

// xpcall is Lua's; like LuaJIT and Lua 5.2 it passes further arguments on. The
// handler runs after the failed frames are gone.
func (vm *VM) xpcall(L *lua.LState) int {
	handler := L.CheckAny(2)
	t := vm.nest(L)
	defer t.unnest()
	L.Remove(2)
	nargs := L.GetTop() - 1
	th := vm.take(L)
	L.XMoveTo(th.L, nargs+1)
	f := vm.invoke(th, nargs, false)
	if f == nil {
		n := th.L.GetTop()
		L.Push(lua.LTrue)
		th.L.XMoveTo(L, n)
		vm.give(th)
		return n + 1
	}
	th = vm.take(L)
	th.L.Push(handler)
	th.L.Push(f.value)
	if f = vm.invoke(th, 1, false); f != nil { // an error in the handler: its value, as it is
		L.Push(lua.LFalse)
		L.Push(f.value)
		return 2
	}
	n := th.L.GetTop()
	L.Push(lua.LFalse)
	th.L.XMoveTo(L, n)
	vm.give(th)
	return n + 1
}
