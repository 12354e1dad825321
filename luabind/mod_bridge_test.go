package luabind

import (
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

// TestModules runs each body in a load handler and compares what it prints.
func TestModules(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"try returns the results", `print(bridge.try(function(a, b) return a + b, "x" end, 1, 2))`, "3\tx"},
		{"try returns nil and an error table for a raised string", `local v, err = bridge.try(error, "bad") print(v, type(err), err.message)`, "nil\ttable\tbad"},
		{"try leaves a raised table as it is", `local e = { mine = true } local _, err = bridge.try(error, e) print(err == e)`, "true"},
		{"info names the script", `print(bridge.info.name, bridge.info.generation, bridge.info.server_name)`, "s\t1\tbh.test"},
		{"an unknown function is named with a suggestion", `print(bridge.try(function() bridge.slep(1) end))`, "did you mean 'sleep'"},
		{"strict(false) allows undeclared globals", `bridge.strict(false) x_undeclared = 1 print(x_undeclared)`, "1"},
		{"spawn runs beside and wait returns its results", `local t = bridge.spawn(function(a) return a * 2 end, 21) print(t:wait())`, "42"},
		{"wait raises what the task raised", `print(bridge.try(function() bridge.spawn(error, "boom"):wait() end))`, "boom"},
		{"a cancelled task does not run", `local ran = false local t = bridge.after("1h", function() ran = true end) t:cancel() local _, err = bridge.try(t.wait, t) print(ran, err.code)`, "false\tE_CANCELLED"},
		{"parallel returns results in the order of the list", `local r = bridge.parallel(2, {3, 1, 2}, function(n) bridge.sleep(0) return n * 10 end) print(r[1], r[2], r[3])`, "30\t10\t20"},
		{"parallel runs all, then raises the first error", `local n = 0
			local _, err = bridge.try(bridge.parallel, 2, {1, 2, 3, 4}, function(i) n = n + 1 if i == 2 or i == 3 then error("no " .. i, 0) end end) print(n, err.message)`, "4\tno 2"},
		{"parallel keeps to its limit", `local now, most = 0, 0
			bridge.parallel(3, {1,2,3,4,5,6,7,8}, function() now = now + 1 most = math.max(most, now) bridge.sleep(0) bridge.sleep(0) now = now - 1 end) print(most <= 3)`, "true"},
		{"parallel of an empty list does nothing", `print(#bridge.parallel(4, {}, print))`, "0"},
		{"a store written inside parallel is seen by the caller", `local s = bridge.store("p") bridge.parallel(2, {"a", "b"}, function(k) s:set(k, 1) end) print(table.concat(s:keys(), ","))`, "a,b"},
		{"timeout returns the results", `print(bridge.timeout("5s", function(a) return a, 2 end, 1))`, "1\t2"},
		{"timeout raises what the function raised", `local e = {} local ok, err = pcall(bridge.timeout, 5, function() error(e) end) print(ok, err == e)`, "false\ttrue"},
		{"timeout ends a function that takes too long", `local _, err = bridge.try(bridge.timeout, 0.01, function() bridge.sleep(60) end) print(err.kind, err.code)`, "timeout\tE_TIMEOUT"},
		{"timeouts within each other end before the Go stack does", `local function f() return bridge.timeout(20, f) end local _, err = bridge.try(f) print(err.code)`, "E_NESTING"},
		{"lock returns the function's results", `print(bridge.lock("l", function() return 1, nil, 3 end))`, "1\tnil\t3"},
		{"lock is given back when the function raises", `pcall(bridge.lock, "l", error) print(bridge.lock("l", function() return "free" end))`, "free"},
		{"lock keeps others out over waits", `local inside, clash = false, false
			local function f() bridge.lock("l", function() clash = clash or inside inside = true bridge.sleep(0) inside = false end) end
			bridge.parallel(5, {1,2,3,4,5}, f) print(clash)`, "false"},
		{"store gives back what was set, as a copy", `local s = bridge.store("x") local v = { a = { 1, 2 } } s:set("k", v) v.a[1] = 9 print(s:get("k").a[1], s:get("none"))`, "1\tnil"},
		{"store: delete tells whether it was there", `local s = bridge.store("x") s:set("k", 1) print(s:delete("k"), s:delete("k"))`, "true\tfalse"},
		{"store: keys are sorted and pairs follows them", `local s = bridge.store("x") s:set("b", 2) s:set("a", 1) local o = {} for k, v in s:pairs() do o[#o+1] = k .. v end print(table.concat(s:keys()), table.concat(o, ","))`, "ab\ta1,b2"},
		{"store: update sees the old value, nil deletes", `local s = bridge.store("x") s:update("n", function(v) return (v or 0) + 1 end) s:update("n", function(v) return v + 1 end) print(s:get("n")) s:update("n", function() end) print(s:get("n"))`, "2\nnil"},
		{"store: update raises when another changed the key meanwhile", `local s = bridge.store("x")
			local _, err = bridge.try(function() s:update("n", function() bridge.spawn(function() s:set("n", 5) end):wait() return 1 end) end) print(err.code)`, "E_CHANGED"},
		{"store: clear forgets all", `local s = bridge.store("x") s:set("a", 1) s:clear() print(#s:keys())`, "0"},
		{"store: a function raises at set", `local _, err = bridge.try(function() bridge.store("x"):set("f", { g = print }) end) print(err.kind, err.message)`, "function"},
		{"store: stores of different names do not meet", `bridge.store("x"):set("k", 1) print(bridge.store("y"):get("k"))`, "nil"},
		{"memory has the same methods", `local m = bridge.memory("m") m:set("k", { 1 }) m:update("k", function(v) v[2] = 2 return v end) print(#m:get("k"), m:delete("k"), m:get("k"))`, "2\ttrue\tnil"},
		{"memory: a handle raises at set", `local _, err = bridge.try(function() bridge.memory("m"):set("f", bridge.spawn(function() end)) end) print(err.kind)`, "usage"},
		{"once is true the first time only", `print(bridge.once("s", "k", "2d"), bridge.once("s", "k"), bridge.once("other", "k"))`, "true\tfalse\ttrue"},
		{"log takes a message and fields", `bridge.log.info("x", { url = "u", n = 1 }) bridge.log.warn("y") print("ok")`, "ok"},
		{"log refuses fields that are no table", `local _, err = bridge.try(bridge.log.warn, "y", 5) print(err.message)`, "table expected, got number"},
		{"time writes and reads RFC 3339", `local time = require "bridge.time" print(time.format(0), time.parse("1970-01-01T00:00:01.5Z"), time.duration("1h30m"))`, "1970-01-01T00:00:00Z\t1.5\t5400"},
		{"time.parse returns nil and an error", `local v, err = require("bridge.time").parse("x") print(v, err.kind)`, "nil\tusage"},
		{"on belongs to the top level", `local _, err = bridge.try(bridge.on, "message", print) print(err.code, err.message)`, "E_TOP_LEVEL\t"},
		{"every belongs to the top level", `print(select(2, bridge.try(bridge.every, 1, print)).code)`, "E_TOP_LEVEL"},
		{"cron belongs to the top level", `print(select(2, bridge.try(bridge.cron, "* * * * *", print)).code)`, "E_TOP_LEVEL"},
		{"service belongs to the top level", `print(select(2, bridge.try(bridge.service, "x", print)).code)`, "E_TOP_LEVEL"},
		{"config belongs to the top level", `print(select(2, bridge.try(bridge.config, {})).message)`, "bridge.config must be called at the top level of the script (it was called in"},
		{"keep refuses what is no handle", `local _, err = bridge.try(bridge.keep, "k", function() return {} end) print(err.message)`, "must return a handle, such as a socket (got table)"},
		{"keep raises the error that open returned", `local _, err = bridge.try(bridge.keep, "k", function() return nil, "down" end) print(err.message)`, "down"},
		{"keep can be tried again after a failure", `pcall(bridge.keep, "k", error) local _, err = bridge.try(bridge.keep, "k", function() error("second", 0) end) print(err.message)`, "second"},
		{"markdown has a body and HTML", `local m = bridge.markdown("**%s** %d", "<b>", 3) print(m.body, m.html)`, "**<b>** 3\t<strong>&lt;b&gt;</strong> 3"},
		{"markdown joins by ..", `local m = bridge.markdown("*%s*", "a") .. " & b" print(m.html, tostring(m))`, "<em>a</em> &amp; b\t*a* & b"},
		{"a wrong number of values raises", `print(bridge.try(bridge.markdown, "%s %s", 1))`, "no value for the %s"},
		{"concat joins texts and markdown", `local m = bridge.concat({ "<1>", bridge.markdown("*%s*", 2) }, "\n") print(m.html)`, "&lt;1&gt;<br><em>2</em>"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newModBench(t, clockwork.NewRealClock(), nil)
			b.mustLoad(`local bridge = require "bridge" bridge.on("load", function() ` + test.body + ` end)`)
			if got := b.output(); !strings.Contains(got, test.want) {
				t.Errorf("printed %q, want %q", got, test.want)
			}
		})
	}
}

