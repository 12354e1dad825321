package engine

import (
	"context"
	"fmt"
	"time"

	"bridgehost/diag"
)

// Why a generation was loaded.
const (
	ReasonStart    = "start"
	ReasonSaved    = "saved"
	ReasonAsked    = "asked" // reload, SIGHUP: goes on even if nothing changed
	ReasonRollback = "rollback"
	ReasonSwapBack = "swapped back"
)

// Start loads the first generation from src. If src does not load, the last good
// generation on record runs instead and the report says so. A generation pinned by a
// rollback runs until the file is saved again.
func (s *Script) Start(ctx context.Context, src Source) *diag.Error {
	defer s.exclusive()()
	records := s.records(ctx)
	hash := src.Hash()
	number := 1
	var good *Record
	for i := range records {
		r := &records[i]
		number = max(number, r.Number+1)
		if r.Result == "" {
			good = r
		}
		if r.Result == "" && r.Pinned == hash && i == len(records)-1 {
			s.log.Info("a rollback pinned an older source", "script", s.Name, "generation", r.Number)
			return s.load(ctx, r.Source, r.Number, ReasonRollback)
		}
	}
	if good != nil && good.Hash == hash {
		number = good.Number
	}
	err := s.load(ctx, src, number, ReasonStart)
	if err == nil || good == nil || good.Hash == hash {
		return err
	}
	if again := s.load(ctx, good.Source, good.Number, ReasonSwapBack); again != nil {
		return again
	}
	s.setRefused(err)
	return nil
}

// Reload replaces the running generation by one made from src. Nothing live is
// touched before the new one has loaded: an error leaves the old one running.
// An unchanged source is left alone unless reason is ReasonAsked.
func (s *Script) Reload(ctx context.Context, src Source, reason string) *diag.Error {
	defer s.exclusive()()
	hash := src.Hash()
	if g := s.Current(); g != nil && g.hash == hash && reason == ReasonSaved {
		s.setRefused(nil)
		return nil
	}
	return s.load(ctx, src, s.nextNumber(), reason)
}

// Rollback loads an older generation's source as a new generation and pins it until the
// next save. to 0 means the good one before the running one. onDisk is the hash of
// the script's files as they are now.
func (s *Script) Rollback(ctx context.Context, to int, onDisk string) *diag.Error {
	defer s.exclusive()()
	running := s.Current()
	var chosen *Record
	for _, r := range s.records(ctx) {
		if to != 0 && r.Number == to || to == 0 && r.Result == "" && running != nil && r.Number < running.Number && r.Hash != running.hash {
			chosen = &r
		}
	}
	if chosen == nil {
		return &diag.Error{Kind: diag.KindUsage, Message: fmt.Sprintf("script %s has no generation to roll back to", s.Name),
			Hint: fmt.Sprintf("the last %d generations that loaded are kept; status lists them", GenerationsKept)}
	}
	return s.loadPinned(ctx, chosen.Source, s.nextNumber(), ReasonRollback, onDisk)
}

// exclusive lets one caller at a time replace the generation.
func (s *Script) exclusive() (leave func()) {
	s.swapping <- struct{}{}
	return func() { <-s.swapping }
}

func (s *Script) nextNumber() int { s.mu.Lock(); defer s.mu.Unlock(); return s.number + 1 }

func (s *Script) setRefused(err *diag.Error) { s.mu.Lock(); s.refused = err; s.mu.Unlock() }

func (s *Script) load(ctx context.Context, src Source, number int, reason string) *diag.Error {
	return s.loadPinned(ctx, src, number, reason, "")
}

// loadPinned stages src and swaps it in. s.swapping is held.
func (s *Script) loadPinned(ctx context.Context, src Source, number int, reason, pinned string) *diag.Error {
	began := s.clock.Now()
	next, err := s.stage(ctx, src, number)
	report := LoadReport{Script: s.Name, Reason: reason, Hash: src.Hash(), Err: err, Sources: src.Files}
	if err == nil {
		var held time.Duration
		before := s.Current()
		held, err = s.swap(next, before)
		report.Held, report.Err = held, err
		s.remember(ctx, src, number, err, pinned)
		if err != nil && before != nil {
			s.back(ctx, before.source)
		}
	}
	if err == nil {
		report.Number = number
		s.mu.Lock()
		s.good = src
		s.mu.Unlock()
	}
	report.At, report.Took = s.clock.Now(), s.clock.Since(began)
	s.announce(report, err)
	return err
}

