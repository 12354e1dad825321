package engine

import (
	"context"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
)

// Ask runs handlers of the generation that answers now, one after another and outside of
// the lanes: what they are asked is not kept, and not repeated after a crash. choose picks
// them, arg makes their argument; heard is given what each returned and says whether that
// is enough. arg and heard run with the VM's lock. The first error ends it, and is
// reported. A script that has not loaded is not asked.
func (s *Script) Ask(ctx context.Context, label string, choose func(*Generation) []*Handler,
	arg func(*VM) lua.LValue, heard func(vm *VM, results []lua.LValue) (enough bool),
) *diag.Error {
	g := s.Current()
	if g == nil || !g.enter() {
		return nil
	}
	defer g.running.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(g.ctx, cancel)()
	for _, h := range choose(g) {
		t := &Task{Label: label, Deadline: s.cfg.Limits.Handler}
		results, err := g.runIn(ctx, t, h.Fn, func(*lua.LState) []lua.LValue { return []lua.LValue{arg(g.vm)} })
		g.count(err)
		if err != nil {
			if !g.isStopping() {
				s.report(g, err, label)
			}
			return err
		}
		enough := false
		g.vm.Locked(func() { enough = heard(g.vm, results) })
		if enough {
			return nil
		}
	}
	return nil
}
