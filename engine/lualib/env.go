// Package lualib is the library that scripts see in place of gopher-lua's: string,
// table, math, utf8, a small os, and the base functions that need nothing of the VM.
// Nothing in it can hang or bloat the process: long work is charged to the running
// handler's budget while it goes on (Env.Poll), a string's length is checked before it
// is built, and calls back into Lua are counted (Env.Call).
//
//	lualib.Open(L, lualib.Env{Poll: vm.charge, Call: vm.call, Throw: vm.throw})
//
// The VM package adds what needs a VM: pcall, xpcall, error, coroutine, require,
// loadstring, print. The compiler (engine/luasrc) turns `a .. b` into calls of Concat.
package lualib

import (
	"fmt"
	"math/rand/v2"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
)

// Defaults of Env's limits.
const (
	DefaultMaxString  = 16 << 20
	DefaultMaxResults = 8000
)

// ConcatKey is where Open leaves, in L's registry, what concatenations in compiled
// source call. engine/luasrc knows it by the same name.
const ConcatKey = "bridgehost.concat"

// pollEvery is how many steps of one piece of Go work may pass between two polls.
const pollEvery = 1024

// Env is what the library needs of the VM that it is opened in. A nil function and a
// zero limit stand for a default: no budget, L.Call, L.RaiseError, time.Now.
type Env struct {
	// Poll charges work done in Go to the running handler's budget; a step is about an
	// instruction. It panics (with a thrown Lua error) when the budget is used up.
	Poll func(steps int)
	// Call calls a Lua value from Go, counted for nesting, and leaves nret results on
	// L's stack. It must not keep args.
	Call func(L *lua.LState, fn lua.LValue, nret int, args ...lua.LValue)
	// Throw raises our error table. It does not return.
	Throw func(L *lua.LState, e *diag.Error)
	// MaxString is the length in bytes that no built string may pass.
	MaxString int
	// MaxResults caps what unpack, string.byte and their like return at once.
	MaxResults int
	// Now is the clock of os.time, os.date and os.clock; its location is the local zone.
	Now func() time.Time
}

// lib is one opened library: Env with its defaults filled in, and what Lua code may
// change through it (the random source). Used under the VM's lock only.
type lib struct {
	Env
	opened time.Time
	random *rand.Rand
	next   *lua.LFunction
	ipairs *lua.LFunction
}

// Open installs string, table, math, utf8, os and the base functions as globals of L,
// in place of what has those names, and locks the metatable of strings.
func Open(L *lua.LState, env Env) {
	l := newLib(env)
	l.openBase(L)
	l.openString(L)
	l.openTable(L)
	l.openMath(L)
	l.openUTF8(L)
	l.openOS(L)
	hook := L.NewUserData()
	hook.Value = l.concatSite
	L.G.Registry.RawSetString(ConcatKey, hook)
}

func newLib(env Env) *lib {
	if env.Poll == nil {
		env.Poll = func(int) {}
	}
	if env.Call == nil {
		env.Call = plainCall
	}
	if env.Throw == nil {
		env.Throw = func(L *lua.LState, e *diag.Error) { L.RaiseError("%s", e.Message) }
	}
	if env.MaxString == 0 {
		env.MaxString = DefaultMaxString
	}
	if env.MaxResults == 0 {
		env.MaxResults = DefaultMaxResults
	}
	if env.Now == nil {
		env.Now = time.Now
	}
	return &lib{Env: env, opened: env.Now(), random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))}
}

func plainCall(L *lua.LState, fn lua.LValue, nret int, args ...lua.LValue) {
	L.Push(fn)
	for _, a := range args {
		L.Push(a)
	}
	L.Call(len(args), nret)
}

// call1 calls fn and takes its first result off the stack.
func (l *lib) call1(L *lua.LState, fn lua.LValue, args ...lua.LValue) lua.LValue {
	l.Call(L, fn, 1, args...)
	v := L.Get(-1)
	L.Pop(1)
	return v
}

// charge polls for n bytes or elements handled by one fast Go loop.
func (l *lib) charge(n int) {
	if n >= 256 {
		l.Poll(n / 64)
	}
}

// room raises unless a string of n bytes may be built. n < 0 stands for an overflow.
func (l *lib) room(L *lua.LState, n int) {
	if n > l.MaxString || n < 0 {
		l.limit(L, fmt.Sprintf("string longer than %s", size(l.MaxString)),
			"build it in parts and send or store each part")
	}
	l.charge(n)
}

// results raises unless a call may return n values.
func (l *lib) results(L *lua.LState, n int, msg string) {
	if n > l.MaxResults || n < 0 {
		l.limit(L, msg, fmt.Sprintf("a call returns at most %d values", l.MaxResults))
	}
}

func (l *lib) limit(L *lua.LState, msg, hint string) {
	l.Throw(L, &diag.Error{Kind: diag.KindLimit, Message: msg, Hint: hint})
}

func size(n int) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}

// register puts fns into a new table under name in the globals.
func register(L *lua.LState, name string, fns map[string]lua.LGFunction) *lua.LTable {
	t := L.CreateTable(0, len(fns))
	for _, k := range sortedKeys(fns) {
		t.RawSetString(k, L.NewFunction(fns[k]))
	}
	L.G.Global.RawSetString(name, t)
	return t
}