func TestTopLevelMayOnlyDeclare(t *testing.T) {
	for _, call := range []string{
		`bridge.spawn(print)`, `bridge.after("1s", print)`, `bridge.sleep(1)`, `bridge.once("a", "b")`, `bridge.lock("x", print)`,
		`bridge.store("x"):set("k", 1)`, `bridge.memory("x"):set("k", 1)`, `bridge.parallel(1, {1}, print)`,
		`require("bridge.net").connect { host = "localhost", port = 1 }`,
	} {
		b := newModBench(t, clockwork.NewRealClock(), nil)
		err := b.load(`local bridge = require "bridge" ` + call)
		if err == nil || err.Code != "E_LOADING" {
			t.Errorf("%s at the top level: %v", call, err)
		}
	}
}

func TestEvery(t *testing.T) {
	clock := clockwork.NewFakeClock()
	b := newModBench(t, clock, nil)
	b.mustLoad(`local bridge = require "bridge" local n = 0
		bridge.every("10s", { jitter = 0 }, function() n = n + 1 print("run " .. n) end)`)
	for _, want := range []string{"run 1", "run 2"} {
		if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		clock.Advance(10 * time.Second)
		b.printed(want)
	}
}

func TestFailedHandlerUndoesItsWrites(t *testing.T) {
	b := newModBench(t, clockwork.NewRealClock(), nil)
	b.mustLoad(`local bridge = require "bridge" local s = bridge.store("x")
		bridge.on("org.test.fail", function() s:set("k", "lost") bridge.once("sp", "m") error("on purpose") end)
		bridge.on("org.test.good", function() s:set("g", "kept") end)
		bridge.on("org.test.look", function() print("k is", s:get("k"), s:get("g"), bridge.once("sp", "m")) end)`)
	b.deliver("fail")
	b.reported("on purpose")
	b.deliver("good")
	b.engine.Quiet()
	b.deliver("look")
	b.printed("k is\tnil\tkept\ttrue")
}

func TestMemoryAndStoreSurviveAReload(t *testing.T) {
	b := newModBench(t, clockwork.NewRealClock(), nil)
	source := `local bridge = require "bridge"
		bridge.on("load", function(evt) for _, s in ipairs { bridge.store("x"), bridge.memory("x") } do
			print("value", s:update("n", function(n) return (n or 0) + 1 end)) end end)`
	b.mustLoad(source)
	b.mustLoad(source)
	if got := b.output(); got != "value\t1\nvalue\t1\nvalue\t2\nvalue\t2" {
		t.Errorf("printed %q", got)
	}
}
