package engine

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
)

// hostLib gives scripts what tests need: wait(), which hands the lock over, nap(),
// a wait for input, and fail(kind).
type hostLib struct{ gate func(ctx context.Context) }

func (h hostLib) Open(vm *VM) {
	set := func(name string, fn lua.LGFunction) { vm.SetGlobal(name, vm.L.NewFunction(fn)) }
	set("wait", func(L *lua.LState) int {
		n := L.GetTop()
		vm.Wait(L, func(ctx context.Context) {
			runtime.Gosched()
			if h.gate != nil {
				h.gate(ctx)
			}
		})
		return n
	})
	set("nap", func(L *lua.LState) int {
		vm.WaitInput(L, func(ctx context.Context) bool { <-ctx.Done(); return false })
		return 0
	})
	set("fail", func(L *lua.LState) int {
		vm.Raise(L, &diag.Error{Kind: L.CheckString(1), Code: "M_FORBIDDEN", Status: 403, Message: "refused", Retryable: true})
		return 0
	})
	vm.Preload("bridge.json", func(vm *VM) lua.LValue { return vm.L.NewTable() })
}

func compile(t testing.TB, source string, more ...string) *Program {
	t.Helper()
	files := map[string]string{"main.lua": source}
	for i := 0; i+1 < len(more); i += 2 {
		files[more[i]] = more[i+1]
	}
	p, err := Compile("test", "main.lua", files)
	if err != nil {
		t.Fatalf("compile: %v", err)
	}
	return p
}

func newVM(t testing.TB, cfg Config) *VM {
	t.Helper()
	cfg.Script = "test"
	if cfg.Library == nil {
		cfg.Library = hostLib{}
	}
	vm := NewVM(cfg)
	t.Cleanup(vm.Close)
	return vm
}

func load(t testing.TB, source string, more ...string) *VM {
	t.Helper()
	vm := newVM(t, Config{Program: compile(t, source, more...)})
	if err := vm.Load(context.Background()); err != nil {
		t.Fatal(diag.Render(err, vm.cfg.Program, diag.Options{}))
	}
	return vm
}

// handler is the global function of that name.
func handler(vm *VM, name string) *lua.LFunction {
	var fn *lua.LFunction
	vm.Locked(func() { fn, _ = vm.L.G.Global.RawGetString(name).(*lua.LFunction) })
	return fn
}

// eval runs a chunk as a handler and returns its results as text.
func eval(t testing.TB, body string) (string, *diag.Error) {
	t.Helper()
	vm := load(t, `rawset(_G, "h", function() `+body+` end)`)
	values, err := vm.Run(context.Background(), &Task{Label: "test"}, handler(vm, "h"), nil)
	return text(values), err
}

func text(values []lua.LValue) string {
	var parts []string
	for _, v := range values {
		parts = append(parts, v.String())
	}
	return strings.Join(parts, " ")
}

func TestPeekLayout(t *testing.T) {
	same := func(ours, theirs reflect.Type, n int) {
		for i := 0; i < n; i++ {
			a, b := ours.Field(i), theirs.Field(i)
			if a.Name != b.Name || a.Offset != b.Offset || a.Type.Kind() != b.Type.Kind() || a.Type.Size() != b.Type.Size() {
				t.Errorf("%s.%s is not %s.%s", ours, a.Name, theirs, b.Name)
			}
		}
	}
	dbg := reflect.TypeOf(lua.Debug{}).Field(0)
	theirs := dbg.Type.Elem()
	if dbg.Name != "frame" || dbg.Offset != 0 || theirs.NumField() != reflect.TypeOf(frame{}).NumField() {
		t.Fatal("lua.Debug changed")
	}
	same(reflect.TypeOf(frame{}), theirs, theirs.NumField())
	tb := reflect.TypeOf(lua.LTable{})
	same(reflect.TypeOf(table{}), tb, tb.NumField())
	up := reflect.TypeOf(lua.Upvalue{})
	same(reflect.TypeOf(upvalue{}), up, up.NumField())
	reg, _ := reflect.TypeOf(lua.LState{}).FieldByName("reg")
	same(reflect.TypeOf(registry{}), reg.Type.Elem(), 2)
}

