package engine

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"bridgehost/diag"
)

// Why a generation was loaded.
const (
	ReasonStart     = "start"
	ReasonSaved     = "saved"
	ReasonAsked     = "asked"      // reload, SIGHUP: goes on even if nothing changed
	ReasonConfig    = "configured" // its values in the configuration changed
	ReasonRollback  = "rollback"
	ReasonSwapBack  = "swapped back"
	ReasonGiven     = "given"      // new values went to the running generation: nothing was loaded
	ReasonTakenBack = "taken back" // a save that did not load was undone: nothing was loaded
)

// Start loads the first generation from src. If src does not load, the last good
// generation on record runs instead: the error says what is wrong with src, Current
// whether anything runs. A generation pinned by a rollback runs until the file is
// saved again.
func (s *Script) Start(ctx context.Context, src Source) *diag.Error {
	defer s.exclusive()()
	return s.start(ctx, src, ReasonStart)
}

func (s *Script) start(ctx context.Context, src Source, reason string) *diag.Error {
	records, hash := s.records(ctx), src.Hash()
	last := 0
	var good *Record
	for i := range records {
		last = max(last, records[i].Number)
		if records[i].Result == "" {
			good = &records[i]
		}
	}
	s.countFrom(last)
	if good != nil && good.Pinned == hash && good.Number == last {
		s.log.Info("a rollback pinned an older source; the file runs when it is saved again", "script", s.Name, "generation", good.Number)
		if err := s.load(ctx, candidate{Source: good.Source, number: good.Number, reason: ReasonRollback, pinned: hash, known: true}); err == nil {
			s.setTried(hash)
			return nil
		}
	}
	if good != nil && good.Hash == hash {
		return s.load(ctx, candidate{Source: src, number: good.Number, reason: reason, known: true, disk: true})
	}
	return s.load(ctx, candidate{Source: src, number: last + 1, reason: reason, disk: true, instead: good})
}

// Reload replaces the running generation by one made from src. Nothing live is
// touched before the new one has loaded: an error leaves the old one running.
// With ReasonSaved, a source that runs, that was tried already, or in which a file was
// emptied is left alone: most editors empty a file before they write it.
func (s *Script) Reload(ctx context.Context, src Source, reason string) *diag.Error {
	defer s.exclusive()()
	hash, g := src.Hash(), s.Current()
	if reason == ReasonSaved {
		switch {
		case hash == s.lastTried():
			return nil
		case g != nil && g.source.emptied(src):
			s.log.Info("a file was emptied; the script runs on until something is in it", "script", s.Name)
			return nil
		case g != nil && g.hash == hash: // a broken save was taken back
			s.setTried(hash)
			s.setRefused(nil)
			if s.cfg.OnLoad != nil {
				s.cfg.OnLoad(LoadReport{Script: s.Name, Number: g.Number, Running: g.Number, Reason: ReasonTakenBack, Hash: hash, At: s.clock.Now(), Sources: src.Files})
			}
			return nil
		}
	}
	if g == nil {
		return s.start(ctx, src, reason)
	}
	if reason == ReasonConfig && g.pinned != "" { // the files are to be left alone
		pinned := g.source
		pinned.Values = nil
		return s.load(ctx, candidate{Source: pinned, number: s.nextNumber(), reason: reason, pinned: g.pinned})
	}
	return s.load(ctx, candidate{Source: src, number: s.nextNumber(), reason: reason, disk: true})
}

// emptied tells whether a file that held something holds nothing in next.
func (s Source) emptied(next Source) bool {
	for name, text := range next.Files {
		if text == "" && s.Files[name] != "" {
			return true
		}
	}
	return false
}

// Rollback loads an older generation's source as a new generation and pins it until the
// next save. to 0 means the good one before the running one; rolled back twice goes
// back twice. onDisk is the hash of the script's files as they are now.
func (s *Script) Rollback(ctx context.Context, to int, onDisk string) *diag.Error {
	defer s.exclusive()()
	chosen, err := s.older(ctx, to)
	if err != nil {
		return err
	}
	err = s.load(ctx, candidate{Source: chosen.Source, number: s.nextNumber(), reason: ReasonRollback, pinned: onDisk})
	if err == nil {
		s.setTried(onDisk)
	}
	return err
}

// RollbackTo is the number of the generation that Rollback would load again.
func (s *Script) RollbackTo(ctx context.Context, to int) (int, *diag.Error) {
	chosen, err := s.older(ctx, to)
	if err != nil {
		return 0, err
	}
	return chosen.Number, nil
}

// older is what a rollback loads.
func (s *Script) older(ctx context.Context, to int) (*Record, *diag.Error) {
	chosen := choose(s.records(ctx), to, s.Current())
	if chosen == nil {
		e := &diag.Error{Kind: diag.KindUsage, Message: fmt.Sprintf("script %s has no generation to roll back to", s.Name),
			Hint: fmt.Sprintf("the last %d generations are kept; `bridgehost status %s` lists them", GenerationsKept, s.Name)}
		if to != 0 {
			e.Message = fmt.Sprintf("script %s has no generation %d any more", s.Name, to)
		}
		return nil, e
	}
	return chosen, nil
}

// choose finds the generation of that number, or, for 0, the good one before the running
// one. A generation that came by a rollback counts as the one that it was made of.
func choose(records []Record, to int, running *Generation) (chosen *Record) {
	before, hash := int(^uint(0)>>1), ""
	if running != nil {
		before, hash = running.Number, running.hash
	}
	if running != nil && running.pinned != "" {
		for _, r := range records {
			if r.Number < before && r.Hash == hash && r.Pinned == "" {
				before = r.Number
				break
			}
		}
	}
	for i, r := range records {
		if to != 0 && r.Number == to || to == 0 && r.Result == "" && r.Number < before && r.Hash != hash {
			chosen = &records[i]
		}
	}
	return chosen
}

