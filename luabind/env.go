package luabind

import (
	"context"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/delivery"
	"bridgehost/diag"
	"bridgehost/engine"
)

// Env is what the bindings of one VM share. Use it with the VM's lock held.
type Env struct {
	VM     *engine.VM
	Script *Script

	null    *lua.LUserData // json.null
	arrayMT *lua.LTable    // marks lists
	regexps patterns       // of bridge.re
	metas   map[*Group]*lua.LTable
	modules map[*Group]*lua.LTable
	refusal *lua.LFunction // the handler of commands that cannot run
	intents map[any]*lua.LUserData
	specs   *specs

	transactions map[*engine.Task]Transaction // of bridge.sql, by who is in them

	http     *httpClient // made at the first request
	headerMT *lua.LTable // of tables of headers
}

// envKey is where a VM's registry keeps its Env.
const envKey = "bridgehost.env"

func newEnv(vm *engine.VM, s *Script) *Env {
	env := &Env{VM: vm, Script: s, metas: map[*Group]*lua.LTable{}, modules: map[*Group]*lua.LTable{}, intents: map[any]*lua.LUserData{}, specs: &specs{}}
	env.openJSON()
	env.refusal = vm.L.NewFunction(env.refuse)
	held := vm.L.NewUserData()
	held.Value = env
	vm.L.G.Registry.RawSetString(envKey, held)
	return env
}

// EnvOf is the Env of a VM that a Library was opened in, nil for others.
func EnvOf(vm *engine.VM) *Env {
	held, ok := vm.L.G.Registry.RawGetString(envKey).(*lua.LUserData)
	if !ok {
		return nil
	}
	env, _ := held.Value.(*Env)
	return env
}

// Object makes a Lua object of a class around a Go value.
func (env *Env) Object(g *Group, v any) *lua.LUserData {
	return &lua.LUserData{Value: v, Env: env.VM.L.Env, Metatable: env.meta(g)}
}

// TableObject makes an object of a tableClass: a table whose fields are computed at the first look.
func (env *Env) TableObject(g *Group, v any) *lua.LTable {
	L := env.VM.L
	class := env.meta(g)
	mt := L.CreateTable(0, 4)
	for _, name := range []string{"__index", "__tostring", "__name", "__metatable"} {
		if f := class.RawGetString(name); f != lua.LNil {
			mt.RawSetString(name, f)
		}
	}
	held := L.NewUserData()
	held.Value = v
	mt.RawSetString(selfKey, held)
	t := L.NewTable()
	t.Metatable = mt
	return t
}

// selfKey is where the metatable of a table object keeps its Go value.
const selfKey = "__self"

// selfOf is the Go value of an object, if it is a T.
func selfOf[T any](v lua.LValue) (self T, ok bool) {
	switch x := v.(type) {
	case *lua.LUserData:
		self, ok = x.Value.(T)
	case *lua.LTable:
		if mt, is := x.Metatable.(*lua.LTable); is {
			if held, is := mt.RawGetString(selfKey).(*lua.LUserData); is {
				self, ok = held.Value.(T)
			}
		}
	}
	return self, ok
}

// Null is json.null of this VM.
func (env *Env) Null() lua.LValue { return env.null }

// IsNull tells whether v is json.null.
func (env *Env) IsNull(v lua.LValue) bool {
	ud, ok := v.(*lua.LUserData)
	return ok && ud == env.null
}

// Array marks t as a list, so that it is written as [] when it is empty.
func (env *Env) Array(t *lua.LTable) *lua.LTable {
	t.Metatable = env.arrayMT
	return t
}

// IsArray tells whether t is marked as a list.
func (env *Env) IsArray(t *lua.LTable) bool { return t.Metatable == lua.LValue(env.arrayMT) }

// Call is one call from Lua, as the Go function behind a binding sees it. A function
// that waits (waits, waitsInput) may use Context, Unit and Script only.
type Call struct {
	*Env
	L *lua.LState

	fn   *Function
	ctx  context.Context
	args int // how many there were
}

// Context ends with the handler, and carries its unit of work.
func (c *Call) Context() context.Context {
	if c.ctx != nil {
		return c.ctx
	}
	if t := c.VM.Task(); t != nil {
		return t.Context()
	}
	return context.Background()
}

// Unit is the running handler's; nil when there is none.
func (c *Call) Unit() *delivery.Unit {
	if c.ctx != nil {
		return delivery.From(c.ctx)
	}
	if t := c.VM.Task(); t != nil {
		return t.Unit
	}
	return nil
}

// Wait runs f without the lock; for functions declared waitsInside. f must not touch Lua.
func (c *Call) Wait(f func(ctx context.Context)) { c.VM.Wait(c.L, f) }

// WaitInput is Wait for input; for functions declared inputInside. f tells whether it took something.
func (c *Call) WaitInput(f func(ctx context.Context) (took bool)) { c.VM.WaitInput(c.L, f) }

// Raise raises err as a script sees it. It does not return.
func (c *Call) Raise(err error) {
	e := ErrorOf(err)
	c.observe(Observed{Errcode: e.Code})
	c.VM.Raise(c.L, e)
}

// returned is nil and err as results: for functions of groups that raise otherwise.
func (c *Call) returned(err *diag.Error) results2 {
	c.observe(Observed{Errcode: err.Code})
	return results2{lua.LNil, c.VM.ErrorValue(err)}
}

// Function is the declaration of what was called.
func (c *Call) Function() *Function { return c.fn }

// fail hands an error to the script as the declaration says.
func (c *Call) fail(err error) int {
	e := ErrorOf(err)
	c.observe(Observed{Errcode: e.Code})
	if !c.fn.Group.Returns || e.Kind == diag.KindUsage || e.Kind == diag.KindStopping {
		c.VM.Raise(c.L, e)
	}
	c.L.Push(lua.LNil)
	c.L.Push(c.VM.ErrorValue(e))
	return 2
}