// The cases that gopher-lua's own pcall gets wrong or right (yuin/gopher-lua#448 first).
func TestPcallKeepsVariables(t *testing.T) {
	for name, c := range map[string][2]string{
		"448":               {`local n=0 local function inc() n=n+1 end pcall(error,"x") inc() return n`, "1"},
		"xpcall":            {`local n=0 local function inc() n=n+1 end xpcall(function() error "x" end, function(e) return e end) inc() return n`, "1"},
		"inner changes":     {`local n=0 pcall(function() n=n+1 error "x" end) n=n+1 return n`, "2"},
		"loop":              {`local n=0 for i=1,5 do local f=function() n=n+i end pcall(error) f() end return n`, "15"},
		"escaped closure":   {`local get pcall(function() local v=7 get=function() return v end error "x" end) local a,b,c=1,2,3 return get()`, "7"},
		"nested":            {`local n=0 local f=function() n=n+1 end pcall(function() f() pcall(error,"a") f() error "b" end) f() return n`, "3"},
		"in a coroutine":    {`local n=0 local co=coroutine.wrap(function() local f=function() n=n+1 end pcall(error,"x") f() coroutine.yield() f() end) co() co() return n`, "2"},
		"error in handler":  {`local n=1 local f=function() n=n+1 end local ok=xpcall(error, function() error "again" end) f() return n, ok`, "2 false"},
		"runtime error":     {`local t local n=0 local f=function() n=n+1 end pcall(function() return t.x end) f() return n`, "1"},
		"identity":          {`local e={} local ok,got=pcall(error,e) return got==e`, "true"},
		"values":            {`return pcall(function(...) return select("#",...), ... end, 1, nil, 3)`, "true 3 1 nil 3"},
		"no values":         {`return select("#", pcall(function() end))`, "1"},
		"not a function":    {`return pcall(5)`, "false attempt to call a number value"},
		"xpcall's handler":  {`return xpcall(function() error({v=1}) end, function(e) return e.v end)`, "false 1"},
		"after many":        {`local s=0 for i=1,500 do local ok,e=pcall(function() if i%2==0 then error(i,0) end return i end) s=s+(tonumber(e) or 0) end return s`, "125250"},
		"recursive pcall":   {`local depth=0 local function f() depth=depth+1 local ok,e=pcall(f) return ok,e end f() return depth > 150 and depth < 200`, "true"},
		"deep recursion":    {`local function f() return 1+f() end local ok,e=pcall(f) return ok, (e:find("stack overflow",1,true)) ~= nil`, "false true"},
		"yield across":      {`local co=coroutine.create(function() return pcall(coroutine.yield, 1) end) local a,b,c=coroutine.resume(co) return a,b,(tostring(c):find("across",1,true)) ~= nil`, "true false true"},
		"yield in iterator": {`local co=coroutine.create(function() for x in function() return coroutine.yield(1) end do end end) local ok,e=coroutine.resume(co) return ok,(e:find("iterator",1,true)) ~= nil`, "false true"},
		"yield missing":     {`local co=coroutine.wrap(function() local a,b,c=coroutine.yield() return tostring(a)..tostring(b)..tostring(c) end) co() return co("x")`, "xnilnil"},
		"yield tail":        {`local co=coroutine.wrap(function(a) return coroutine.yield(a+1) end) local x=co(1) return x, co("end")`, "2 end"},
		"yield tail nested": {`local function g() return coroutine.yield(1) end local co=coroutine.wrap(function() local v=g() return v.."!" end) co() return co("end")`, "end!"},
		"co status":         {`local co co=coroutine.create(function() return coroutine.status(co), coroutine.running()==co end) local a,b,c=coroutine.resume(co) return a,b,c,coroutine.status(co), coroutine.running()`, "true running true dead nil"},
		"co none":           {`local co=coroutine.create(function() coroutine.yield() end) return select("#",coroutine.resume(co)), select("#",coroutine.resume(co))`, "1 1"},
		"co error":          {`local co=coroutine.create(function() local x x.y=1 end) return coroutine.resume(co)`, "false main.lua:1: attempt to index local 'x' (a nil value)"},
		"co error later":    {`local co=coroutine.wrap(function() coroutine.yield() error("late",0) end) co() return pcall(co)`, "false late"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := eval(t, c[0])
			if err != nil || got != c[1] {
				t.Errorf("got %q, want %q (%v)", got, c[1], err)
			}
		})
	}
}

