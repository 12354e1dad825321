package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	lua "github.com/yuin/gopher-lua"

	"bridgehost/delivery"
	"bridgehost/diag"
)

// every runs a function again and again, never two at once.
type every struct {
	g      *Generation
	label  string
	period time.Duration
	jitter time.Duration
	fn     *lua.LFunction
}

// Every declares that fn runs each period, the first time one period after the
// start. A run that takes longer than the period leaves the ones out that it overlaps.
func (g *Generation) Every(period, jitter time.Duration, fn *lua.LFunction) *diag.Error {
	label := fmt.Sprintf("every %s", period)
	if err := g.declaring(label); err != nil {
		return err
	}
	if period <= 0 {
		return &diag.Error{Kind: diag.KindUsage, Message: fmt.Sprintf("a period must be longer than 0, got %s", period)}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.countDeclared(); err != nil {
		return err
	}
	g.everies = append(g.everies, &every{g: g, label: label, period: period, jitter: jitter, fn: fn})
	return nil
}

// countDeclared keeps the number of declared timers below the limit. g.mu is held.
func (g *Generation) countDeclared() *diag.Error {
	if n, most := len(g.everies)+len(g.crons), g.Script.cfg.Limits.Timers; n >= most {
		return &diag.Error{Kind: diag.KindLimit, Code: "E_TIMERS",
			Message: fmt.Sprintf("too many timers: %d are declared already", n),
			Hint:    "declare one that does the work of many, or raise limits.timers"}
	}
	return nil
}

func (e *every) start() {
	if !e.g.enter() {
		return
	}
	go func() {
		defer e.g.running.Done()
		clock := e.g.Script.clock
		next := clock.Now().Add(e.period)
		for e.g.sleep(next.Sub(clock.Now()) + spread(e.jitter)) {
			t := &Task{Label: e.label, Deadline: e.g.Script.cfg.Limits.Handler, Stopping: e.g.stopping}
			if _, err := e.g.run(t, e.fn, nil); err != nil && err.Kind != diag.KindStopping {
				e.g.Script.report(e.g, err, e.label)
			}
			for now := clock.Now(); !next.After(now); {
				next = next.Add(e.period * (now.Sub(next)/e.period + 1))
			}
		}
	}()
}

// sleep waits for d; false when the generation is to end.
func (g *Generation) sleep(d time.Duration) bool {
	if d <= 0 {
		return !g.isStopping()
	}
	timer := g.Script.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.Chan():
		return !g.isStopping()
	case <-g.stopping:
		return false
	}
}

// spread is a random part of d.
func spread(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}

// cronJob is one declared schedule. When it last ran is on disk: a run missed
// while the host was down runs once, and one that was cut off by a crash runs
// again with the same transaction ids.
type cronJob struct {
	g      *Generation
	expr   string
	id     string // names the schedule on disk: the expression, and which one of equal ones
	when   cron.Schedule
	jitter time.Duration
	fn     *lua.LFunction
	done   chan struct{} // closed when it will not run again
}

// parseCron reads an expression. COMPAT(robfig/cron 3.0.1): a time zone with nothing behind it panics there.
func parseCron(expr string) (cron.Schedule, error) {
	if strings.Contains(expr, "TZ=") && !strings.Contains(expr, " ") {
		return nil, errors.New("there are no fields")
	}
	return cron.ParseStandard(expr)
}

// schedule finds the one of that id, nil when there is none.
func (g *Generation) schedule(id string) *cronJob {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.crons {
		if c.id == id {
			return c
		}
	}
	return nil
}

