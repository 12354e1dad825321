package engine

import (
	"context"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
)

// Request is a call that somebody outside waits for: an HTTP request.
type Request struct {
	Label    string
	Deadline time.Duration // 0: Limits.Handler
	// Choose finds the handler in the generation that answers; nil: there is none.
	Choose func(g *Generation) *Handler
	// Arg builds the handler's argument, with the lock held.
	Arg func(vm *VM) lua.LValue
}

// Answer runs the handler of a request and returns what it returned; known is false when
// there is no handler. What the handler wrote is on disk then. While a reload goes on it
// waits for the new generation, so that a route has no gap; ctx ends that waiting only.
// Results may be read with the VM's lock only, unless they are plain values.
func (s *Script) Answer(ctx context.Context, r Request) (results []lua.LValue, known bool, err *diag.Error) {
	g, err := s.entered(ctx)
	if err != nil {
		return nil, false, err
	}
	defer g.running.Done()
	h := r.Choose(g)
	if h == nil {
		return nil, false, nil
	}
	t := &Task{Label: r.Label, Deadline: r.Deadline}
	if t.Deadline <= 0 {
		t.Deadline = s.cfg.Limits.Handler
	}
	results, err = g.runIn(g.ctx, t, h.Fn, func(*lua.LState) []lua.LValue { return []lua.LValue{r.Arg(g.vm)} })
	if err != nil && (err.Kind != diag.KindStopping || !g.isStopping()) {
		s.report(g, err, r.Label)
	}
	return results, true, err
}

// Ready returns when the script answers requests, or says why it does not.
func (s *Script) Ready(ctx context.Context) *diag.Error {
	g, err := s.entered(ctx)
	if err == nil {
		g.running.Done()
	}
	return err
}

// entered is the generation that answers, counted in, once no reload goes on.
func (s *Script) entered(ctx context.Context) (*Generation, *diag.Error) {
	for {
		select {
		case <-s.lanes.opened():
		case <-s.ending:
			return nil, stoppingError("the script was unloaded")
		case <-ctx.Done():
			return nil, stoppingError("the script does not run")
		}
		g := s.Current()
		if g != nil && !s.lanes.isHeld() && g.enter() {
			return g, nil
		}
		if ctx.Err() != nil {
			return nil, stoppingError("the script does not run")
		}
	}
}