// stage compiles src and runs its top level in a new VM, which may only declare.
func (s *Script) stage(ctx context.Context, src Source, number int) (*Generation, *diag.Error) {
	p, err := Compile(src.Name, src.Main, src.Files)
	if err != nil {
		return nil, err
	}
	g := newGeneration(s, number, p)
	g.source, g.hash = src, src.Hash()
	if err := g.vm.Load(ctx); err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

// swap makes next the generation that answers, in place of before (nil at the start).
// Events are held meanwhile; held says how long. When next fails in `load`, it is
// ended again, events stay held and the error is returned.
func (s *Script) swap(next, before *Generation) (held time.Duration, err *diag.Error) {
	s.lanes.hold()
	began := s.clock.Now()
	if before != nil {
		source := before.source // a copy: a pointer into before would keep all of it
		next.prior = &source
		before.end()
	}
	s.mu.Lock()
	s.current, s.number = next, max(next.Number, s.number)
	s.mu.Unlock()
	err = next.begin(before)
	if before != nil {
		s.drains.Go(func() { before.drain(s.cfg.Drain) })
	}
	if err != nil {
		s.mu.Lock()
		s.current = nil
		s.mu.Unlock()
		next.end()
		s.drains.Go(func() { next.drain(s.cfg.Drain) })
		return s.clock.Since(began), err
	}
	s.lanes.release()
	if before != nil {
		s.lanes.hurry()
	}
	return s.clock.Since(began), nil
}

// back loads an earlier source again, as a generation of its own. s.swapping is held.
func (s *Script) back(ctx context.Context, src Source) {
	number := s.nextNumber()
	g, err := s.stage(ctx, src, number)
	if err == nil {
		_, err = s.swap(g, s.Current())
		s.remember(ctx, src, number, err, "")
	}
	if err != nil {
		s.log.Error("the source before does not load either; events wait", "script", s.Name, "err", err)
	}
}

// swapBack replaces g, whose service keeps failing, by the source before it. It tells
// whether it will. Called by a service's goroutine.
func (s *Script) swapBack(g *Generation, cause *diag.Error) bool {
	if s.Current() != g || g.prior == nil || g.isStopping() {
		return false
	}
	go func() {
		defer s.exclusive()()
		if s.Current() != g {
			return
		}
		ctx := context.Background()
		s.remember(ctx, g.source, g.Number, cause, "")
		s.back(ctx, *g.prior)
		s.announce(LoadReport{Script: s.Name, Reason: ReasonSwapBack, Hash: g.hash, Err: cause, Sources: g.source.Files, At: s.clock.Now()}, cause)
	}()
	return true
}

// announce tells everybody what became of a source.
func (s *Script) announce(r LoadReport, err *diag.Error) {
	s.mu.Lock()
	if s.current != nil {
		r.Running = s.current.Number
	}
	if s.loads = append(s.loads, r); len(s.loads) > GenerationsKept {
		s.loads = s.loads[1:]
	}
	s.refused = err
	s.mu.Unlock()
	if s.cfg.OnLoad != nil {
		s.cfg.OnLoad(r)
	}
}

func (s *Script) records(ctx context.Context) []Record {
	if s.cfg.Records == nil {
		return nil
	}
	records, err := s.cfg.Records.Generations(ctx, s.Name)
	if err != nil {
		s.log.Error("earlier generations are not known", "script", s.Name, "err", err)
	}
	return records
}

func (s *Script) remember(ctx context.Context, src Source, number int, err *diag.Error, pinned string) {
	if s.cfg.Records == nil {
		return
	}
	r := Record{Number: number, Hash: src.Hash(), Source: src, Loaded: s.clock.Now(), Pinned: pinned}
	if err != nil {
		r.Result = err.Error()
	}
	if err := s.cfg.Records.PutGeneration(ctx, s.Name, r); err != nil {
		s.log.Error("a generation is not recorded", "script", s.Name, "generation", number, "err", err)
	}
}
