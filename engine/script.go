package engine

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"

	"bridgehost/delivery"
	"bridgehost/diag"
)

// How long an item that failed with a retryable error waits before it is tried
// again; doubled each time.
const (
	retryFirst = time.Second
	retryMost  = 5 * time.Minute
	// deadlineTries is how often an item may run into its own deadline before it is a dead letter.
	deadlineTries = 5
)

// How long a finish that the disk refused waits before it is tried again; doubled each time.
const (
	finishFirst = time.Second
	finishMost  = time.Minute
)

// ScriptConfig is what a script runs with. All fields but Print, Args, Records and On… are needed.
type ScriptConfig struct {
	Name    string
	Library Library
	Matcher Matcher
	Limits  Limits
	Store   delivery.Store
	Data    *delivery.Data
	Records Records // nil: generations are not remembered over a restart
	Clock   clockwork.Clock
	// Computing tells real time, where time.Now does not; default time.Now.
	Computing func() time.Time
	Log       hclog.Logger
	Print     func(line string)
	Args      []string
	// Drain is how long handlers of a replaced generation may go on; default 10 s.
	Drain time.Duration
	// OnReport hears every error of the script, once for each time it happens.
	OnReport func(Report)
	// OnDead hears of an item that became a dead letter.
	OnDead func(item delivery.Item, err *diag.Error)
	// OnLoad hears of each generation that began, and of each source that did not load.
	OnLoad func(LoadReport)
	// OnRun hears of each try to handle an item, at its begin and at its end; nil: nobody does.
	OnRun func(Run)
}

// Script runs one script: one generation at a time, and a second one for the
// moments of a reload. Items go through its lanes, which outlive generations.
type Script struct {
	Name string

	cfg     ScriptConfig
	clock   clockwork.Clock
	log     hclog.Logger
	lanes   *lanes
	handles *handles
	memory  *Memory
	locks   *locks
	queued  atomic.Int64 // items of queues: waiting, running, or pushed by a unit that has not ended
	errors  *errorLog

	swapping chan struct{} // one slot: who may replace the generation
	ending   chan struct{} // closed when the script ends: what cannot be finished on disk stays in the inbox
	endOnce  sync.Once
	drains   sync.WaitGroup

	mu      sync.Mutex
	current *Generation
	number  int          // of the last generation
	tried   string       // hash of the files as they were last loaded or refused
	loads   []LoadReport // the last ten
	refused *diag.Error  // why what is on disk does not run
	closed  bool
}

// NewScript makes a script that runs nothing yet: Start or Reload loads its first
// generation. Items delivered before wait.
func NewScript(cfg ScriptConfig) *Script {
	if cfg.Drain == 0 {
		cfg.Drain = 10 * time.Second
	}
	s := &Script{Name: cfg.Name, cfg: cfg, clock: cfg.Clock, log: cfg.Log, handles: newHandles(),
		memory: newMemory(cfg.Clock, cfg.Limits.withDefaults().Memory), locks: newLocks(), errors: newErrorLog(cfg.Clock), swapping: make(chan struct{}, 1), ending: make(chan struct{})}
	s.lanes = newLanes(cfg.Clock, cfg.Limits.Handlers, s.work)
	s.lanes.parallel = s.parallel
	return s
}

// Memory is what bridge.memory keeps.
func (s *Script) Memory() *Memory { return s.memory }

// Data is what bridge.store keeps.
func (s *Script) Data() *delivery.Data { return s.cfg.Data }

// Limits are what the script may use.
func (s *Script) Limits() Limits { return s.cfg.Limits }

// Current is the generation that answers; nil before the first.
func (s *Script) Current() *Generation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// Deliver puts items behind what waits in their lanes.
func (s *Script) Deliver(items ...delivery.Item) {
	for _, item := range items {
		if item.Kind == delivery.KindQueue {
			s.queued.Add(1)
		}
	}
	s.lanes.add(items...)
}

// Backlog is how many events are not finished. What waits in the script's own queues is
// not among them: it holds no transaction back.
func (s *Script) Backlog() int { n, _ := s.lanes.counts(); return n }

// Busy tells whether an item runs, or an event waits.
func (s *Script) Busy() bool { backlog, active := s.lanes.counts(); return backlog+active > 0 }

// Quiet returns when no item runs.
func (s *Script) Quiet() { s.lanes.wait() }

// work runs one item in the generation that answers now.
func (s *Script) work(item *delivery.Item, again func(verdict)) {
	g := s.Current()
	// Held after the generation was read: it may be one whose load has not returned.
	if g == nil || s.lanes.isHeld() || !g.enter() {
		again(verdict{retry: true})
		return
	}
	defer g.running.Done()
	if s.parked(g, item) {
		again(verdict{retry: true, after: s.clock.Now().Add(parkFor)})
		return
	}
	m, err := s.cfg.Matcher.Match(g, item)
	if err == nil && len(m.Handlers) == 0 {
		again(verdict{})
		s.finish(item, delivery.Result{Outcome: delivery.Done}, nil)
		return
	}
	parallel := m.parallel()
	if parallel {
		again(verdict{})
	}
	var unit *delivery.Unit
	if err == nil {
		unit, err = s.unitFor(item)
	}
	if err == nil {
		ended := s.begun(g, item, m.Label)
		err = g.handle(m, unit)
		ended(err)
	}
	g.count(err)
	if err == nil {
		if len(unit.Pushes()) == 0 { // else what the next item of the lane pushes could come before
			again(verdict{})
		}
		s.finish(item, delivery.Result{Outcome: delivery.Done}, unit)
		return
	}
	s.undo(unit)
	s.failed(g, item, unit, m.Label, err, parallel, again)
}