func TestRunTimeErrorTexts(t *testing.T) {
	for body, want := range map[string]string{
		`local portal local x = portal.room_id`:                  "attempt to index local 'portal' (a nil value)",
		`local t = {} t.a.b = 1`:                                 "attempt to index field 'a' (a nil value)",
		`local t = {} t:x()`:                                     "attempt to call method 'x' (a nil value)",
		`local t = {} t.x()`:                                     "attempt to call field 'x' (a nil value)",
		`local f f()`:                                            "attempt to call local 'f' (a nil value)",
		`local t = {} return 1 + t.y`:                            "attempt to perform arithmetic on field 'y' (a nil value)",
		`local t = {} return t.y * 2`:                            "attempt to perform arithmetic on field 'y' (a nil value)",
		`local s = "abc" return -s`:                              "attempt to perform arithmetic on local 's' (a string value)",
		`local n return 1 < n`:                                   "attempt to compare number with nil",
		`local a,b = {},{} return a < b`:                         "attempt to compare two table values",
		`local n return #n`:                                      "attempt to get length of local 'n' (a nil value)",
		`local u local f = function() return u.x end return f()`: "attempt to index upvalue 'u' (a nil value)",
		`for i = 1, "x" do end`:                                  "'for' limit must be a number",
		`error("bad")`:                                           "bad",
		`return nosuch`:                                          "unknown global 'nosuch'",
		`prnit(1)`:                                               "unknown global 'prnit'; did you mean 'print'?",
		`json.decode("")`:                                        `unknown global 'json'; write local json = require "bridge.json"`,
		`cout = 1`:                                               "assign to undeclared global 'cout'; did you forget `local`?",
	} {
		got, err := eval(t, body)
		if err == nil || err.Message != want || err.Where != "main.lua:1" {
			t.Errorf("%s\n got %v %q\nwant %q", body, err, got, want)
		}
		got, err = eval(t, `local ok, e = pcall(function() `+body+` end) return e`)
		if err != nil || got != "main.lua:1: "+want {
			t.Errorf("through pcall: %s\n got %q %v\nwant %q", body, got, err, want)
		}
	}
}

func TestErrorLevels(t *testing.T) {
	vm := load(t, `
local function check(n)
  error("bad", n)
end
local function caller(n)
  check(n)
  return 1
end
rawset(_G, "h", function()
  local out = {}
  for n = 0, 3 do
    local _, e = pcall(function()
      caller(n)
      return 1
    end)
    out[#out+1] = e
  end
  return unpack(out)
end)`)
	values, err := vm.Run(context.Background(), &Task{}, handler(vm, "h"), nil)
	if got, want := text(values), "bad main.lua:3: bad main.lua:6: bad main.lua:13: bad"; err != nil || got != want {
		t.Errorf("got %q, want %q (%v)", got, want, err)
	}
}

func TestErrorTables(t *testing.T) {
	for body, want := range map[string]string{
		`local ok,e = pcall(fail,"matrix") return e.kind, e.code, e.errcode, e.status, e.message, e.retryable, type(e)`: "matrix M_FORBIDDEN M_FORBIDDEN 403 refused true table",
		`local ok,e = pcall(function() fail "matrix" end) return e.where, tostring(e), "got "..e`:                       "main.lua:1 main.lua:1: M_FORBIDDEN (403): refused got main.lua:1: M_FORBIDDEN (403): refused",
		`local ok,e = pcall(fail,"net") local ok2,e2 = pcall(error,e) return e == e2, getmetatable(e)`:                  "true error",
		`local ok,e = pcall(setmetatable, select(2, pcall(fail,"net")), {}) return ok`:                                  "false",
	} {
		if got, err := eval(t, body); err != nil || got != want {
			t.Errorf("%s\n got %q %v\nwant %q", body, got, err, want)
		}
	}
	_, err := eval(t, `error({code = 5, list = {1,2}})`)
	if err == nil || !strings.Contains(err.Message, "code = 5") || !err.Raised {
		t.Errorf("a table without text: %+v", err)
	}
	_, err = eval(t, `error(setmetatable({}, {__tostring = function() return "own text" end}))`)
	if err == nil || err.Message != "own text" {
		t.Errorf("__tostring: %v", err)
	}
	_, err = eval(t, `local m = {nick="alice"} local text = "hi" local p p.x = 1`)
	if err == nil || len(err.Locals) != 3 || err.Locals[0].Value != `{ nick = "alice" }` || err.Locals[2].Name != "p" || err.Raised {
		t.Errorf("locals: %+v", err)
	}
}

