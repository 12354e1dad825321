package engine

import (
	"context"

	"bridgehost/delivery"
	"bridgehost/diag"
)

// Exec runs src to its end with the whole API: its top level may wait, and may take as
// long as it likes. What it wrote is committed at each wait and at the end. Handlers
// and services that it declares never run.
func (s *Script) Exec(ctx context.Context, src Source) *diag.Error {
	defer s.exclusive()()
	if src.Bad != nil {
		return src.Bad
	}
	p, err := CompileSource(src)
	if err != nil {
		return err
	}
	p.Values = src.Values
	g := newGeneration(s, 1, p)
	g.source, g.hash = src, src.Hash()
	g.state = genRunning
	unit := delivery.NewUnit(delivery.Item{Kind: delivery.KindTimer}, nil, nil)
	t := &Task{Label: "the script", Unit: unit, Stopping: g.stopping, OnWait: func() { s.commitSoon(unit) }}
	if err = g.vm.Exec(ctx, t); err == nil {
		err = s.commit(unit)
	} else {
		s.undo(unit)
	}
	g.end()
	g.drain(s.cfg.Drain)
	return err
}
