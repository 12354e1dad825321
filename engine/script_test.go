package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"
	lua "github.com/yuin/gopher-lua"

	"bridgehost/delivery"
	"bridgehost/diag"
)

// memStore is a delivery.Store in memory that remembers how items ended.
type memStore struct {
	mu       sync.Mutex
	finished []delivery.Outcome
	keys     []string
	crons    map[string]time.Time
	effects  map[string][]delivery.Effect
	refuse   int // so many calls of Finish and Effects fail
	changed  chan struct{}
}

func newMemStore() *memStore {
	return &memStore{crons: map[string]time.Time{}, effects: map[string][]delivery.Effect{}, changed: make(chan struct{}, 1000)}
}

func (m *memStore) Lanes(context.Context, string) ([]delivery.Lane, error) { return nil, nil }
func (m *memStore) Next(context.Context, delivery.Lane, int64, int) ([]delivery.Item, error) {
	return nil, nil
}

func (m *memStore) Finish(_ context.Context, item delivery.Item, r delivery.Result, u *delivery.Unit) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.refused(); err != nil {
		return err
	}
	if item.Kind == delivery.KindCron {
		m.crons[item.Schedule] = item.NotBefore
	}
	m.finished = append(m.finished, r.Outcome)
	m.keys = append(m.keys, item.Key)
	m.changed <- struct{}{}
	return nil
}
func (m *memStore) Commit(context.Context, *delivery.Unit) error { return nil }
func (m *memStore) Effects(_ context.Context, item delivery.Item) ([]delivery.Effect, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.refused(); err != nil {
		return nil, err
	}
	return m.effects[item.Key], nil
}

// refused counts a call that the disk refuses. m.mu is held.
func (m *memStore) refused() error {
	if m.refuse == 0 {
		return nil
	}
	m.refuse--
	m.changed <- struct{}{}
	return errors.New("the disk is full")
}

func (m *memStore) PutEffects(_ context.Context, effects ...delivery.Effect) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range effects {
		m.effects[e.Item] = append(m.effects[e.Item], e)
	}
	return nil
}

func (m *memStore) LastCron(_ context.Context, _, schedule string) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.crons[schedule], nil
}
func (m *memStore) DeadLetters(context.Context, string) ([]delivery.DeadLetter, error) {
	return nil, nil
}
func (m *memStore) Replay(context.Context, int64) (delivery.Item, error) {
	return delivery.Item{}, nil
}
func (m *memStore) Drop(context.Context, int64) error { return nil }

func (m *memStore) Get(string, string, string, time.Time) ([]byte, error) { return nil, nil }
func (m *memStore) Keys(string, string, time.Time) ([]string, error)      { return nil, nil }

// bench is a script with a tiny API: on, service, every, cron, out, input, fail.
type bench struct {
	t      *testing.T
	clock  *clockwork.FakeClock
	store  *memStore
	script *Script
	input  chan string

	mu      sync.Mutex
	out     []string
	news    chan struct{}
	reports []Report
	loads   []LoadReport
	dead    []delivery.Item
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, clock: clockwork.NewFakeClock(), store: newMemStore(), input: make(chan string), news: make(chan struct{}, 10000)}
	limits := DefaultLimits()
	b.script = NewScript(ScriptConfig{
		Name: "s", Library: b, Matcher: b, Limits: limits, Store: b.store, Clock: b.clock,
		Data: delivery.NewData("s", b.store, b.clock), Log: hclog.NewNullLogger(), Print: b.say,
		OnReport: func(r Report) { b.mu.Lock(); b.reports = append(b.reports, r); b.mu.Unlock(); b.tell() },
		OnDead: func(i delivery.Item, _ *diag.Error) {
			b.mu.Lock()
			b.dead = append(b.dead, i)
			b.mu.Unlock()
			b.tell()
		},
		OnLoad: func(r LoadReport) { b.mu.Lock(); b.loads = append(b.loads, r); b.mu.Unlock(); b.tell() },
	})
	t.Cleanup(func() { b.script.Close(time.Hour) })
	return b
}

func (b *bench) tell() {
	select {
	case b.news <- struct{}{}:
	default:
	}
}

func (b *bench) say(line string) { b.mu.Lock(); b.out = append(b.out, line); b.mu.Unlock(); b.tell() }