// exclusive lets one caller at a time replace the generation.
func (s *Script) exclusive() (leave func()) {
	s.swapping <- struct{}{}
	return func() { <-s.swapping }
}

func (s *Script) nextNumber() int { s.mu.Lock(); defer s.mu.Unlock(); return s.number + 1 }

// countFrom makes the next new number follow n.
func (s *Script) countFrom(n int) { s.mu.Lock(); s.number = max(s.number, n); s.mu.Unlock() }

func (s *Script) setRefused(err *diag.Error) { s.mu.Lock(); s.refused = err; s.mu.Unlock() }

// lastTried is the hash of the source on disk that was last loaded or refused: to see
// it again means that nothing was saved.
func (s *Script) lastTried() string { s.mu.Lock(); defer s.mu.Unlock(); return s.tried }

func (s *Script) setTried(hash string) { s.mu.Lock(); s.tried = hash; s.mu.Unlock() }

// candidate is one source to be loaded.
type candidate struct {
	Source
	number  int
	reason  string
	disk    bool    // it is what the files say
	known   bool    // it is on record as good already
	pinned  string  // by a rollback, until the files differ from this hash
	instead *Record // what runs if nothing runs yet and this does not load
}

// load stages a source and swaps it in. s.swapping is held.
func (s *Script) load(ctx context.Context, a candidate) *diag.Error {
	began := s.clock.Now()
	before := s.Current()
	next, err := s.stage(ctx, a)
	report := LoadReport{Script: s.Name, Reason: a.reason, Hash: a.Hash(), Err: err, Sources: a.Files}
	switch {
	case err == nil:
		if before != nil && (before.hash != next.hash || !reflect.DeepEqual(before.source.Values, next.source.Values)) {
			next.prior = &candidate{Source: before.source, pinned: before.pinned}
		} else if before == nil && a.instead != nil {
			next.prior = &candidate{Source: a.instead.Source}
		}
		report.Held, err = s.swap(next, before)
		report.Err = err
		s.remember(ctx, a, err)
		if err != nil && before != nil {
			s.back(ctx, before, candidate{Source: before.source, number: s.nextNumber(), pinned: before.pinned})
		} else if err != nil && a.instead != nil && !outside(err) {
			s.back(ctx, nil, candidate{Source: a.instead.Source, number: a.instead.Number, pinned: a.instead.Pinned, known: true})
		}
	case before == nil && a.instead != nil:
		s.back(ctx, nil, candidate{Source: a.instead.Source, number: a.instead.Number, pinned: a.instead.Pinned, known: true})
	}
	if err == nil {
		report.Number = a.number
	}
	if a.disk && (next == nil || err == nil || !outside(err)) {
		s.setTried(report.Hash)
	}
	report.At, report.Took = s.clock.Now(), s.clock.Since(began)
	s.announce(report, err)
	return err
}

// outside tells an error of what the script talks to: the same source may load later.
func outside(err *diag.Error) bool {
	switch err.Kind {
	case diag.KindMatrix, diag.KindNet, diag.KindHTTP, diag.KindTimeout, diag.KindStopping, diag.KindInternal:
		return true
	}
	return false
}

// stage compiles a source and runs its top level in a new VM, which may only declare.
func (s *Script) stage(ctx context.Context, a candidate) (*Generation, *diag.Error) {
	if a.Bad != nil {
		return nil, a.Bad
	}
	if a.Values == nil && s.cfg.Values != nil {
		a.Values = s.cfg.Values()
	}
	p, err := CompileSource(a.Source)
	if err != nil {
		return nil, err
	}
	p.Values = a.Values
	g := newGeneration(s, a.number, p)
	g.source, g.hash, g.pinned = a.Source, a.Hash(), a.pinned
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
		before.end()
	}
	s.mu.Lock()
	s.current, s.number = next, max(next.Number, s.number)
	s.mu.Unlock()
	err = next.begin(before)
	if before != nil && !before.draining.Swap(true) {
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

// back loads an earlier source again. It has nothing to go back to itself: two sources
// that fail do not take turns. before is who ran last, nil for nobody: it may be draining
// already. s.swapping is held.
func (s *Script) back(ctx context.Context, before *Generation, a candidate) {
	g, err := s.stage(ctx, a)
	if err == nil {
		_, err = s.swap(g, before)
		s.remember(ctx, a, err)
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
		s.remember(ctx, candidate{Source: g.source, number: g.Number}, cause)
		s.back(ctx, g, candidate{Source: g.prior.Source, number: s.nextNumber(), pinned: g.prior.pinned})
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

// remember records a generation. One that was good stays so: an outage while it starts
// again makes no bad one of it.
func (s *Script) remember(ctx context.Context, a candidate, failed *diag.Error) {
	if s.cfg.Records == nil || a.known {
		return
	}
	r := Record{Number: a.number, Hash: a.Hash(), Source: a.Source, Loaded: s.clock.Now(), Pinned: a.pinned}
	if failed != nil {
		r.Result = failed.Error()
	}
	if err := s.cfg.Records.PutGeneration(ctx, s.Name, r); err != nil {
		s.log.Error("a generation is not recorded", "script", s.Name, "generation", a.number, "err", err)
	}
}
