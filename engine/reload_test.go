package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bridgehost/diag"
)

// memRecords keeps generations in memory, the last ten.
type memRecords struct {
	mu   sync.Mutex
	list []Record
}

func (m *memRecords) PutGeneration(_ context.Context, _ string, r Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = slices.DeleteFunc(m.list, func(old Record) bool { return old.Number == r.Number })
	m.list = append(m.list, r)
	slices.SortFunc(m.list, func(a, b Record) int { return a.Number - b.Number })
	m.list = m.list[max(0, len(m.list)-GenerationsKept):]
	return nil
}

func (m *memRecords) Generations(context.Context, string) ([]Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.list), nil
}

// String is what is on record: "1 2! 3*" with ! for failed and * for pinned.
func (m *memRecords) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for _, r := range m.list {
		text := fmt.Sprint(r.Number)
		if r.Result != "" {
			text += "!"
		}
		if r.Pinned != "" {
			text += "*"
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

// life is a script over several runs of a host.
type life struct {
	*bench
	t       *testing.T
	records *memRecords
	disk    string // the file's text
}

func newLife(t *testing.T) *life { return &life{t: t, records: &memRecords{}} }

// begin starts a host anew with text on disk.
func (l *life) begin(text string) *diag.Error {
	if l.bench != nil {
		l.script.Close(time.Hour)
	}
	l.bench, l.disk = newBench(l.t), text
	l.script.cfg.Records = l.records
	return l.script.Start(l.t.Context(), source(text))
}

func (l *life) saves(text string) *diag.Error { l.disk = text; return l.save(text) }

func (l *life) rollback(to int) *diag.Error {
	return l.script.Rollback(l.t.Context(), to, source(l.disk).Hash())
}

// runs checks which generation answers, and with which version.
func (l *life) runs(number int, version string) {
	l.t.Helper()
	g := l.script.Current()
	if g == nil {
		l.t.Fatalf("nothing runs, want %d", number)
	}
	if g.Number != number || g.source.Files["s.lua"] != v(version) {
		l.t.Errorf("generation %d runs with %q, want %d with version %s", g.Number, g.source.Files["s.lua"], number, version)
	}
}

// v is a good version.
func v(version string) string { return `on("message", function(e) print("` + version + `") end)` }

const broken = `on("message", function(`

func TestTenGenerationsAreKept(t *testing.T) {
	l := newLife(t)
	l.begin(v("1"))
	for n := 2; n <= 12; n++ {
		if err := l.saves(v(fmt.Sprint(n))); err != nil {
			t.Fatal(err)
		}
	}
	if got := l.records.String(); got != "3 4 5 6 7 8 9 10 11 12" {
		t.Errorf("on record: %s", got)
	}
	if err := l.rollback(2); err == nil || !strings.Contains(err.Message, "no generation 2") {
		t.Errorf("rollback to what is not kept: %v", err)
	}
	if err := l.rollback(5); err != nil {
		t.Fatal(err)
	}
	l.runs(13, "5")
}

func TestNumbersGoOnOverRestarts(t *testing.T) {
	l := newLife(t)
	l.begin(v("a"))
	l.saves(v("b"))
	l.begin(v("b"))
	l.runs(2, "b")
	l.begin(v("c"))
	l.runs(3, "c")
	l.saves(v("d"))
	l.runs(4, "d")
	l.begin(v("a")) // an old text, but not what ran last
	l.runs(5, "a")
	if got := l.records.String(); got != "1 2 3 4 5" {
		t.Errorf("on record: %s", got)
	}
}

func TestRollbackGoesBackAndStaysUntilTheNextSave(t *testing.T) {
	l := newLife(t)
	l.begin(v("a"))
	l.saves(v("b"))
	l.saves(v("c"))
	if err := l.rollback(0); err != nil {
		t.Fatal(err)
	}
	l.runs(4, "b")
	if err := l.rollback(0); err != nil { // twice back
		t.Fatal(err)
	}
	l.runs(5, "a")
	if err := l.rollback(0); err == nil || l.script.Current().Number != 5 {
		t.Errorf("there is nothing before the first: %v", err)
	}

	l.save(l.disk) // another script was saved: these files are what they were
	l.runs(5, "a")
	for range 3 {
		if err := l.begin(v("c")); err != nil {
			t.Fatal(err)
		}
		l.runs(5, "a")
	}
	l.save(l.disk)
	l.runs(5, "a")
	l.saves(v("d"))
	l.runs(6, "d")
	l.begin(v("d"))
	l.runs(6, "d")
	if got := l.records.String(); got != "1 2 3 4* 5* 6" {
		t.Errorf("on record: %s", got)
	}
}

func TestAskedForAReloadEndsTheRollback(t *testing.T) {
	l := newLife(t)
	l.begin(v("a"))
	l.saves(v("b"))
	l.rollback(0)
	l.runs(3, "a")
	if err := l.script.Reload(t.Context(), source(l.disk), ReasonAsked); err != nil {
		t.Fatal(err)
	}
	l.runs(4, "b")
}

func TestABrokenFileAtStartLeavesTheLastGoodGeneration(t *testing.T) {
	for name, text := range map[string]string{"syntax": broken, "top level": `local t; print(t.x)`, "load": `on("load", function() error("no") end)`} {
		t.Run(name, func(t *testing.T) {
			l := newLife(t)
			l.begin(v("a"))
			l.saves(v("b"))
			err := l.begin(text)
			if err == nil || l.script.Refused() == nil {
				t.Errorf("it is not said: %v, %v", err, l.script.Refused())
			}
			l.runs(2, "b")
			l.event("!r", "message x")
			l.printed("b")
			if r := l.loads[0]; len(l.loads) != 1 || r.Err == nil || r.Running != 2 {
				t.Errorf("reports: %+v", l.loads)
			}
			l.save(l.disk) // unchanged: said once
			if len(l.loads) != 1 {
				t.Errorf("%d reports", len(l.loads))
			}
			if err := l.saves(v("c")); err != nil {
				t.Fatal(err)
			}
			if n := l.script.Current().Number; n <= 2 {
				t.Errorf("generation %d again", n)
			}
		})
	}
}

func TestABrokenFileAndNothingOnRecord(t *testing.T) {
	l := newLife(t)
	if err := l.begin(broken); err == nil || l.script.Current() != nil {
		t.Fatalf("%v", err)
	}
	l.event("!r", "message x")
	l.save(l.disk)
	if err := l.saves(v("a")); err != nil {
		t.Fatal(err)
	}
	l.printed("a")
	l.runs(1, "a")
}

// An outage at the start makes neither a bad generation of a good one, nor an older one run.
func TestAnOutageAtTheStartChangesNoRecord(t *testing.T) {
	needs := `on("load", function() if input() == "down" then busy() end end)`
	l := newLife(t)
	l.begin(v("a"))
	l.script.Close(time.Hour)
	answer := func(text string) { go func(in chan string) { in <- text }(l.input) }
	for i, reply := range []string{"up", "down", "up"} {
		l.bench = newBench(t)
		l.disk, l.script.cfg.Records = needs, l.records
		answer(reply)
		err := l.script.Start(t.Context(), source(needs))
		if (err != nil) != (reply == "down") || (l.script.Current() == nil) != (reply == "down") {
			t.Fatalf("start %d (%s): %v, %v runs", i, reply, err, l.script.Current())
		}
		if reply == "down" {
			answer("up")
			if err := l.script.Reload(t.Context(), source(needs), ReasonAsked); err != nil {
				t.Fatal(err)
			}
		}
		if n := l.script.Current().Number; n != 2 {
			t.Errorf("generation %d, want 2", n)
		}
		l.script.Close(time.Hour)
	}
	if got := l.records.String(); got != "1 2" {
		t.Errorf("on record: %s", got)
	}
}

func TestABrokenSaveThatIsTakenBack(t *testing.T) {
	l := newLife(t)
	l.begin(v("a"))
	l.saves(broken)
	l.save(broken)
	l.saves(v("a"))
	if l.script.Refused() != nil || len(l.loads) != 3 || l.loads[2].Reason != ReasonTakenBack {
		t.Errorf("refused: %v; %d reports", l.script.Refused(), len(l.loads))
	}
	l.runs(1, "a")
	l.saves(broken)
	if len(l.loads) != 4 {
		t.Errorf("broken again: %d reports", len(l.loads))
	}
}

func TestASwappedBackSourceWaitsForTheNextSave(t *testing.T) {
	l := newLife(t)
	l.begin(v("a"))
	if err := l.saves(`on("load", function() error("no") end)`); err == nil {
		t.Fatal("it loaded")
	}
	l.runs(3, "a")
	l.save(l.disk)
	l.runs(3, "a")
	if got := l.records.String(); got != "1 2! 3" {
		t.Errorf("on record: %s", got)
	}
	l.saves(v("b"))
	l.runs(4, "b")
	l.rollback(0)
	l.runs(5, "a")
}

// Two sources whose service fails do not take turns: one swap back, then the pauses grow.
func TestSwapBackHappensOnce(t *testing.T) {
	l := newLife(t)
	fails := `service("s", function() local x; print(x.y) end) -- `
	l.begin(fails + "1")
	if err := l.saves(fails + "2"); err != nil {
		t.Fatal(err)
	}
	for range 12 {
		if err := l.clock.BlockUntilContext(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		l.clock.Advance(3 * time.Second)
	}
	l.wait("the source before runs again", func() bool { return l.script.Current() != nil && l.script.Current().Number >= 3 })
	if n := l.script.Current().Number; n != 3 {
		t.Errorf("generation %d, want 3", n)
	}
}

func TestReportsSayWhatRanAndWhere(t *testing.T) {
	b := newBench(t)
	src := Source{Name: "s", Main: "main.lua", Files: map[string]string{
		"main.lua":      "local codec = require \"net.codec\"\non(\"message\", function(e)\n  codec.decode(nil)\nend)\ncron(\"* * * * *\", function() codec.decode(nil) end)",
		"net/codec.lua": "local M = {}\nfunction M.decode(line)\n  return line.text\nend\nreturn M",
	}}
	if err := b.script.Start(t.Context(), src); err != nil {
		t.Fatal(err)
	}
	b.event("!r", "message a")
	b.wait("a report", func() bool { return len(b.reports) == 1 })
	if err := b.clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(time.Minute)
	b.wait("another", func() bool { return len(b.reports) == 2 })
	for i, want := range []struct{ label, caller string }{{"event message a", "main.lua:3"}, {`cron "* * * * *"`, "main.lua:5"}} {
		r := b.reports[i]
		e := r.Err
		if e.Where != "net/codec.lua:3" || len(e.Trace) < 2 || fmt.Sprintf("%s:%d", e.Trace[1].File, e.Trace[1].Line) != want.caller {
			t.Errorf("%s: where %s, trace %+v", r.Label, e.Where, e.Trace)
		}
		if r.Label != want.label || e.In != want.label || e.While != "s#1" || r.Seen != i+1 {
			t.Errorf("label %q in %q while %q, seen %d; want %q", r.Label, e.In, e.While, r.Seen, want.label)
		}
		if text := diag.Render(e, diag.Files(r.Sources), diag.Options{}); !strings.Contains(text, ">    3 |   return line.text") {
			t.Errorf("no excerpt of the required file:\n%s", text)
		}
	}
}