// pausing waits until the script's service waits for its next start.
func (b *bench) pausing() {
	b.t.Helper()
	for {
		if all := b.script.Status().Services; len(all) == 1 && all[0].State == "pausing" {
			return
		}
		select {
		case <-b.t.Context().Done():
			b.t.Fatal("the service does not pause")
		default:
			runtime.Gosched()
		}
	}
}

// wait returns when done says so of what was printed.
func (b *bench) wait(what string, done func() bool) {
	b.t.Helper()
	limit := time.After(20 * time.Second)
	for {
		b.mu.Lock()
		ok := done()
		out := strings.Join(b.out, " ")
		b.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-b.news:
		case <-b.store.changed:
		case <-limit:
			b.t.Fatalf("still not: %s; printed: %s", what, out)
		}
	}
}

func (b *bench) printed(want string) {
	b.t.Helper()
	b.wait(fmt.Sprintf("%q is printed", want), func() bool { return strings.Contains(strings.Join(b.out, " "), want) })
}

// Match implements Matcher: an item goes to the handlers of the event that its payload names first.
func (b *bench) Match(g *Generation, item *delivery.Item) (Match, *diag.Error) {
	event, _, _ := strings.Cut(string(item.Payload), " ")
	return Match{Handlers: g.Handlers(event), Label: "event " + string(item.Payload),
		Arg: func(_ *VM, L *lua.LState, _ *Task) lua.LValue { return lua.LString(item.Payload) }}, nil
}

// Open implements Library.
func (b *bench) Open(vm *VM) {
	g := vm.Owner().(*Generation)
	raise := func(L *lua.LState, err *diag.Error) {
		if err != nil {
			vm.Raise(L, err)
		}
	}
	set := func(name string, f func(L *lua.LState) int) { vm.SetGlobal(name, vm.L.NewFunction(f)) }
	set("on", func(L *lua.LState) int {
		_, err := g.AddHandler(&Handler{Event: L.CheckString(1), Fn: L.CheckFunction(2), Label: "handler", Parallel: L.ToBool(3)})
		raise(L, err)
		return 0
	})
	set("service", func(L *lua.LState) int { raise(L, g.Service(L.CheckString(1), L.CheckFunction(2))); return 0 })
	set("every", func(L *lua.LState) int {
		raise(L, g.Every(time.Duration(L.CheckInt(1))*time.Second, 0, L.CheckFunction(2)))
		return 0
	})
	set("cron", func(L *lua.LState) int { raise(L, g.Cron(L.CheckString(1), 0, L.CheckFunction(2))); return 0 })
	set("spawn", func(L *lua.LState) int {
		_, err := g.Spawn(vm.Task(), L.CheckFunction(1))
		raise(L, err)
		return 0
	})
	set("after", func(L *lua.LState) int {
		_, err := g.After(vm.Task(), time.Duration(L.CheckInt(1))*time.Second, L.CheckFunction(2))
		raise(L, err)
		return 0
	})
	set("busy", func(L *lua.LState) int { // fails in a way that may pass
		vm.Raise(L, &diag.Error{Kind: diag.KindMatrix, Code: "M_UNKNOWN", Status: 502, Message: "down", Retryable: true})
		return 0
	})
	set("late", func(L *lua.LState) int { // has run into its deadline
		vm.Raise(L, &diag.Error{Kind: diag.KindTimeout, Code: "E_DEADLINE", Message: "too long", Retryable: true})
		return 0
	})
	set("wait", func(L *lua.LState) int { // for what is no input: the end of a generation does not matter
		vm.Wait(L, func(ctx context.Context) {
			select {
			case <-b.input:
			case <-ctx.Done():
			}
		})
		return 0
	})
	set("input", func(L *lua.LState) int {
		var line string
		vm.WaitInput(L, func(ctx context.Context) bool {
			select {
			case line = <-b.input:
				return true
			case <-ctx.Done():
				return false
			}
		})
		L.Push(lua.LString(line))
		return 1
	})
	set("keep", func(L *lua.LState) int {
		var h Handle
		var fresh bool
		key := L.CheckString(1)
		vm.Wait(L, func(ctx context.Context) {
			h, fresh, _ = g.Keep(ctx, key, L0, func() (Handle, error) { return &pipe{}, nil })
		})
		L.Push(lua.LString(fmt.Sprintf("%p", h)))
		L.Push(lua.LBool(fresh))
		return 2
	})
}

// L0 is the fingerprint that the bench keeps handles under.
const L0 = "config"

type pipe struct{ closed bool }

func (p *pipe) Close() error { p.closed = true; return nil }
func (p *pipe) Alive() bool  { return !p.closed }

