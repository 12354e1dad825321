package engine

import (
	lua "github.com/yuin/gopher-lua"
)

// coroutine is the state of a thread made by coroutine.create or wrap.
type coroutine struct {
	fn      *lua.LFunction // until it has started
	running bool           // it runs, or resumed one that runs, or waits in a call of the host
	dead    bool
	want    int  // how many values the pending yield returns; MultRet: all
	last    bool // that yield was the coroutine's last call: its values are the results
}

func (vm *VM) openCoroutine() {
	lua.OpenCoroutine(vm.L)
	vm.stockResume = vm.L.GetField(vm.L.Get(-1), "resume").(*lua.LFunction).GFunction
	vm.L.SetTop(0)
	mod := vm.L.NewTable()
	for name, fn := range map[string]lua.LGFunction{
		"create": vm.coCreate, "resume": vm.coResume, "running": vm.coRunning,
		"status": vm.coStatus, "wrap": vm.coWrap, "yield": vm.coYield,
	} {
		mod.RawSetString(name, vm.L.NewFunction(fn))
	}
	vm.SetGlobal("coroutine", mod)
}

func (vm *VM) newCoroutine(L *lua.LState) *thread {
	fn := L.CheckFunction(1)
	if fn.IsG {
		L.ArgError(1, "Lua function expected")
	}
	th := vm.newThread()
	th.co = &coroutine{fn: fn}
	return th
}

func (vm *VM) coCreate(L *lua.LState) int {
	L.Push(vm.newCoroutine(L).L)
	return 1
}

func (vm *VM) coWrap(L *lua.LState) int {
	th := vm.newCoroutine(L)
	L.Push(L.NewClosure(func(L *lua.LState) int {
		n, f := vm.resume(L, th, 1)
		if f != nil {
			L.Error(f.value, 0)
		}
		return n
	}, th.L)) // the upvalue is for the memory watch
	return 1
}

func (vm *VM) coResume(L *lua.LState) int {
	th := threadOf(L.CheckThread(1))
	n, f := vm.resume(L, th, 2)
	if f != nil {
		L.Push(lua.LFalse)
		L.Push(f.value)
		return 2
	}
	L.Insert(lua.LTrue, 1)
	return n + 1
}

// resume continues th with the arguments of L from index first on, and leaves n
// results on top of L.
func (vm *VM) resume(L *lua.LState, th *thread, first int) (n int, f *failure) {
	switch {
	case th == nil || th.co == nil || th.co.running:
		return 0, &failure{value: lua.LString("cannot resume non-suspended coroutine")}
	case th.co.dead:
		return 0, &failure{value: lua.LString("cannot resume dead coroutine")}
	}
	co := th.co
	t := vm.nest(L)
	defer t.unnest()
	var args []lua.LValue
	for i := first; i <= L.GetTop(); i++ {
		args = append(args, L.Get(i))
	}
	if co.last {
		co.dead = true
		L.SetTop(0)
		for _, a := range args {
			L.Push(a)
		}
		return len(args), nil
	}
	L.SetTop(0) // nothing below the arguments is needed any more
	co.running, th.parent = true, L
	if co.fn != nil {
		f = vm.startCoroutine(L, th, args)
	} else {
		f = vm.continueCoroutine(L, th, args)
	}
	co.running, th.parent = false, nil
	th.L.Parent = nil
	vm.L.G.CurrentThread = L
	if f != nil {
		L.SetTop(0)
		co.dead, th.L.Dead = true, true
		return 0, f
	}
	co.dead = th.L.Dead
	co.last = !co.dead && topFrame(th.L) == nil
	return L.GetTop(), nil
}

// startCoroutine calls the function as any other; yield and the final return move
// their values to L themselves, behind a true.
func (vm *VM) startCoroutine(L *lua.LState, th *thread, args []lua.LValue) *failure {
	th.L.Push(th.co.fn)
	th.co.fn = nil
	for _, a := range args {
		th.L.Push(a)
	}
	th.L.Parent = L
	if f := vm.invoke(th, len(args), true); f != nil {
		vm.keepCapture(f)
		return f
	}
	L.Remove(1)
	return nil
}

// continueCoroutine returns args from the pending yield, exactly as many as its
// place wants: gopher-lua leaves missing ones unset.
func (vm *VM) continueCoroutine(L *lua.LState, th *thread, args []lua.LValue) *failure {
	if want := th.co.want; want != lua.MultRet {
		for len(args) < want {
			args = append(args, lua.LNil)
		}
		args = args[:want]
	}
	L.Push(th.L)
	for _, a := range args {
		L.Push(a)
	}
	vm.stockResume(L) // leaves the thread, whether it went well, the values
	ok := lua.LVAsBool(L.Get(2))
	if !ok {
		return &failure{value: L.Get(3)}
	}
	L.Remove(2)
	L.Remove(1)
	return nil
}

// keepCapture remembers where a coroutine failed, for the case that its error ends the task.
func (vm *VM) keepCapture(f *failure) {
	if vm.task != nil && f.at != nil {
		f.at.value = f.value
		vm.task.shown = f.at
	}
}

// coYield hands its arguments to whoever resumed the coroutine. It is refused where
// gopher-lua would lose the Go functions in between.
func (vm *VM) coYield(L *lua.LState) int {
	th := threadOf(L)
	if th == nil || th.co == nil {
		if vm.currentCoroutine(L) != nil {
			L.RaiseError("attempt to yield across a protected call; yield outside of pcall, xpcall and the like")
		}
		L.RaiseError("attempt to yield from outside a coroutine")
	}
	f := topFrame(L)
	for c := f; c.Parent != nil; c = c.Parent {
		p := c.Parent
		if p.Fn.IsG {
			L.RaiseError("attempt to yield inside a callback of a function of the host (sort, gsub, require …)")
		}
		if op := int(p.Fn.Proto.Code[p.Pc-1] >> 26); op != lua.OP_CALL && op != lua.OP_TAILCALL {
			L.RaiseError("attempt to yield inside a metamethod or an iterator")
		}
	}
	th.co.want = f.NRet
	return -1
}

// currentCoroutine is the coroutine that L runs in, through protected calls.
func (vm *VM) currentCoroutine(L *lua.LState) *thread {
	for th := threadOf(L); th != nil; th = threadOf(th.parent) {
		if th.co != nil {
			return th
		}
		if th.parent == nil {
			break
		}
	}
	return nil
}

func (vm *VM) coRunning(L *lua.LState) int {
	if th := vm.currentCoroutine(L); th != nil {
		L.Push(th.L)
	} else {
		L.Push(lua.LNil)
	}
	return 1
}

func (vm *VM) coStatus(L *lua.LState) int {
	th := threadOf(L.CheckThread(1))
	status := "suspended"
	switch {
	case th == nil || th.co == nil || th == vm.currentCoroutine(L):
		status = "running"
	case th.co.running:
		status = "normal"
	case th.co.dead:
		status = "dead"
	}
	L.Push(lua.LString(status))
	return 1
}
