package engine

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/delivery"
	"bridgehost/diag"
)

// Spawn is a task that runs beside the one that started it.
type Spawn struct {
	g       *Generation
	ctx     context.Context
	cancel  context.CancelCauseFunc
	done    chan struct{}
	results []lua.LValue
	err     *diag.Error
	quiet   bool // its error is for whoever waits
	waited  atomic.Bool
}

// Spawn runs fn(args…) as a task of its own, in memory: it ends with its generation
// and is not repeated after a crash. Its error is reported, unless somebody waits for it.
func (g *Generation) Spawn(t *Task, fn *lua.LFunction, args ...lua.LValue) (*Spawn, *diag.Error) {
	return g.later(t, "spawned task", 0, nil, false, fn, args)
}

// SpawnUnit is Spawn for one part of the work of t, with a unit that the caller
// made (nil: one without an item). Its error is for whoever waits, nobody else hears of it.
func (g *Generation) SpawnUnit(t *Task, label string, unit *delivery.Unit, fn *lua.LFunction, args ...lua.LValue) (*Spawn, *diag.Error) {
	return g.later(t, label, 0, unit, true, fn, args)
}

// After runs fn(args…) once d has passed.
func (g *Generation) After(t *Task, d time.Duration, fn *lua.LFunction, args ...lua.LValue) (*Spawn, *diag.Error) {
	return g.later(t, fmt.Sprintf("timer of %s", d), d, nil, false, fn, args)
}

func (g *Generation) later(t *Task, label string, d time.Duration, unit *delivery.Unit, quiet bool, fn *lua.LFunction, args []lua.LValue) (*Spawn, *diag.Error) {
	if t == nil || t.Loading {
		return nil, &diag.Error{Kind: diag.KindUsage, Code: "E_LOADING",
			Message: label + " cannot be started while the script is loading",
			Hint:    `put it in bridge.on("load", function() … end)`}
	}
	if err := g.countTimer(); err != nil {
		return nil, err
	}
	if !g.enter() {
		g.timerEnded()
		return nil, errGenerationEnded(g)
	}
	s := &Spawn{g: g, quiet: quiet, done: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancelCause(g.ctx)
	if t.Label != "" {
		label += ", started in " + t.Label
	}
	task := &Task{Label: label, Deadline: g.Script.cfg.Limits.Handler, Unit: unit, Stopping: g.stopping}
	go s.loop(task, d, fn, args)
	return s, nil
}

func (s *Spawn) loop(t *Task, d time.Duration, fn *lua.LFunction, args []lua.LValue) {
	defer s.g.running.Done()
	defer s.g.timerEnded()
	defer close(s.done)
	defer s.cancel(nil)
	if d > 0 {
		timer := s.g.Script.clock.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.Chan():
		case <-s.ctx.Done():
		case <-s.g.stopping:
			s.err = generationEnds()
			return
		}
	}
	if s.ctx.Err() != nil {
		s.err = cancelled(s.ctx)
		return
	}
	s.results, s.err = s.g.runIn(s.ctx, t, fn, func(*lua.LState) []lua.LValue { return args })
	if s.err != nil && !s.quiet && !s.waited.Load() && s.ctx.Err() == nil && s.err.Kind != diag.KindStopping {
		s.g.Script.report(s.g, s.err, t.Label)
	}
}

// Awaited says that somebody is about to wait, who gets the error: then nobody else hears of
// it. Called with the VM's lock, without which the task may end before Wait is called.
func (s *Spawn) Awaited() { s.waited.Store(true) }

// Wait returns when the task has ended, with its error. Called without the VM's lock.
func (s *Spawn) Wait(ctx context.Context) *diag.Error {
	s.Awaited()
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return &diag.Error{Kind: diag.KindTimeout, Message: "gave up waiting for a task", Retryable: true, Cause: ctx.Err()}
	}
}

// Results are what fn returned; nil before it ended. Called with the VM's lock.
func (s *Spawn) Results() []lua.LValue {
	select {
	case <-s.done:
		return s.results
	default:
		return nil
	}
}

// Cancel ends the task at its next instruction or wait. Cancelling twice is harmless. Who
// waits for it gets an error that no repeat mends.
func (s *Spawn) Cancel() {
	s.cancel(&diag.Error{Kind: diag.KindStopping, Code: "E_CANCELLED", Message: "the task was cancelled"})
}

// countTimer counts a pending timer or spawned task in, up to the limit.
func (g *Generation) countTimer() *diag.Error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if most := g.Script.cfg.Limits.Timers; g.waiting >= most {
		return &diag.Error{Kind: diag.KindLimit, Code: "E_TIMERS",
			Message: fmt.Sprintf("too many timers and tasks: %d wait already", g.waiting),
			Hint:    "start fewer, wait for some first, or raise limits.timers"}
	}
	g.waiting++
	return nil
}

func (g *Generation) timerEnded() { g.mu.Lock(); g.waiting--; g.mu.Unlock() }