// failed sends an item back into its lane, or makes a dead letter of it.
func (s *Script) failed(g *Generation, item *delivery.Item, unit *delivery.Unit, label string, err *diag.Error, parallel bool, again func(verdict)) {
	failure, jsonErr := json.Marshal(err)
	if jsonErr != nil {
		s.log.Error("an error cannot be written", "script", s.Name, "err", jsonErr)
	}
	cutOff := err.Kind == diag.KindStopping && g.isStopping()
	if !cutOff {
		s.report(g, err, label)
	}
	if err.Code == codeDeadline { // not E_NO_ANSWER: a homeserver that hangs is waited for
		item.TimedOut++
	}
	if cutOff || err.Retryable && item.TimedOut < deadlineTries {
		r := delivery.Result{Outcome: delivery.Retry, Failure: failure}
		if !cutOff {
			r.NotBefore = s.clock.Now().Add(max(pauseAfter(item.Attempts), err.RetryAfter))
		}
		s.finish(item, r, unit)
		item.Attempts++
		item.Redelivered = true
		if parallel { // it holds nothing back while it waits
			s.clock.AfterFunc(r.NotBefore.Sub(s.clock.Now()), func() { s.lanes.add(*item) })
			return
		}
		again(verdict{retry: true, after: r.NotBefore})
		return
	}
	again(verdict{})
	s.finish(item, delivery.Result{Outcome: delivery.Dead, Failure: failure}, unit)
	if s.cfg.OnDead != nil {
		s.cfg.OnDead(*item, err)
	}
}

func pauseAfter(attempts int) time.Duration {
	return min(retryFirst<<min(attempts, 20), retryMost)
}

// unitFor makes the unit of one try, with the effects of earlier ones. Without them it
// would repeat what was sent: then it has to wait.
func (s *Script) unitFor(item *delivery.Item) (*delivery.Unit, *diag.Error) {
	var known []delivery.Effect
	if item.Redelivered || item.Attempts > 0 {
		var err error
		if known, err = s.cfg.Store.Effects(context.Background(), *item); err != nil {
			return nil, &diag.Error{Kind: diag.KindInternal, Retryable: true, Cause: err,
				Message: "what an earlier try has sent cannot be read: " + err.Error(), Hint: "look at the health of the disk"}
		}
	}
	return delivery.NewUnit(*item, known, func(e delivery.Effect) {
		if err := s.cfg.Store.PutEffects(context.Background(), e); err != nil {
			s.log.Error("an effect is not recorded", "script", s.Name, "err", err)
		}
	}), nil
}

// finish records how a try ended; the lane may have gone on already. While the disk
// refuses it is tried again and its worker waits: so a full disk stops the script before
// long, and nothing is handled that would be handled again after a restart. A retry needs
// no record: its lane holds the item, and the store its effects.
func (s *Script) finish(item *delivery.Item, r delivery.Result, u *delivery.Unit) {
	for pause := finishFirst; ; pause = min(2*pause, finishMost) {
		err := s.cfg.Store.Finish(context.Background(), *item, r, u)
		if err == nil {
			break
		}
		if r.Outcome == delivery.Retry {
			s.log.Error("a retry is not recorded", "script", s.Name, "room", item.Lane.Room, "err", err)
			return
		}
		s.log.Error("an event is not finished on disk; that is tried again", "script", s.Name, "room", item.Lane.Room, "in", pause, "err", err)
		if !s.pause(pause) {
			s.log.Error("an event is not finished on disk and comes again after a restart", "script", s.Name, "room", item.Lane.Room, "err", err)
			s.undo(u)
			return
		}
	}
	if item.Kind == delivery.KindQueue && r.Outcome != delivery.Retry {
		s.queued.Add(-1)
	}
	if u != nil && r.Outcome == delivery.Done {
		s.cfg.Data.Committed(u)
		s.deliverPushed(u)
	}
}

// pause waits for d; false when the script ends.
func (s *Script) pause(d time.Duration) bool {
	timer := s.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.Chan():
		return true
	case <-s.ending:
		return false
	}
}

// commit makes the writes of a unit without an item durable.
func (s *Script) commit(u *delivery.Unit) *diag.Error {
	if len(u.Writes()) == 0 && len(u.Pushes()) == 0 {
		return nil
	}
	if err := s.cfg.Store.Commit(context.Background(), u); err != nil {
		s.undo(u)
		return &diag.Error{Kind: diag.KindInternal, Message: "what was written is not on disk: " + err.Error(), Cause: err,
			Hint: "look at the free space and the health of the disk"}
	}
	s.cfg.Data.Committed(u)
	s.deliverPushed(u)
	return nil
}

// commitSoon is commit for a service that goes on: the writes are on their way to disk.
func (s *Script) commitSoon(u *delivery.Unit) {
	if err := s.commit(u); err != nil {
		s.log.Error("writes of a service are lost", "script", s.Name, "err", err)
	}
}

func (s *Script) undo(u *delivery.Unit) {
	if u != nil {
		s.cfg.Data.Undo(u)
		s.queued.Add(int64(-u.DropPushes()))
	}
}

// Close ends the script: no item starts, handlers may go on for limit, then they are
// cut off and their items stay in the inbox.
func (s *Script) Close(limit time.Duration) {
	s.lanes.close()
	s.endOnce.Do(func() { close(s.ending) })
	s.swapping <- struct{}{}
	defer func() { <-s.swapping }()
	s.mu.Lock()
	g := s.current
	s.current, s.closed = nil, true
	s.mu.Unlock()
	if g != nil {
		g.end()
		g.drain(limit)
	}
	s.drains.Wait()
	s.lanes.wait()
}
