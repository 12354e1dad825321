package reload

import (
	"fmt"
	"os"
	"runtime"
	"testing"

	"bridgehost/internal/host"
	"bridgehost/spec/bridgetest"
)

// TestThousandReloads: goroutines, open files and heap are the same after 1,000 reloads of
// a script that holds a connection, a service, timers and commands.
func TestThousandReloads(t *testing.T) {
	reloads := 1000
	if testing.Short() {
		reloads = 100
	}
	hs := bridgetest.NewDevserver(t)
	server := newLineServer(t)
	h := bridgetest.NewHost(t, hs, "[storage]\ndurability = \"normal\"\n")
	room := hs.User(t, "alice").CreateRoom(t, "public_chat", "@_bh_line:"+hs.Name())
	source := lineScript(0, server.listener.Addr().String(), room, "") + `
bridge.every("1h", function() end)
bridge.cron("0 * * * *", function() end)
bridge.command("x", function(cmd) cmd:reply("x") end)
bridge.on("load", function() bridge.after("1h", function() end) end)
`
	h.Save(t, "line.lua", source)
	h.StartInside(t)
	server.wait(t, "the script is connected", func(conns int, _ []string) bool { return conns == 1 })
	reload := func(n int) {
		var out host.ReloadAnswer
		if err := h.Call(t, host.CallReload, host.ReloadCall{Script: "line"}, &out); err != nil {
			t.Fatal(err)
		}
		if err := out.Failed(); err != nil {
			t.Fatalf("reload %d: %v", n, err)
		}
	}
	for n := range 20 { // pools and caches fill
		reload(n)
	}
	before := measure(t)
	for n := range reloads {
		reload(n)
	}
	after := measure(t)
	t.Logf("%d reloads: goroutines %d → %d, open files %d → %d, heap %d → %d KB, connections %d",
		reloads, before.goroutines, after.goroutines, before.files, after.files, before.heap>>10, after.heap>>10, len(server.conns))
	if after.goroutines > before.goroutines+3 {
		t.Errorf("goroutines: %d before, %d after", before.goroutines, after.goroutines)
	}
	if after.files > before.files+3 {
		t.Errorf("open files: %d before, %d after", before.files, after.files)
	}
	if after.heap > before.heap+4<<20 {
		t.Errorf("heap: %d KB before, %d KB after", before.heap>>10, after.heap>>10)
	}
	if len(server.conns) != 1 {
		t.Errorf("%d connections, want the one that every generation handed on", len(server.conns))
	}
	if st := h.Status(t, "line"); st.Handles != 1 {
		t.Errorf("%d handles are open, want 1", st.Handles)
	}
}

type measured struct {
	goroutines, files int
	heap              uint64
}

// measure counts when what is about to end has ended.
func measure(t *testing.T) measured {
	var m measured
	last := -1
	bridgetest.Eventually(t, "the number of goroutines rests", func() bool {
		now := runtime.NumGoroutine()
		rests := now == last
		last = now
		return rests
	})
	m.goroutines = last
	for range 3 {
		runtime.GC()
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	m.heap = mem.HeapAlloc
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		entries, err = os.ReadDir("/dev/fd")
	}
	if err != nil {
		t.Log("open files cannot be counted here: ", fmt.Sprint(err))
	}
	m.files = len(entries)
	return m
}
