// Package runaway shows that a script that runs away harms itself only.
package runaway

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"bridgehost/spec/bridgetest"
)

// attacks are bodies of a handler; stopped is part of the error that must end them.
var attacks = []struct{ name, body, stopped string }{
	{"endless loop", `while true do end`, "computed for"},
	{"endless loop around pcall", `while true do pcall(function() while true do end end) end`, "computed for"},
	{"endless loop in a coroutine", `coroutine.wrap(function() while true do end end)()`, "computed for"},
	{"endless coroutines", `while true do coroutine.wrap(function() coroutine.yield() end)() end`, "computed for"},
	{"string pattern that backtracks", `string.find(("a"):rep(40), ("a*"):rep(14) .. "b")`, "computed for"},
	{"sort with a comparator that never ends", `table.sort({3, 2, 1}, function() while true do end end)`, "computed for"},
	{"sort of what never ends", `local t = {} for i = 1, 5e5 do t[i] = (i * 7919) % 5e5 end while true do table.sort(t) t[1] = 1e9 end`, "computed for"},
	{"memory by tables", `local t = {} while true do t[#t + 1] = { {}, {}, {} } end`, "memory"},
	{"memory by strings", `local t = {} while true do t[#t + 1] = ("x"):rep(1e6) .. #t end`, "memory"},
	{"memory by concatenation", `local s = "x" while true do s = s .. s end`, "string"},
	{"deep recursion", `local function f() return 1 + f() end f()`, "stack overflow"},
	{"deep recursion through pcall", `local function f() local ok, err = pcall(f) if not ok then error(err, 0) end return ok end assert(not f(), "it came to an end") error("stack overflow was caught")`, "stack overflow"},
	{"a million timers", `for i = 1, 1e6 do bridge.after("1h", function() end) end`, "timers"},
}

// TestRunawayScripts: each attack is stopped with a clear error, while another script
// answers. The figures are for reading; what fails the test is an attack that is not
// stopped, a host that dies, or another script that does not answer.
func TestRunawayScripts(t *testing.T) {
	hs := bridgetest.NewDevserver(t)
	h := bridgetest.NewHost(t, hs, "[storage]\ndurability = \"normal\"\n[scripts.limits_of.bad]\ncpu = \"2s\"\n[scripts.limits_of.eater]\ncpu = \"40s\"\n")
	var bad strings.Builder
	bad.WriteString("local bridge = require \"bridge\"\nlocal attack = {}\n")
	for i, a := range attacks {
		fmt.Fprintf(&bad, "attack[%d] = function() %s end\n", i, a.body)
	}
	bad.WriteString(`bridge.on("message", function(evt) attack[tonumber(evt.text)]() end)` + "\n")
	bad.WriteString(`bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)` + "\n")
	h.Save(t, "bad.lua", bad.String())
	h.Save(t, "eater.lua", bad.String()) // the same with more time: memory has to run out first
	h.Save(t, "good.lua", `local bridge = require "bridge"
bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
bridge.on("message", function(evt) evt:reply("pong " .. evt.text) end)
`)
	h.StartInside(t)
	user := hs.User(t, "alice")
	room := func(script string) string {
		bot := "@_bh_" + script + ":" + hs.Name()
		r := user.CreateRoom(t, "private_chat", bot)
		bridgetest.Eventually(t, bot+" has joined", func() bool { return user.Membership(t, r, bot) == "join" })
		return r
	}
	badRooms, goodRoom := map[string]string{"bad": room("bad"), "eater": room("eater")}, room("good")
	pings := 0
	ping := func() time.Duration {
		pings++
		began := time.Now()
		want := fmt.Sprintf("pong %d", pings)
		user.Say(t, goodRoom, fmt.Sprint(pings))
		user.WaitMessages(t, goodRoom, func(all []bridgetest.Message) bool { return all[len(all)-1].Body == want })
		return time.Since(began)
	}
	ping()

	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "attack\tstopped by\tafter\tpeak memory\tslowest answer of the other")
	for i, a := range attacks {
		runtime.GC()
		base, peak, slowest := heap(), uint64(0), time.Duration(0)
		script := "bad"
		if a.stopped == "memory" {
			script = "eater"
		}
		errors := h.Status(t, script).Errors
		began := time.Now()
		user.Say(t, badRooms[script], fmt.Sprint(i))
		for h.Status(t, script).Errors == errors {
			slowest = max(slowest, ping())
			peak = max(peak, heap())
			if time.Since(began) > time.Minute {
				t.Fatalf("%s: not stopped after a minute", a.name)
			}
		}
		took := time.Since(began)
		message := h.Status(t, script).LastError
		fmt.Fprintf(w, "%s\t%s\t%s\t%+d MB\t%s\n", a.name, message, took.Round(time.Millisecond), (int64(peak)-int64(base))>>20, slowest.Round(100*time.Microsecond))
		if !strings.Contains(message, a.stopped) {
			t.Errorf("%s: ended by %q, want %q in it", a.name, message, a.stopped)
		}
	}
	w.Flush()
	t.Logf("limits: 2 s of computing (40 s where memory is eaten), 64 MB\n%s", table.String())
	for script := range badRooms {
		if st := h.Status(t, script); st.Generation != 1 {
			t.Errorf("the script is not there any more: %+v", st)
		}
	}
}

func heap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
