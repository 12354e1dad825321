package engine

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/delivery"
	"bridgehost/diag"
)

// How long a service that ended waits before it is started again.
const (
	backoffFirst = time.Second
	backoffMost  = 5 * time.Minute
	// backoffForget is how long a service must have run for the next pause to be the first again.
	backoffForget = time.Minute
)

// A new generation whose service fails this often with an error of its own within
// this time is replaced by the source before it.
const (
	failuresToSwapBack = 3
	swapBackWindow     = 30 * time.Second
)

// service is a function that should always run.
type service struct {
	g    *Generation
	name string
	fn   *lua.LFunction

	settled chan struct{} // closed when it first waits for input, pauses or has ended
	settle  sync.Once
	done    chan struct{} // closed when it will not run again

	mu      sync.Mutex
	state   string // "starting", "up", "pausing", "stopped"
	since   time.Time
	lastErr *diag.Error
	faults  []time.Time // of its own errors, young ones
}

// Service declares a service. Source: SCRIPTING, "Concurrency" and "Reload, exactly".
func (g *Generation) Service(name string, fn *lua.LFunction) *diag.Error {
	if err := g.declaring("service " + fmt.Sprintf("%q", name)); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.services {
		if s.name == name {
			return &diag.Error{Kind: diag.KindUsage, Message: fmt.Sprintf("there is a service %q already", name),
				Hint: "give each service a name of its own"}
		}
	}
	g.services = append(g.services, &service{g: g, name: name, fn: fn,
		settled: make(chan struct{}), done: make(chan struct{}), state: "starting", since: g.Loaded})
	return nil
}

// namesake finds the service of that name, nil when there is none.
func (g *Generation) namesake(name string) *service {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.services {
		if s.name == name {
			return s
		}
	}
	return nil
}

// start runs the service as soon as its namesake in from has ended.
func (s *service) start(from *Generation) {
	if !s.g.enter() {
		return
	}
	go func() {
		defer s.g.running.Done()
		defer close(s.done)
		defer s.isSettled()
		if before := from.namesake(s.name); before != nil {
			select {
			case <-before.done:
			case <-s.g.stopping:
				return
			}
		}
		s.loop()
		s.set("stopped")
	}()
}

func (s *service) isSettled() { s.settle.Do(func() { close(s.settled) }) }

func (s *service) set(state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != state {
		s.state, s.since = state, s.g.Script.clock.Now()
	}
}

func (s *service) loop() {
	clock := s.g.Script.clock
	pause := backoffFirst
	for !s.g.isStopping() {
		began := clock.Now()
		s.set("up")
		err := s.once()
		if s.g.isStopping() {
			if err != nil && err.Kind != diag.KindStopping {
				s.g.Script.report(s.g, err, s.label())
			}
			return
		}
		if s.failed(err) {
			return
		}
		if clock.Since(began) >= backoffForget {
			pause = backoffFirst
		}
		timer := clock.NewTimer(jittered(pause))
		s.set("pausing")
		s.isSettled()
		select {
		case <-timer.Chan():
		case <-s.g.stopping:
			timer.Stop()
			return
		}
		pause = min(2*pause, backoffMost)
	}
}

// jittered spreads d over three quarters to five quarters of it.
func jittered(d time.Duration) time.Duration {
	return d*3/4 + rand.N(d/2+1)
}

func (s *service) label() string { return fmt.Sprintf("service %q", s.name) }

// once runs the function to its end.
func (s *service) once() *diag.Error {
	unit := delivery.NewUnit(delivery.Item{Kind: delivery.KindTimer}, nil, nil)
	t := &Task{Label: s.label(), Service: true, Stopping: s.g.stopping, Unit: unit,
		OnWait: func() { s.g.Script.commitSoon(unit) },
		Idle: func(waiting bool) {
			if waiting {
				s.isSettled()
			}
		},
	}
	_, err := s.g.run(t, s.fn, nil)
	return err
}

// failed reports the end of a run; it tells whether the generation is to be replaced
// by the one before.
func (s *service) failed(err *diag.Error) bool {
	if err == nil {
		return false
	}
	s.g.Script.report(s.g, err, s.label())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastErr = err
	now := s.g.Script.clock.Now()
	if !err.OwnFault() || now.Sub(s.g.Loaded) > swapBackWindow {
		return false
	}
	s.faults = append(s.faults, now)
	if len(s.faults) < failuresToSwapBack {
		return false
	}
	return s.g.Script.swapBack(s.g, err)
}