func source(text string) Source {
	return Source{Name: "s", Main: "s.lua", Files: map[string]string{"s.lua": text}}
}

func (b *bench) start(text string) {
	b.t.Helper()
	if err := b.script.Start(b.t.Context(), source(text)); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) save(text string) *diag.Error {
	return b.script.Reload(b.t.Context(), source(text), ReasonSaved)
}

func (b *bench) event(room, payload string) {
	b.script.Deliver(delivery.Item{Seq: 1, Key: "$" + payload, Kind: delivery.KindEvent, Lane: delivery.Lane{Script: "s", Room: room}, Payload: []byte(payload)})
}

func TestReloadHandsEventsToTheNewGeneration(t *testing.T) {
	b := newBench(t)
	b.start(`on("message", function(e) print("one " .. e) end)`)
	b.event("!r", "message a")
	b.printed("one message a")
	if err := b.save(`on("message", function(e) print("two " .. e) end)`); err != nil {
		t.Fatal(err)
	}
	b.event("!r", "message b")
	b.printed("two message b")
	if n := b.script.Current().Number; n != 2 {
		t.Errorf("generation %d, want 2", n)
	}
}

func TestAnUnchangedSourceIsLeftAlone(t *testing.T) {
	b := newBench(t)
	b.start(`on("message", print)`)
	if err := b.save(`on("message", print)`); err != nil || b.script.Current().Number != 1 {
		t.Errorf("err %v, generation %d, want 1", err, b.script.Current().Number)
	}
	if err := b.script.Reload(t.Context(), source(`on("message", print)`), ReasonAsked); err != nil || b.script.Current().Number != 2 {
		t.Errorf("asked for: err %v, generation %d, want 2", err, b.script.Current().Number)
	}
}

func TestABrokenSaveTouchesNothing(t *testing.T) {
	for name, text := range map[string]string{
		"syntax":            `on("message", function(e)`,
		"run time":          `local t = nil; print(t.x)`,
		"wait at top level": `input()`,
		"keep at top level": `keep("k")`,
		"unknown module":    `require "nothing"`,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.start(`on("message", function(e) print("one " .. e) end)`)
			if err := b.save(text); err == nil {
				t.Fatal("it loaded")
			} else if !strings.Contains(err.Where, "s.lua:1") {
				t.Errorf("where is %q, want s.lua:1: %v", err.Where, err)
			}
			b.event("!r", "message a")
			b.printed("one message a")
			if b.script.Refused() == nil || b.script.Current().Number != 1 {
				t.Errorf("refused %v, generation %d", b.script.Refused(), b.script.Current().Number)
			}
		})
	}
}

func TestLoadThatRaisesIsSwappedBack(t *testing.T) {
	b := newBench(t)
	b.start(`on("message", function(e) print("one " .. e) end)`)
	if err := b.save(`on("load", function() error("no") end)`); err == nil {
		t.Fatal("it loaded")
	}
	b.event("!r", "message a")
	b.printed("one message a")
	if n := b.script.Current().Number; n != 3 {
		t.Errorf("generation %d, want 3: the source of the first again", n)
	}
}

func TestServiceHandsItsHandleOver(t *testing.T) {
	b := newBench(t)
	text := `-- %d
service("in", function()
  local h, fresh = keep("k")
  print("handle", h, fresh)
  while true do print("got " .. input()) end
end)`
	b.start(fmt.Sprintf(text, 1))
	b.input <- "a"
	b.printed("got a")
	if err := b.save(fmt.Sprintf(text, 2)); err != nil {
		t.Fatal(err)
	}
	b.input <- "b"
	b.printed("got b")
	b.wait("two services began", func() bool { return len(b.out) == 4 })
	first, second := strings.Fields(b.out[0]), strings.Fields(b.out[2])
	if first[1] != second[1] || first[2] != "true" || second[2] != "false" {
		t.Errorf("%v then %v: want the same handle, fresh only at first", first, second)
	}
	if n := b.script.OpenHandles(); n != 1 {
		t.Errorf("%d handles are open, want 1", n)
	}
}

func TestHandleThatNobodyTookOverIsClosed(t *testing.T) {
	b := newBench(t)
	b.start(`service("in", function() keep("k"); input() end)`)
	if err := b.save(`on("message", print)`); err != nil {
		t.Fatal(err)
	}
	b.script.drains.Wait()
	if n := b.script.OpenHandles(); n != 0 {
		t.Errorf("%d handles are open, want 0", n)
	}
}

