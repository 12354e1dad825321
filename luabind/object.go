package luabind

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
)

// classType ties a Go type to the class whose objects hold it.
type classType struct {
	group *Group
	read  func(name string) reader
}

// classTypes is filled by holds.
var classTypes = map[reflect.Type]*classType{}

// holds says that a class's objects hold a T: results of that type become such
// objects, and arguments of that type are read from them.
func holds[T any]() groupDetail {
	return func(g *Group) {
		classTypes[reflect.TypeFor[T]()] = &classType{group: g, read: readObject[T]}
	}
}

// meta is the metatable of a class in this VM.
func (env *Env) meta(g *Group) *lua.LTable {
	if mt := env.metas[g]; mt != nil {
		return mt
	}
	L := env.VM.L
	mt := L.CreateTable(0, 6)
	env.metas[g] = mt
	mt.RawSetString("__name", lua.LString(g.Name))
	mt.RawSetString("__metatable", lua.LString(g.Name))
	mt.RawSetString("__tostring", L.NewFunction(func(L *lua.LState) int {
		L.Push(lua.LString(g.Name))
		return 1
	}))
	mt.RawSetString("__index", L.NewFunction(env.indexOf(g)))
	if !g.table {
		mt.RawSetString("__newindex", L.NewFunction(func(L *lua.LState) int {
			env.VM.Raise(L, &diag.Error{Kind: diag.KindUsage, Code: "E_ARGUMENT",
				Message: fmt.Sprintf("%s cannot be changed (the field '%s' was set)", g.Name, keyText(L.Get(2)))})
			return 0
		}))
	}
	for _, name := range slices.Sorted(maps.Keys(g.meta)) {
		mt.RawSetString(name, L.NewFunction(g.meta[name](env)))
	}
	return mt
}

// indexOf finds methods, which are made at the first look, and fields.
func (env *Env) indexOf(g *Group) lua.LGFunction {
	methods := make(map[string]*lua.LFunction, len(g.functions))
	return func(L *lua.LState) int {
		key, ok := L.Get(2).(lua.LString)
		if !ok {
			env.noMember(L, g, keyText(L.Get(2)))
		}
		name := string(key)
		if m := methods[name]; m != nil {
			L.Push(m)
			return 1
		}
		if f := g.functions[name]; f != nil {
			methods[name] = env.function(f)
			L.Push(methods[name])
			return 1
		}
		f := g.fields[name]
		if f == nil {
			env.noMember(L, g, name)
		}
		L.Push(env.readField(L, g, f))
		return 1
	}
}

// readField computes a field; a table object keeps it.
func (env *Env) readField(L *lua.LState, g *Group, f *Field) lua.LValue {
	self := L.Get(1)
	switch x := self.(type) {
	case *lua.LUserData:
		return f.get(env, L, x.Value)
	case *lua.LTable:
		if held, ok := selfOf[any](x); ok {
			v := f.get(env, L, held)
			if v != lua.LNil {
				x.RawSetString(f.Name, v)
			}
			return v
		}
	}
	env.noMember(L, g, f.Name)
	return lua.LNil
}

// noMember raises for an unknown method or field: a mistyped name is otherwise nil, and the error elsewhere.
func (env *Env) noMember(L *lua.LState, g *Group, name string) {
	message, _ := g.Missing(name)
	env.VM.Raise(L, &diag.Error{Kind: diag.KindUsage, Code: "E_NO_MEMBER", Message: message})
}

// function makes the Lua function of a declaration.
func (env *Env) function(f *Function) *lua.LFunction {
	return env.VM.L.NewFunction(func(L *lua.LState) int { return f.call(env, L) })
}

// module makes the table of a module, once in each VM. An unknown name raises.
func (env *Env) module(g *Group) *lua.LTable {
	if t := env.modules[g]; t != nil {
		return t
	}
	L := env.VM.L
	t := L.CreateTable(0, len(g.Functions)+len(g.Fields))
	env.modules[g] = t
	for _, f := range g.Functions {
		t.RawSetString(f.Name, env.function(f))
	}
	for _, add := range g.extra {
		add(env, t)
	}
	mt := L.CreateTable(0, 2)
	mt.RawSetString("__name", lua.LString(g.Name))
	mt.RawSetString("__index", L.NewFunction(func(L *lua.LState) int {
		message, _ := g.Missing(keyText(L.Get(2)))
		env.VM.Raise(L, &diag.Error{Kind: diag.KindUsage, Code: "E_NO_MEMBER", Message: message})
		return 0
	}))
	t.Metatable = mt
	return t
}
