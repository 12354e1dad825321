package luabind

import (
	lua "github.com/yuin/gopher-lua"

	"bridgehost/capability"
	"bridgehost/diag"
)

// bridgeModule is what require "bridge" answers; its functions are declared in the
// files mod_*.go, one subject each.
var bridgeModule = module("bridge", "What a bridge is made of: handlers, timers, services, stores, ghosts and portals.")

var _ = value(bridgeModule, "info", "table", "About the running script: `name`, `version` (of its bundle, or nil), `generation` "+
	"(1 for the first, one more with each reload), `server_name`.",
	func(env *Env) lua.LValue {
		t := env.VM.L.NewTable()
		t.RawSetString("name", lua.LString(env.Script.Name))
		if version := env.VM.Version(); version != "" {
			t.RawSetString("version", lua.LString(version))
		}
		t.RawSetString("generation", lua.LNumber(env.VM.Generation()))
		t.RawSetString("server_name", lua.LString(env.Script.ServerName))
		return t
	})

var _ = fn(bridgeModule, "strict", capability.None("changes the script itself only"), never,
	"Says whether reading or assigning an undeclared global raises, which it does unless told otherwise.",
	func(c *Call, a *struct {
		On bool `lua:"on" doc:"false: as in plain Lua"`
	}) (none, error) {
		c.VM.SetStrict(a.On)
		return none{}, nil
	}, example("bridge.strict(false) -- for old code"))

var _ = fn(bridgeModule, "try", capability.None("calls a function of the script's own"), waitsInside,
	"Calls a function that may raise. Returns its results, or nil and the error: always an error table, "+
		"also when the function raised a string.",
	func(c *Call, a *struct {
		Fn   *lua.LFunction `lua:"fn" doc:"the function"`
		Args []lua.LValue   `lua:"...,rest" doc:"its arguments"`
	}) (results2, error) {
		results, failed, raw := c.VM.Protect(c.L, a.Fn, a.Args...)
		if failed == nil {
			return results, nil
		}
		return results2{lua.LNil, errorTable(c.Env, failed, raw)}, nil
	}, results("The function's results, or nil and an error."),
	example(`local name, err = bridge.try(intent.get_displayname, intent, user)`))

// errorTable is what was raised as an error table; the script's own tables stay as they are.
func errorTable(env *Env, e *diag.Error, raw lua.LValue) lua.LValue {
	if t, ok := raw.(*lua.LTable); ok {
		return t
	}
	return env.VM.ErrorValue(e)
}