func TestServiceStartsAgainWithGrowingPauses(t *testing.T) {
	b := newBench(t)
	b.start(`service("s", function() print("began"); error("ended") end)`)
	for n := 1; n <= 4; n++ {
		b.wait(fmt.Sprint(n, " starts"), func() bool { return len(b.out) == n })
		b.pausing()
		b.clock.Advance(time.Duration(1<<n) * time.Second * 5 / 4)
	}
	if st := b.script.Status().Services[0]; !strings.Contains(st.Error, "ended") {
		t.Errorf("status of the service: %+v", st)
	}
}

func TestServiceThatKeepsFailingByItselfIsSwappedBack(t *testing.T) {
	b := newBench(t)
	b.start(`on("message", function(e) print("one " .. e) end)`)
	if err := b.save(`service("s", function() local x; print(x.y) end)`); err != nil {
		t.Fatal(err)
	}
	for n := 1; n < 3; n++ {
		b.wait(fmt.Sprint(n, " failures"), func() bool { return len(b.reports) >= n })
		b.pausing()
		b.clock.Advance(3 * time.Second)
	}
	b.wait("the source before runs again", func() bool {
		return len(b.loads) > 0 && b.loads[len(b.loads)-1].Reason == ReasonSwapBack
	})
	b.event("!r", "message a")
	b.printed("one message a")
}

func TestRetryableErrorsComeBackAndOthersAreDeadLetters(t *testing.T) {
	b := newBench(t)
	b.start(`local n = 0
on("message", function(e)
  n = n + 1
  if e == "message bad" then error("broken") end
  if n == 1 then busy() end
  print("done " .. e .. " " .. n)
end)`)
	b.event("!r", "message a")
	b.event("!r", "message bad")
	b.event("!r", "message c")
	if err := b.clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(2 * time.Second)
	b.printed("done message c 4")
	b.wait("a dead letter", func() bool { return len(b.dead) == 1 })
	if got := strings.Join(b.out, "; "); got != "done message a 2; done message c 4" {
		t.Errorf("printed: %s", got)
	}
	if string(b.dead[0].Payload) != "message bad" {
		t.Errorf("dead letter: %s", b.dead[0].Payload)
	}
	if r := b.reports[1]; r.Err.Where != "s.lua:4" || len(r.Err.Trace) == 0 {
		t.Errorf("report: %+v", r.Err)
	}
}

func TestCronRunsOnceForWhatWasMissed(t *testing.T) {
	b := newBench(t)
	b.store.crons["0 * * * *"] = b.clock.Now().Add(-5 * time.Hour)
	b.start(`cron("0 * * * *", function() print("ran") end)`)
	b.printed("ran")
	if err := b.clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if len(b.out) != 1 {
		t.Errorf("ran %d times for what was missed, want once", len(b.out))
	}
	b.clock.Advance(time.Hour)
	b.wait("it runs on time", func() bool { return len(b.out) == 2 })
}

func TestTimersAreLimited(t *testing.T) {
	b := newBench(t)
	b.start(`on("message", function() for i = 1, 1e6 do after(3600, print) end end)`)
	b.event("!r", "message a")
	b.wait("a dead letter", func() bool { return len(b.dead) == 1 })
	if r := b.reports[0]; r.Err.Kind != diag.KindLimit || !strings.Contains(r.Err.Message, "too many timers") {
		t.Errorf("report: %+v", r.Err)
	}
}

func TestSpawnedTasksEndWithTheirGeneration(t *testing.T) {
	b := newBench(t)
	b.start(`on("message", function() after(10, function() print("late") end); spawn(function() print("spawned") end) end)`)
	b.event("!r", "message a")
	b.printed("spawned")
	if err := b.save(`on("message", print)`); err != nil {
		t.Fatal(err)
	}
	b.script.drains.Wait()
	b.clock.Advance(time.Minute)
	if strings.Contains(strings.Join(b.out, " "), "late") {
		t.Error("a timer outlived its generation")
	}
}

func TestDeclarationsBelongToTheTopLevel(t *testing.T) {
	b := newBench(t)
	b.start(`on("message", function() on("message", print) end)`)
	b.event("!r", "message a")
	b.wait("a dead letter", func() bool { return len(b.dead) == 1 })
	if e := b.reports[0].Err; !strings.Contains(e.Message, "top level") {
		t.Errorf("report: %v", e)
	}
}
