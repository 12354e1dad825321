package engine

import (
	"strconv"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
	"bridgehost/engine/lualib"
	"bridgehost/engine/luasrc"
)

// limitArrays bounds the array that t[n] = v makes in one step. It is a variable of
// gopher-lua's, written once, before the first VM runs.
var limitArrays = sync.OnceFunc(func() { lua.MaxArrayIndex = maxArrayIndex })

// openLibraries installs the language: lualib's functions, and those that need the VM.
func (vm *VM) openLibraries() {
	L := vm.L
	lualib.Open(L, lualib.Env{
		Poll: vm.Poll, Call: vm.Call, Throw: vm.Raise,
		MaxString: vm.limits.String, MaxResults: maxResults,
		Now: vm.clock.Now,
	})
	vm.SetGlobal("_G", L.G.Global)
	vm.SetGlobal("_VERSION", lua.LString(lua.LuaVersion))
	for name, fn := range map[string]lua.LGFunction{
		"pcall": vm.pcall, "xpcall": vm.xpcall, "error": vm.luaError, "print": vm.print,
		"require": vm.require, "loadstring": vm.loadString,
	} {
		vm.SetGlobal(name, L.NewFunction(fn))
	}
	for i, name := range []string{"error", "assert"} {
		vm.raisers[i], _ = L.G.Global.RawGetString(name).(*lua.LFunction)
	}
	vm.openCoroutine()
}

// Poll charges work done in Go to the running task: steps are like instructions. It
// raises when the task must end.
func (vm *VM) Poll(steps int) {
	b := vm.budget
	b.n -= steps
	if b.n > 0 && !b.kick.Load() || b.slow() == nil {
		return
	}
	L := vm.L.G.CurrentThread
	L.RaiseError("%s", b.cause.Message)
}

// luaError is Lua's error, with the levels of Lua 5.1; through protected calls and
// coroutines too.
func (vm *VM) luaError(L *lua.LState) int {
	v := L.Get(1)
	level := L.OptInt(2, 1)
	if s, ok := v.(lua.LString); ok && level > 0 {
		if pos := where(L, level); pos != "" {
			v = lua.LString(pos+": ") + s
		}
	}
	L.Error(v, 0)
	return 0
}

// where is "file:line" of the Lua function at a level above the running Go function,
// level 0 of the nearest one; "" for a Go function.
func where(L *lua.LState, level int) string {
	nearest := level == 0
	if nearest {
		level = 1
	}
	for th := threadOf(L); ; th = threadOf(L) {
		for f := topFrame(L); f != nil; f = f.Parent {
			if level <= 0 || nearest && !f.Fn.IsG {
				if f.Fn.IsG {
					return ""
				}
				return f.Fn.Proto.SourceName + ":" + strconv.Itoa(f.line())
			}
			if !nearest {
				level--
			}
		}
		if th == nil || th.parent == nil {
			return ""
		}
		L = th.parent
	}
}

// print writes its arguments, separated by tabs, to where the host wants them.
func (vm *VM) print(L *lua.LState) int {
	var b strings.Builder
	for i := 1; i <= L.GetTop(); i++ {
		if i > 1 {
			b.WriteByte('\t')
		}
		b.WriteString(vm.Text(L, L.Get(i)))
	}
	vm.prints(b.String())
	return 0
}

// Text is what tostring makes of v.
func (vm *VM) Text(L *lua.LState, v lua.LValue) string {
	if s, ok := v.(lua.LString); ok {
		return string(s)
	}
	vm.Call(L, vm.L.G.Global.RawGetString("tostring"), 1, v)
	s := L.Get(-1)
	L.Pop(1)
	return lua.LVAsString(s)
}

// loadString compiles a text within the limits that files have.
func (vm *VM) loadString(L *lua.LState) int {
	source, name := L.CheckString(1), L.OptString(2, "")
	switch {
	case strings.HasPrefix(name, "=") || strings.HasPrefix(name, "@"):
		name = name[1:]
	default:
		line, _, more := strings.Cut(strings.TrimSpace(source), "\n")
		if name != "" {
			line, more = name, false
		}
		if len(line) > 60 || more {
			line = line[:min(len(line), 60)] + "..."
		}
		name = `[string "` + line + `"]`
	}
	if strings.HasPrefix(source, "\x1b") {
		L.Push(lua.LNil)
		L.Push(lua.LString(name + ": bytecode is not loaded; give the source"))
		return 2
	}
	chunk, err := luasrc.Compile(name, source, luasrc.Limits{})
	if err != nil {
		e := err.Error
		L.Push(lua.LNil)
		L.Push(lua.LString(name + ":" + strconv.Itoa(err.Line) + ": " + e.Message))
		return 2
	}
	L.Push(vm.function(chunk))
	return 1
}

