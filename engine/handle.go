package engine

import (
	lua "github.com/yuin/gopher-lua"

	"bridgehost/delivery"
	"bridgehost/diag"
)

// handle runs all handlers of an item, in order, as one unit on one Lua thread; the
// first that raises fails it.
func (g *Generation) handle(m Match, unit *delivery.Unit) *diag.Error {
	t := &Task{Label: m.Label, Deadline: g.Script.cfg.Limits.Handler, Unit: unit}
	fn := m.Handlers[0].Fn
	if len(m.Handlers) > 1 {
		fn = g.vm.chain()
	}
	_, err := g.vm.Run(g.ctx, t, fn, func(L *lua.LState) []lua.LValue {
		arg := m.Arg(g.vm, L, t)
		if len(m.Handlers) == 1 {
			return []lua.LValue{arg}
		}
		args := make([]lua.LValue, 0, 1+len(m.Handlers))
		args = append(args, arg)
		for _, h := range m.Handlers {
			args = append(args, h.Fn)
		}
		return args
	})
	return err
}

// chain is a function that calls its second, third … argument with the first.
func (vm *VM) chain() *lua.LFunction {
	return vm.L.NewFunction(func(L *lua.LState) int {
		arg := L.Get(1)
		for i, n := 2, L.GetTop(); i <= n; i++ {
			vm.Call(L, L.Get(i), 0, arg)
		}
		return 0
	})
}