// ways are the places from which a handler may wait.
var ways = []string{
	`return wait(x)`, `local v = wait(x) return v`, `return (select(2, pcall(wait, x)))`,
	`return (select(2, pcall(function() return wait(x) end)))`,
	`return (select(2, xpcall(function() return wait(x) end, print)))`,
	`local t = setmetatable({}, {__index = function(_, k) return wait(x) end}) return t.a`,
	`local t = setmetatable({}, {__call = function(_, k) return wait(k) end}) return t(x)`,
	`local t = setmetatable({}, {__add = function(_, k) return wait(k) end}) return t + x`,
	`local co = coroutine.wrap(function() return wait(x) end) return co()`,
	`local co = coroutine.create(function(a) local b = coroutine.yield(wait(a)) return wait(b) end) coroutine.resume(co, 0) return (select(2, coroutine.resume(co, x)))`,
	`local out for v in function(_, i) if not i then return wait(x) end end do out = v end return out`,
	`local t = {3,1,2} table.sort(t, function(a, b) wait() return a < b end) return t[1] == 1 and x`,
	`local v = ("a"):gsub("a", function() return wait(tostring(x)) end) return tonumber(v)`,
	`local function deep(n) if n == 0 then return wait(x) end return (deep(n-1)) end return deep(20)`,
	`local s = tostring(setmetatable({}, {__tostring = function() return wait(tostring(x)) end})) return tonumber(s)`,
}

func TestManyHandlersWaitEverywhere(t *testing.T) {
	for i, way := range ways {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			vm := load(t, `rawset(_G, "h", function(x) `+way+` end)`)
			fn := handler(vm, "h")
			var wg sync.WaitGroup
			for n := 1; n <= 200; n++ {
				wg.Add(1)
				go func() {
					defer wg.Done()
					values, err := vm.Run(context.Background(), &Task{Label: "test"}, fn, func(L *lua.LState) []lua.LValue { return []lua.LValue{lua.LNumber(n)} })
					if got := text(values); err != nil || got != fmt.Sprint(n) {
						t.Errorf("%s: got %q for %d (%v)", way, got, n, err)
					}
				}()
			}
			wg.Wait()
		})
	}
}

func TestDeadlineAndStoppingUseTheGivenClock(t *testing.T) {
	clock := clockwork.NewFakeClock()
	vm := newVM(t, Config{Clock: clock, Program: compile(t, `rawset(_G, "h", function() while true do pcall(nap) end end)`)})
	if err := vm.Load(context.Background()); err != nil {
		t.Fatal(err)
	}
	result := make(chan *diag.Error, 1)
	go func() {
		_, err := vm.Run(context.Background(), &Task{Deadline: time.Minute}, handler(vm, "h"), nil)
		result <- err
	}()
	clock.BlockUntilContext(context.Background(), 1)
	clock.Advance(time.Minute)
	if err := <-result; err == nil || err.Kind != diag.KindTimeout {
		t.Errorf("deadline: %v", err)
	}

	stop := make(chan struct{})
	idle := make(chan bool, 4)
	vm2 := load(t, `rawset(_G, "h", function() local ok, e = pcall(nap) local ok2, e2 = pcall(nap) wait() return e.kind, e2.kind end)`)
	go func() {
		values, err := vm2.Run(context.Background(), &Task{Service: true, Stopping: stop, Idle: func(w bool) { idle <- w }}, handler(vm2, "h"), nil)
		if text(values) != "stopping stopping" {
			t.Errorf("stopping: %v %v", values, err)
		}
		result <- err
	}()
	if !<-idle {
		t.Error("not told that the service waits for input")
	}
	close(stop)
	if err := <-result; err != nil {
		t.Error(err)
	}
}

