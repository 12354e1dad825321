package luabind

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"
	lua "github.com/yuin/gopher-lua"

	"bridgehost/delivery"
	"bridgehost/diag"
	"bridgehost/egress"
	"bridgehost/engine"
	"bridgehost/matrix"
)

// memoryStore is a delivery.Store and delivery.Values in memory.
type memoryStore struct {
	mu        sync.Mutex
	committed map[string][]byte
	finished  []delivery.Outcome
	effects   []delivery.Effect
}

func (m *memoryStore) write(u *delivery.Unit) {
	for _, w := range u.Writes() {
		if w.Value == nil {
			delete(m.committed, w.Store+"\x00"+w.Key)
		} else {
			m.committed[w.Store+"\x00"+w.Key] = w.Value
		}
	}
}

func (m *memoryStore) Finish(_ context.Context, _ delivery.Item, r delivery.Result, u *delivery.Unit) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.Outcome == delivery.Done {
		m.write(u)
	}
	m.finished = append(m.finished, r.Outcome)
	return nil
}

func (m *memoryStore) Commit(_ context.Context, u *delivery.Unit) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.write(u)
	return nil
}

func (m *memoryStore) PutEffects(_ context.Context, e ...delivery.Effect) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.effects = append(m.effects, e...)
	return nil
}

func (m *memoryStore) Get(_, store, key string, _ time.Time) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.committed[store+"\x00"+key], nil
}

func (m *memoryStore) Keys(_, store string, _ time.Time) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var keys []string
	for k := range m.committed {
		if key, ok := strings.CutPrefix(k, store+"\x00"); ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

func (m *memoryStore) Lanes(context.Context, string) ([]delivery.Lane, error) { return nil, nil }
func (m *memoryStore) Next(context.Context, delivery.Lane, int64, int) ([]delivery.Item, error) {
	return nil, nil
}

func (m *memoryStore) Effects(context.Context, delivery.Item) ([]delivery.Effect, error) {
	return nil, nil
}

func (m *memoryStore) LastCron(context.Context, string, string) (time.Time, error) {
	return time.Time{}, nil
}

func (m *memoryStore) DeadLetters(context.Context, string) ([]delivery.DeadLetter, error) {
	return nil, nil
}

func (m *memoryStore) Replay(context.Context, int64) (delivery.Item, error) {
	return delivery.Item{}, nil
}
func (m *memoryStore) Drop(context.Context, int64) error { return nil }

// modBench runs a script whose events are the words that the test delivers.
type modBench struct {
	t      *testing.T
	store  *memoryStore
	script *Script
	engine *engine.Script
	dialer *egress.Dialer

	mu      sync.Mutex
	out     []string
	reports []engine.Report
	news    chan struct{}
}

func (b *modBench) Egress() *egress.Dialer                              { return b.dialer }
func (b *modBench) CommandClash(matrix.RoomID, string, string) []string { return nil }

func (b *modBench) Match(g *engine.Generation, item *delivery.Item) (engine.Match, *diag.Error) {
	return engine.Match{Handlers: g.Handlers("org.test." + string(item.Payload)), Label: "event " + string(item.Payload),
		Arg: func(*engine.VM, *lua.LState, *engine.Task) lua.LValue { return lua.LString(item.Payload) }}, nil
}

func newModBench(t *testing.T, clock clockwork.Clock, config map[string]any) *modBench {
	b := &modBench{t: t, store: &memoryStore{committed: map[string][]byte{}}, news: make(chan struct{}, 1)}
	b.dialer = egress.New(egress.Config{})
	data := delivery.NewData("s", b.store, clock)
	b.script = &Script{Name: "s", ServerName: "bh.test", Prefix: "_bh_", Data: data, Clock: clock, Log: hclog.NewNullLogger(), Host: b, Config: config}
	b.engine = engine.NewScript(engine.ScriptConfig{Name: "s", Library: NewLibrary(b.script), Matcher: b, Limits: engine.DefaultLimits(),
		Store: b.store, Data: data, Clock: clock, Log: b.script.Log, Print: b.say,
		OnReport: func(r engine.Report) { b.mu.Lock(); b.reports = append(b.reports, r); b.mu.Unlock(); b.tell() }})
	t.Cleanup(func() { b.engine.Close(time.Minute) })
	return b
}

// limit lets handlers compute no longer than that without a wait.
func (b *modBench) limit(cpu time.Duration) {
	limits := engine.DefaultLimits()
	limits.CPU = cpu
	b.engine.Close(time.Minute)
	b.engine = engine.NewScript(engine.ScriptConfig{Name: "s", Library: NewLibrary(b.script), Matcher: b, Limits: limits,
		Store: b.store, Data: b.script.Data, Clock: b.script.Clock, Log: b.script.Log, Print: b.say,
		OnReport: func(r engine.Report) { b.mu.Lock(); b.reports = append(b.reports, r); b.mu.Unlock(); b.tell() }})
}

func (b *modBench) tell() {
	select {
	case b.news <- struct{}{}:
	default:
	}
}

func (b *modBench) say(line string) {
	b.mu.Lock()
	b.out = append(b.out, line)
	b.mu.Unlock()
	b.tell()
}

func (b *modBench) load(source string) *diag.Error {
	return b.engine.Reload(b.t.Context(), engine.Source{Name: "s", Main: "s.lua", Files: map[string]string{"s.lua": source}}, "test")
}

func (b *modBench) mustLoad(source string) {
	b.t.Helper()
	if err := b.load(source); err != nil {
		b.t.Fatalf("not loaded: %v (%s)", err, err.Hint)
	}
}

func (b *modBench) deliver(words ...string) {
	for i, w := range words {
		b.engine.Deliver(delivery.Item{Seq: int64(i + 1), Key: w, Lane: delivery.Lane{Script: "s", Room: w}, Kind: delivery.KindEvent, Payload: []byte(w)})
	}
}

func (b *modBench) output() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.out, "\n")
}

// until waits for a condition on what was printed and reported.
func (b *modBench) until(what string, done func() bool) {
	b.t.Helper()
	limit := time.After(20 * time.Second)
	for !done() {
		select {
		case <-b.news:
		case <-limit:
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, r := range b.reports {
				b.t.Logf("reported: %s: %v", r.Label, r.Err)
			}
			b.t.Fatalf("still not: %s; printed:\n%s", what, strings.Join(b.out, "\n"))
		}
	}
}

func (b *modBench) printed(want string) {
	b.t.Helper()
	b.until(fmt.Sprintf("%q is printed", want), func() bool { return strings.Contains(b.output(), want) })
}

func (b *modBench) reported(want string) {
	b.t.Helper()
	b.until(fmt.Sprintf("an error with %q is reported", want), func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, r := range b.reports {
			if strings.Contains(r.Err.Error(), want) {
				return true
			}
		}
		return false
	})
}

// lineServer accepts connections and hands them to the test.
type lineServer struct {
	l     net.Listener
	conns chan net.Conn
}

func newLineServer(t *testing.T) *lineServer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &lineServer{l: l, conns: make(chan net.Conn, 100)}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.conns <- c
		}
	}()
	return s
}

func (s *lineServer) port() int { return s.l.Addr().(*net.TCPAddr).Port }

func (s *lineServer) accept(t *testing.T) net.Conn {
	t.Helper()
	select {
	case c := <-s.conns:
		t.Cleanup(func() { _ = c.Close() })
		return c
	case <-time.After(20 * time.Second):
		t.Fatal("nobody connected")
		return nil
	}
}

func targetOf(s *lineServer) egress.Target {
	return egress.Target{Host: "127.0.0.1", Port: s.port()}
}
