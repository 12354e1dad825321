package luabind

import (
	"sync"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/engine"
)

// Library puts the Lua API of one script into each of its VMs; an engine.Library.
type Library struct{ script *Script }

// NewLibrary makes the library of a script.
func NewLibrary(s *Script) *Library {
	prepare()
	return &Library{script: s}
}

// Open implements engine.Library: modules for require, and the global intent.
func (l *Library) Open(vm *engine.VM) {
	env := newEnv(vm, l.script)
	for _, g := range registry {
		if !g.Class && (g != specModule || l.script.Specs != nil) {
			vm.Preload(g.Name, func(*engine.VM) lua.LValue { return env.module(g) })
		}
	}
	vm.SetMembers(env.members)
	if l.script.Bot != nil {
		vm.SetGlobal("intent", env.Intent(l.script.Bot))
	}
}

// prepare makes the decoders of everything that was declared. It is done at the first
// use and not while declaring, since an argument's class may be declared in a later file.
var prepare = sync.OnceFunc(func() {
	for _, g := range registry {
		for _, f := range g.Functions {
			f.prepare()
		}
	}
})