func TestWaitWhileLoading(t *testing.T) {
	vm := newVM(t, Config{Program: compile(t, "local x = 1\nwait()\n")})
	err := vm.Load(context.Background())
	if err == nil || err.Kind != diag.KindUsage || err.Where != "main.lua:2" || !strings.Contains(err.Message, "while the script was loading") {
		t.Errorf("got %+v", err)
	}
}

func TestRequire(t *testing.T) {
	vm := load(t, `rawset(_G, "h", function(name) return tostring(require(name)) end) rawset(_G, "tries", 0)`,
		"a/b.lua", `return "ab"`, "c/init.lua", `wait() return ...`, "x.lua", `return require "y"`, "y.lua", `return require "x"`,
		"once.lua", `tries = tries + 1 if tries == 1 then error("first") end return "second"`, "none.lua", ``)
	req := func(name string) (string, *diag.Error) {
		v, err := vm.Run(context.Background(), &Task{}, handler(vm, "h"), func(L *lua.LState) []lua.LValue { return []lua.LValue{lua.LString(name)} })
		return text(v), err
	}
	for _, c := range [][2]string{{"a.b", "ab"}, {"c", "c"}, {"none", "true"}} {
		if got, err := req(c[0]); err != nil || got != c[1] {
			t.Errorf("require %s: %q %v", c[0], got, err)
		}
	}
	if _, err := req("x"); err == nil || !strings.Contains(err.Message, "loop loading module") {
		t.Errorf("circle: %v", err)
	}
	if _, err := req("once"); err == nil || err.Message != "first" {
		t.Errorf("failing module: %v", err)
	}
	if got, err := req("once"); err != nil || got != "second" {
		t.Errorf("a failure is forgotten: %q %v", got, err)
	}
	if _, err := req("bridge.jsn"); err == nil || err.Hint != "did you mean 'bridge.json'?" {
		t.Errorf("hint: %+v", err)
	}
}

func TestCloseWithWaitingHandlers(t *testing.T) {
	const vms, each = 1000, 3
	n := vms
	if testing.Short() {
		n = 100
	}
	p := compile(t, `rawset(_G, "h", function() while true do pcall(nap) end end)`)
	before := runtime.NumGoroutine()
	for i := 0; i < n; i++ {
		vm := NewVM(Config{Script: "test", Program: p, Library: hostLib{}})
		if err := vm.Load(context.Background()); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for j := 0; j < each; j++ {
			idle := make(chan bool, 1)
			wg.Add(1)
			go func() {
				defer wg.Done()
				if _, err := vm.Run(context.Background(), &Task{Idle: func(w bool) {
					if w {
						idle <- true
					}
				}}, handler(vm, "h"), nil); err == nil || err.Kind != diag.KindStopping {
					t.Errorf("ended with %v", err)
				}
			}()
			<-idle
		}
		vm.Close()
		vm.Close()
		wg.Wait()
		if _, err := vm.Run(context.Background(), &Task{}, nil, nil); err == nil {
			t.Fatal("a closed VM ran")
		}
	}
	for i := 0; i < 1000 && runtime.NumGoroutine() > before; i++ {
		runtime.Gosched()
	}
	after := runtime.NumGoroutine()
	t.Logf("goroutines %d before, %d after %d VMs with %d waiting handlers each", before, after, n, each)
	if after > before+2 {
		t.Error("goroutines leaked")
	}
}

func BenchmarkEmptyHandler(b *testing.B) {
	vm := load(b, `rawset(_G, "h", function() end)`)
	fn := handler(vm, "h")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := vm.Run(context.Background(), &Task{Deadline: time.Minute}, fn, nil); err != nil {
			b.Fatal(err)
		}
	}
}