// Cron declares that fn runs at the times of a cron expression of five fields, or
// @hourly, @daily …, in the host's time zone.
func (g *Generation) Cron(expr string, jitter time.Duration, fn *lua.LFunction) *diag.Error {
	label := fmt.Sprintf("cron %q", expr)
	if err := g.declaring(label); err != nil {
		return err
	}
	when, err := parseCron(expr)
	if err != nil {
		return &diag.Error{Kind: diag.KindUsage, Message: fmt.Sprintf("%q is no cron expression: %s", expr, err),
			Hint: `five fields: minute hour day-of-month month day-of-week, for example "*/10 * * * *"`, Cause: err}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.countDeclared(); err != nil {
		return err
	}
	equal := 1
	for _, c := range g.crons {
		if c.expr == expr {
			equal++
		}
	}
	id := expr
	if equal > 1 {
		id = fmt.Sprintf("%s #%d", expr, equal)
	}
	g.crons = append(g.crons, &cronJob{g: g, expr: expr, id: id, when: when, jitter: jitter, fn: fn, done: make(chan struct{})})
	return nil
}

func (c *cronJob) label() string { return fmt.Sprintf("cron %q", c.expr) }

// start runs the schedule as soon as its namesake in from has ended: what that one still
// runs is not missed.
func (c *cronJob) start(from *Generation) {
	if !c.g.enter() {
		close(c.done)
		return
	}
	go func() {
		defer c.g.running.Done()
		defer close(c.done)
		if before := from.schedule(c.id); before != nil {
			select {
			case <-before.done:
			case <-c.g.stopping:
				return
			}
		}
		clock, store := c.g.Script.clock, c.g.Script.cfg.Store
		last, err := store.LastCron(c.g.ctx, c.g.Script.Name, c.id)
		if err != nil {
			c.g.Script.log.Warn("when a schedule last ran is not known", "script", c.g.Script.Name, "cron", c.expr, "err", err)
		}
		if last.IsZero() { // new: remember from when on runs count as missed
			last = clock.Now()
			c.finish(c.item(last, last), nil)
		}
		missed := false
		for {
			due := c.when.Next(last)
			if due.IsZero() { // never again, "0 0 31 2 *"
				return
			}
			if now := clock.Now(); due.Before(now) {
				missed = true
				for next := c.when.Next(due); !next.IsZero() && !next.After(now); next = c.when.Next(due) {
					due = next
				}
			}
			if !c.g.sleep(due.Sub(clock.Now()) + spread(c.jitter)) {
				return
			}
			if !c.run(last, due, missed) {
				return
			}
			last, missed = due, false
		}
	}()
}

// item is the run that follows the one of the time last. It is named by that one: when it is cut
// off, and made again at a later time, it is the same run, which repeats nothing that it sent.
func (c *cronJob) item(last, due time.Time) delivery.Item {
	return delivery.Item{Kind: delivery.KindCron, Lane: delivery.Lane{Script: c.g.Script.Name}, NotBefore: due,
		Schedule: c.id, Key: fmt.Sprintf("cron/%s/%s/%d", c.g.Script.Name, c.id, last.Unix())}
}

// run runs one occasion until it is done or has failed for good; false when the
// generation ends before.
func (c *cronJob) run(last, due time.Time, again bool) bool {
	pause := retryFirst
	for {
		item := c.item(last, due)
		item.Redelivered = again
		unit, err := c.g.Script.unitFor(&item)
		if err == nil {
			t := &Task{Label: c.label(), Deadline: c.g.Script.cfg.Limits.Handler, Stopping: c.g.stopping, Unit: unit}
			_, err = c.g.vm.Run(c.g.ctx, t, c.fn, nil)
		}
		if err == nil {
			c.finish(item, unit)
			return true
		}
		c.g.Script.undo(unit)
		if c.g.ctx.Err() != nil || err.Kind == diag.KindStopping {
			c.finishEffects(unit)
			return false
		}
		c.g.Script.report(c.g, err, c.label())
		if !err.Retryable {
			c.finish(item, nil)
			return true
		}
		c.finishEffects(unit)
		if !c.g.sleep(max(pause, err.RetryAfter)) {
			return false
		}
		again, pause = true, min(2*pause, retryMost)
	}
}

func (c *cronJob) finish(item delivery.Item, unit *delivery.Unit) {
	s := c.g.Script
	if err := s.cfg.Store.Finish(context.WithoutCancel(c.g.ctx), item, delivery.Result{Outcome: delivery.Done}, unit); err != nil {
		s.log.Error("a run of a schedule is not recorded and may run again", "script", s.Name, "cron", c.expr, "err", err)
		s.undo(unit)
		return
	}
	if unit != nil {
		s.cfg.Data.Committed(unit)
		s.deliverPushed(unit)
	}
}

func (c *cronJob) finishEffects(unit *delivery.Unit) {
	s := c.g.Script
	if unit == nil {
		return
	}
	if err := s.cfg.Store.PutEffects(context.WithoutCancel(c.g.ctx), unit.Fresh()...); err != nil {
		s.log.Error("effects of a run are not recorded", "script", s.Name, "cron", c.expr, "err", err)
	}
}
