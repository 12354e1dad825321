package luabind

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"
	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
	"bridgehost/engine"
	"bridgehost/intent"
	"bridgehost/matrix"
)

// homeserver answers every request kindly, unless a refusal is set, and remembers them.
type homeserver struct {
	mu       sync.Mutex
	requests []string // "PUT /path body"
	refuse   func(path string) (status int, body string)
}

func (h *homeserver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	path := r.URL.EscapedPath()
	h.mu.Lock()
	h.requests = append(h.requests, strings.TrimSpace(r.Method+" "+path+" "+string(body)))
	refuse, n := h.refuse, len(h.requests)
	h.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if refuse != nil {
		if status, answer := refuse(path); status != 0 {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, answer)
			return
		}
	}
	fmt.Fprintf(w, `{"event_id": "$%d", "room_id": "!r:bh.test", "displayname": "Al"}`, n)
}

// sent are the bodies of all requests whose path holds part.
func (h *homeserver) sent(part string) (bodies []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.requests {
		if words := strings.SplitN(r, " ", 3); strings.Contains(words[1], part) && len(words) == 3 {
			bodies = append(bodies, words[2])
		}
	}
	return bodies
}

// newScript makes a script "echo" whose bot is in room !r:bh.test, and its homeserver.
func newScript(t testing.TB) (*Script, *homeserver) {
	t.Helper()
	hs := &homeserver{}
	server := httptest.NewServer(hs)
	t.Cleanup(server.Close)
	store := intent.NewMemoryStore(nil)
	pool := intent.NewPool(intent.Config{HomeserverURL: server.URL, ServerName: "bh.test", ASToken: "token", Bot: "@_bh_bot:bh.test", Store: store})
	s := &Script{Name: "echo", ServerName: "bh.test", Prefix: "_bh_", BridgeName: "bridgehost", Pool: pool,
		Bot: pool.Bot("@_bh_echo:bh.test"), Clock: clockwork.NewRealClock(), Log: hclog.NewNullLogger()}
	ctx := context.Background()
	for _, err := range []error{
		store.Registered(ctx, "@_bh_echo:bh.test"),
		store.SetMembership(ctx, "!r:bh.test", "@_bh_echo:bh.test", "join"),
		store.SetPowerLevels(ctx, "!r:bh.test", json.RawMessage(`{"users":{"@mod:bh.test":50}}`)),
		store.SetCreate(ctx, "!r:bh.test", json.RawMessage(`{"type":"m.room.create","sender":"@you:bh.test","content":{"room_version":"11"}}`)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return s, hs
}

// probing is a Library that also gives scripts probe(fn), which hands a function out.
type probing struct {
	*Library
	fn *lua.LFunction
}

func (p *probing) Open(vm *engine.VM) {
	p.Library.Open(vm)
	vm.SetGlobal("probe", vm.L.NewFunction(func(L *lua.LState) int { p.fn = L.CheckFunction(1); return 0 }))
}

const prelude = `local json, t = require "bridge.json", require "test.args"; probe(function(...) `

// open loads a script that is the body of one function, and returns that function.
func open(t testing.TB, s *Script, body string) (*engine.VM, *lua.LFunction) {
	t.Helper()
	program, err := engine.Compile("echo", "echo.lua", map[string]string{"echo.lua": prelude + body + " end)"})
	if err != nil {
		t.Fatalf("compile: %v", err)
	}
	lib := &probing{Library: NewLibrary(s)}
	vm := engine.NewVM(engine.Config{Script: "echo", Generation: 1, Program: program, Library: lib})
	t.Cleanup(vm.Close)
	if err := vm.Load(context.Background()); err != nil {
		t.Fatalf("load: %v", err)
	}
	return vm, lib.fn
}

// run runs body as a handler and returns its results as texts.
func runLua(t testing.TB, s *Script, body string, args ...any) ([]string, *diag.Error) {
	t.Helper()
	vm, fn := open(t, s, body)
	results, err := vm.Run(context.Background(), &engine.Task{Label: "test"}, fn, func(*lua.LState) []lua.LValue {
		var values []lua.LValue
		for _, a := range args {
			values = append(values, EnvOf(vm).ToLua(a))
		}
		return values
	})
	var out []string
	vm.Locked(func() {
		for _, r := range results {
			out = append(out, r.String())
		}
	})
	return out, err
}

// one is the single result of a body that must not fail.
func one(t testing.TB, body string, args ...any) string {
	t.Helper()
	s, _ := newScript(t)
	out, err := runLua(t, s, body, args...)
	if err != nil {
		t.Fatalf("%s\nraised %v", body, err)
	}
	return strings.Join(out, " ")
}

func eventOf(t testing.TB, raw string) *Event {
	t.Helper()
	e, err := matrix.ParseEvent(json.RawMessage(raw))
	if err != nil {
		t.Fatal(err)
	}
	return NewEvent(e, false)
}
