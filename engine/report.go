package engine

import (
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
)

// Report is one error of a script, for the terminal, status and the chat page.
type Report struct {
	Script     string
	Generation int
	Label      string // what ran: `message $ev from @you:bh.test`
	Err        *diag.Error
	Seen       int // how often in the last minute, this time included
	At         time.Time
	Sources    map[string]string // of the generation, for the excerpt
}

// errorLog counts equal errors and remembers the last ones.
type errorLog struct {
	clock clockwork.Clock
	mu    sync.Mutex
	seen  map[string]*seen
	last  []Report
	total int
}

type seen struct {
	times []time.Time
}

const errorsKept = 20

func newErrorLog(clock clockwork.Clock) *errorLog {
	return &errorLog{clock: clock, seen: map[string]*seen{}}
}

// add counts r and tells how often an equal one came in the last minute.
func (l *errorLog) add(r *Report) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	key := r.Err.Where + "\x00" + r.Err.Message
	for k, s := range l.seen {
		for len(s.times) > 0 && now.Sub(s.times[0]) > time.Minute {
			s.times = s.times[1:]
		}
		if len(s.times) == 0 {
			delete(l.seen, k)
		}
	}
	s := l.seen[key]
	if s == nil {
		s = &seen{}
		l.seen[key] = s
	}
	s.times = append(s.times, now)
	r.Seen, r.At = len(s.times), now
	l.total++
	if l.last = append(l.last, *r); len(l.last) > errorsKept {
		l.last = l.last[1:]
	}
}

// report tells everybody about an error: the log, the host, the script's own `error` handlers.
func (s *Script) report(g *Generation, err *diag.Error, label string) {
	if err.While == "" {
		named := *err
		named.While = g.String()
		err = &named
	}
	r := Report{Script: s.Name, Generation: g.Number, Label: label, Err: err, Sources: g.Program.Sources()}
	s.errors.add(&r)
	if s.cfg.OnReport != nil {
		s.cfg.OnReport(r)
	}
	if label == "error" || g.isStopping() || len(g.Handlers("error")) == 0 {
		return
	}
	if !g.enter() {
		return
	}
	go func() {
		defer g.running.Done()
		failed := g.fire("error", func(L *lua.LState) *lua.LTable {
			tb := L.NewTable()
			tb.RawSetString("error", g.vm.ErrorValue(err))
			tb.RawSetString("during", lua.LString(label))
			return tb
		})
		if failed != nil {
			s.report(g, failed, "error")
		}
	}()
}

// Errors returns the last errors, oldest first, and how many there were in all.
func (s *Script) Errors() (last []Report, total int) {
	s.errors.mu.Lock()
	defer s.errors.mu.Unlock()
	return append([]Report(nil), s.errors.last...), s.errors.total
}

func (g *Generation) count(err *diag.Error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events++
	if err != nil {
		g.errors++
	}
}
