package engine

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"bridgehost/diag"
)

// attacks are scripts that would hang or bloat the process.
var attacks = []struct{ name, kind, body string }{
	{"endless loop", diag.KindLimit, `while true do end`},
	{"around pcall", diag.KindLimit, `while true do pcall(function() while true do end end) end`},
	{"pcall of pcall", diag.KindLimit, `local function f() while true do pcall(f) end end f()`},
	{"error in error handlers", diag.KindLimit, `while true do xpcall(error, function() error("x") end) end`},
	{"return pcall", diag.KindLimit, `return pcall(function() while true do end end)`},
	{"goto", diag.KindLimit, `::a:: goto a`},
	{"in a coroutine", diag.KindLimit, `local co = coroutine.wrap(function() while true do end end) while true do pcall(co) end`},
	{"endless coroutines", diag.KindLimit, `while true do coroutine.wrap(function() coroutine.yield() end)() end`},
	{"recursive wrap", "", `local function f() coroutine.wrap(f)() end f()`},
	{"string pattern", diag.KindLimit, `local s = ("a"):rep(40) while true do pcall(string.find, s, ("a*"):rep(20) .. "b") end`},
	{"gsub with many matches", diag.KindLimit, `local s = ("a"):rep(300000) while true do s:gsub("a", "b") end`},
	{"sort", diag.KindLimit, `local t = {} for i = 1, 100000 do t[i] = i end while true do table.sort(t, function(a, b) return a > b end) end`},
	{"sort without comparator", diag.KindLimit, `local t = {} for i = 1, 500000 do t[i] = (i * 7919) % 500009 end while true do table.sort(t) t[1], t[#t] = t[#t], t[1] end`},
	{"inconsistent comparator", diag.KindLimit, `local t = {} for i = 1, 10000 do t[i] = i end while true do pcall(table.sort, t, function() return true end) end`},
	{"index chain", diag.KindLimit, `local t = {} for i = 1, 90 do t = setmetatable({}, {__index = t}) end while true do local x = t.y end`},
	{"memory by tables", diag.KindLimit, `local t = {} while true do t[#t + 1] = {} end`},
	{"memory by keys", diag.KindLimit, `local t, i = {}, 0 while true do i = i + 1 t["k" .. i] = i end`},
	{"memory by strings", diag.KindLimit, `local t = {} while true do t[#t + 1] = ("x"):rep(100000) .. #t end`},
	{"memory by closures", diag.KindLimit, `local t = {} while true do local n = #t t[n + 1] = function() return n end end`},
	{"memory around pcall", diag.KindLimit, `local t = {} while true do pcall(function() while true do t[#t + 1] = {1, 2, 3} end end) end`},
	{"concatenation", diag.KindLimit, `local s = "x" while true do s = s .. s end`},
	{"concatenation around pcall", diag.KindLimit, `local t = {} while true do local s = "x" .. #t pcall(function() while true do s = s .. s end end) t[#t + 1] = s end`},
	{"huge rep", diag.KindLimit, `return ("x"):rep(1e9)`},
	{"large array at once", diag.KindLimit, `local t = {} for i = 1, 1e9 do t[i * 1000] = 1 end`},
	{"unpack", "", `return unpack({}, 1, 1e8)`},
	{"deep recursion", "", `local function f() return 1 + f() end return f()`},
	{"deep recursion through pcall", diag.KindLimit, `local function f() local ok = pcall(f) return ok end while true do f() end`},
	{"deep recursion through metamethods", "", `local t = setmetatable({}, {}) getmetatable(t).__index = function(_, k) return t[k] end return t.x`},
	{"deep recursion through tostring", "", `local t t = setmetatable({}, {__tostring = function() return tostring(t) end}) return tostring(t)`},
	{"deep recursion through gsub", "", `local function f() return (("a"):gsub("a", f)) end return f()`},
	{"tail calls", diag.KindLimit, `local function f() return f() end return f()`},
}

func TestRunawayScripts(t *testing.T) {
	limits := Limits{CPU: 300 * time.Millisecond, Memory: 32 << 20}
	other := load(t, `rawset(_G, "h", function() return 1 end)`)
	answer := handler(other, "h")
	var slowest atomic.Int64
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() { // the other script answers all the time
		defer close(ended)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			start := time.Now()
			if _, err := other.Run(context.Background(), &Task{}, answer, nil); err != nil {
				t.Error("the other script failed:", err)
			}
			if d := int64(time.Since(start)); d > slowest.Load() {
				slowest.Store(d)
			}
		}
	}()
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			vm := newVM(t, Config{Limits: limits, Program: compile(t, `rawset(_G, "h", function() `+a.body+` end)`)})
			if err := vm.Load(context.Background()); err != nil {
				t.Fatal(err)
			}
			runtime.GC()
			base := heapSize()
			var peak atomic.Uint64
			done, sampled := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(sampled)
				tick := time.NewTicker(2 * time.Millisecond)
				defer tick.Stop()
				for {
					select {
					case <-done:
						return
					case <-tick.C:
						peak.Store(max(peak.Load(), heapSize()))
					}
				}
			}()
			slowest.Store(0)
			start := time.Now()
			_, err := vm.Run(context.Background(), &Task{Label: a.name}, handler(vm, "h"), nil)
			took := time.Since(start)
			close(done)
			<-sampled
			if err == nil {
				t.Fatal("it was not stopped")
			}
			if a.kind != "" && err.Kind != a.kind {
				t.Errorf("stopped as %s: %v", err.Kind, err)
			}
			mb := float64(max(peak.Load(), base)-base) / (1 << 20)
			t.Logf("%-34s | %-60.60s | after %4d ms | peak +%3.0f MB | the other's slowest answer %d ms",
				a.name, err.Message, took.Milliseconds(), mb, slowest.Load()/1e6)
			if took > 20*limits.CPU {
				t.Errorf("it took %s", took)
			}
			if mb > 400 {
				t.Errorf("it took %.0f MB", mb)
			}
			vm.Close()
		})
	}
	close(stop)
	<-ended
}

func TestMemoryIsAboutRight(t *testing.T) {
	for name, body := range map[string]string{
		"tables":  `for i = 1, 50000 do keep[i] = {i, "x" .. i} end`,
		"keys":    `for i = 1, 100000 do keep["key" .. i] = i end`,
		"strings": `for i = 1, 1000 do keep[i] = ("x"):rep(10000) .. i end`,
		"numbers": `for i = 1, 500000 do keep[i] = i + 0.5 end`,
	} {
		t.Run(name, func(t *testing.T) {
			vm := load(t, `rawset(_G, "keep", {}) rawset(_G, "h", function() `+body+` end)`)
			runtime.GC()
			before, mine := heapSize(), vm.Memory()
			if _, err := vm.Run(context.Background(), &Task{}, handler(vm, "h"), nil); err != nil {
				t.Fatal(err)
			}
			runtime.GC()
			real, ours := int64(heapSize()-before), vm.Memory()-mine
			ratio := float64(ours) / float64(real)
			t.Logf("%s: %d KB, measured %d KB: %.2f", name, real>>10, ours>>10, ratio)
			if ratio < 0.5 || ratio > 2 {
				t.Error("the estimate is off")
			}
		})
	}
}
