package engine

import (
	"reflect"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// gopher-lua shows neither the instruction that a frame stands at nor what a table
// or a thread holds. Texts of run-time errors, coroutine.yield and the memory watch
// need both, so the types below repeat the layout of gopher-lua's own; the module's
// version is pinned and TestPeekLayout compares every field.

// frame is gopher-lua's callFrame.
type frame struct {
	Idx        int
	Fn         *lua.LFunction
	Parent     *frame
	Pc         int
	Base       int
	LocalBase  int
	ReturnBase int
	NArgs      int
	NRet       int
	TailCall   int
}

// registry is the beginning of gopher-lua's registry: the values of one thread.
type registry struct {
	array []lua.LValue
	top   int
}

// table is gopher-lua's LTable.
type table struct {
	Metatable lua.LValue

	array   []lua.LValue
	dict    map[lua.LValue]lua.LValue
	strdict map[string]lua.LValue
	keys    []lua.LValue
	k2i     map[lua.LValue]int
}

// upvalue is gopher-lua's Upvalue.
type upvalue struct {
	next   *upvalue
	reg    *registry
	index  int
	value  lua.LValue
	closed bool
}

// registryAt is where an LState keeps the pointer to its registry.
var registryAt = func() uintptr {
	f, ok := reflect.TypeOf(lua.LState{}).FieldByName("reg")
	if !ok {
		panic("engine: this version of gopher-lua keeps its registers elsewhere")
	}
	return f.Offset
}()

// topFrame is the innermost frame of L, nil when nothing runs on it.
func topFrame(L *lua.LState) *frame {
	dbg, ok := L.GetStack(0)
	if !ok {
		return nil
	}
	return *(**frame)(unsafe.Pointer(dbg)) // Debug begins with its frame
}

func registryOf(L *lua.LState) *registry {
	return *(**registry)(unsafe.Add(unsafe.Pointer(L), registryAt))
}

func tableOf(t *lua.LTable) *table { return (*table)(unsafe.Pointer(t)) }

func upvalueOf(u *lua.Upvalue) *upvalue { return (*upvalue)(unsafe.Pointer(u)) }

// register reads register n of a frame, nil when there is none.
func register(L *lua.LState, f *frame, n int) lua.LValue {
	reg := registryOf(L)
	if i := f.LocalBase + n; i >= 0 && i < len(reg.array) && reg.array[i] != nil {
		return reg.array[i]
	}
	return lua.LNil
}

// line is where a Lua frame stands, 0 for a Go function.
func (f *frame) line() int {
	if f.Fn.IsG || f.Fn.Proto == nil {
		return 0
	}
	pc := f.Pc - 1
	if pc < 0 {
		pc = 0
	}
	if pc >= len(f.Fn.Proto.DbgSourcePositions) {
		return 0
	}
	return f.Fn.Proto.DbgSourcePositions[pc]
}