// closeGlobals makes undeclared globals an error from here on.
func (vm *VM) closeGlobals() {
	mt := vm.L.NewTable()
	mt.RawSetString("__index", vm.L.NewFunction(vm.noGlobal))
	mt.RawSetString("__newindex", vm.L.NewFunction(vm.newGlobal))
	mt.RawSetString("__metatable", lua.LString("strict"))
	vm.strict = mt
	vm.SetStrict(!vm.cfg.Lenient)
}

// SetStrict tells whether undeclared globals raise. Called with the lock held.
func (vm *VM) SetStrict(on bool) {
	if on && vm.strict != nil {
		vm.L.G.Global.Metatable = vm.strict
	} else {
		vm.L.G.Global.Metatable = lua.LNil
	}
}

// noGlobal is raised by reading a global that was never set.
func (vm *VM) noGlobal(L *lua.LState) int {
	key, ok := L.Get(2).(lua.LString)
	if !ok {
		L.Push(lua.LNil)
		return 1
	}
	name := string(key)
	if name == "arg" { // set by the host only when there are arguments
		L.Push(lua.LNil)
		return 1
	}
	hint := vm.globalHint(L, name)
	if hint != "" {
		hint = "; " + hint
	}
	L.RaiseError("%s", "unknown global '"+name+"'"+hint)
	return 0
}

// gone are names of Lua's library that scripts do not have, with what to use.
var gone = map[string]string{
	"dofile": "use require", "loadfile": "use require", "load": "use loadstring", "module": "return a table from the file",
	"io": `files are in require "bridge.fs"`, "debug": "there is none", "package": "use require",
	"setfenv": "there is none", "getfenv": "there is none", "collectgarbage": "the host takes care of it", "newproxy": "use setmetatable",
}

// foreign are names of other languages, with Lua's.
var foreign = map[string]string{
	"null": "nil", "None": "nil", "undefined": "nil", "NULL": "nil", "True": "true", "False": "false", "this": "self",
	"len": "#", "str": "tostring", "int": "math.floor or tonumber", "float": "tonumber", "printf": "print",
}

func (vm *VM) globalHint(L *lua.LState, name string) string {
	if hint := GlobalHint(name, func(module string) bool { return vm.preload[module] != nil }); hint != "" {
		return hint
	}
	a := vm.adviser(L)
	if a != nil {
		if hint := a.global(name); hint != "" {
			return hint
		}
	}
	var known []string
	vm.L.G.Global.ForEach(func(k, _ lua.LValue) {
		if s, ok := k.(lua.LString); ok {
			known = append(known, string(s))
		}
	})
	if a != nil { // a local that is misspelt is a global too
		known = append(known, a.f.Fn.Proto.DbgUpvalues...)
		for _, local := range a.f.Fn.Proto.DbgLocals {
			if local.StartPc < a.f.Pc && a.f.Pc <= local.EndPc {
				known = append(known, local.Name)
			}
		}
	}
	if s := diag.Suggest(name, known); s != "" {
		return "did you mean '" + s + "'?"
	}
	return ""
}

// GlobalHint says what to write instead of a name that is no global: of Lua's library that
// scripts do not have, of other languages, of a module; "" when it is none of them.
func GlobalHint(name string, isModule func(string) bool) string {
	if use, ok := gone[name]; ok {
		return use
	}
	if use, ok := foreign[name]; ok {
		return "Lua writes " + use
	}
	for _, module := range []string{name, "bridge." + name} {
		if isModule(module) {
			return "write local " + name + ` = require "` + module + `"`
		}
	}
	return ""
}

// Globals are the names that every script finds, each with the members of what is a table.
func Globals() map[string][]string {
	vm := NewVM(Config{})
	defer vm.Close()
	names := map[string][]string{"arg": nil} // nil when there are no arguments
	vm.L.G.Global.ForEach(func(k, v lua.LValue) {
		name, ok := k.(lua.LString)
		if !ok {
			return
		}
		names[string(name)] = nil
		if t, ok := v.(*lua.LTable); ok && t != vm.L.G.Global {
			t.ForEach(func(k, _ lua.LValue) { names[string(name)] = append(names[string(name)], k.String()) })
		}
	})
	return names
}

// newGlobal is raised by assigning a global that was never set.
func (vm *VM) newGlobal(L *lua.LState) int {
	if key, ok := L.Get(2).(lua.LString); ok {
		L.RaiseError("%s", "assign to undeclared global '"+string(key)+"'; did you forget `local`?")
	}
	L.G.Global.RawSet(L.Get(2), L.Get(3))
	return 0
}
