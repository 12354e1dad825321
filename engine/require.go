package engine

import (
	"context"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
)

// module is one that is being loaded.
type module struct {
	name   string
	loader *Task
	done   chan struct{}
}

// Preload makes require(name) answer what open returns, made once per VM. Called
// with the lock held.
func (vm *VM) Preload(name string, open func(vm *VM) lua.LValue) { vm.preload[name] = open }

// SetGlobal declares a global. Called with the lock held.
func (vm *VM) SetGlobal(name string, v lua.LValue) { vm.L.G.Global.RawSetString(name, v) }

// require answers a module of the host or of the script. A module that another
// handler is loading is waited for; one that failed is tried anew.
func (vm *VM) require(L *lua.LState) int {
	name := L.CheckString(1)
	open, key, file := vm.preload[name], name, ""
	var tried []string
	if open == nil {
		file, tried = vm.cfg.Program.module(callerPackage(L), name)
		if packageOf(file) != "" {
			key = file // packages have names of their own
		}
	}
	for {
		if v, ok := vm.loaded[key]; ok && (open != nil || file != "") {
			L.Push(v)
			return 1
		}
		if m := vm.loading[key]; m != nil && file != "" {
			vm.awaitModule(L, m)
			continue
		}
		break
	}
	if open != nil {
		v := open(vm)
		vm.loaded[name] = v
		L.Push(v)
		return 1
	}
	if file == "" {
		vm.noModule(L, name, tried)
	}
	if err := vm.cfg.Program.broken[file]; err != nil {
		vm.Raise(L, err)
	}
	vm.loadModule(L, key, name, file)
	return 1
}

// callerPackage is the package of the nearest Lua function that called: pcall, coroutine.wrap
// and the like are passed over.
func callerPackage(L *lua.LState) string {
	for L != nil {
		for level := 0; ; level++ {
			at, ok := L.GetStack(level)
			if !ok {
				break
			}
			if _, err := L.GetInfo("S", at, lua.LNil); err == nil && at.Source != "" {
				return packageOf(at.Source)
			}
		}
		th := threadOf(L)
		if th == nil {
			break
		}
		L = th.parent
	}
	return ""
}

// loadModule runs the file, keeps its value under key and leaves its value on L. An error passes through.
func (vm *VM) loadModule(L *lua.LState, key, name, file string) {
	m := &module{name: name, loader: vm.task, done: make(chan struct{})}
	vm.loading[key] = m
	defer func() {
		delete(vm.loading, key)
		close(m.done)
	}()
	vm.Call(L, vm.function(vm.cfg.Program.chunk(file)), 1, lua.LString(name))
	if v := L.Get(-1); v != lua.LNil {
		vm.loaded[key] = v
		return
	}
	L.Pop(1)
	vm.loaded[key] = lua.LTrue
	L.Push(lua.LTrue)
}

// awaitModule waits until the one who loads m is ready. Whoever waits for itself,
// through others or not, gets an error instead.
func (vm *VM) awaitModule(L *lua.LState, m *module) {
	t := vm.task
	path := []string{m.name}
	for l := m.loader; l != nil; l = l.inside.loader {
		if l == t {
			L.RaiseError("loop loading module '%s' (%s)", m.name, strings.Join(append(path, m.name), " is waited for by "))
		}
		if l.inside == nil {
			break
		}
		path = append(path, l.inside.name)
	}
	t.inside = m
	vm.unlocked(t, t.Context(), func(ctx context.Context) {
		select {
		case <-m.done:
		case <-ctx.Done():
		}
	})
	t.inside = nil
	vm.raiseEnded(L, t)
}

// isModule tells whether v is one of the host's modules.
func (vm *VM) isModule(v lua.LValue) bool {
	if _, ok := v.(*lua.LTable); !ok {
		return false
	}
	for name := range vm.preload {
		if vm.loaded[name] == v {
			return true
		}
	}
	return false
}

// noModule raises what was looked for and what there is.
func (vm *VM) noModule(L *lua.LState, name string, tried []string) {
	var host []string
	for n := range vm.preload {
		host = append(host, n)
	}
	own := vm.cfg.Program.modules()
	e := &diag.Error{Kind: diag.KindUsage, Code: "E_MODULE",
		Message: "module '" + name + "' not found: the host has none of that name, and the script has no file " + strings.Join(tried, " or ")}
	if s := diag.Suggest(name, append(host, own...)); s != "" {
		e.Hint = "did you mean '" + s + "'?"
	} else if len(own) > 0 {
		e.Hint = "the script's own modules are: " + strings.Join(own, ", ")
	}
	vm.Raise(L, e)
}
