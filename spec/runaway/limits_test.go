package runaway

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"bridgehost/internal/host"
	"bridgehost/spec/bridgetest"
)

// limit is a key of [scripts.limits]: what it is by default, and how a script runs into it:
// with that value, a handler with that body ends with that error. PORT is a server.
type limit struct{ key, byDefault, value, body, stopped string }

var limits = []limit{
	{"cpu", "5s", `"100ms"`, `while true do end`, "computed for 100ms without a wait"},
	{"handler", "1m0s", `"200ms"`, `bridge.sleep(3600)`, "200ms"},
	{"memory", "67108864", `"8MB"`, `local t = {} while true do t[#t + 1] = { {}, {} } end`, "memory"},
	{"string", "16777216", `"64KB"`, `return ("x"):rep(64 * 1024 + 1)`, "string"},
	{"connections", "64", `2`, `for i = 1, 3 do assert(net.connect { host = "127.0.0.1", port = PORT }) end`, "2 connections are open already"},
	{"call_depth", "200", `50`, `local function f(n) return n == 0 and 0 or 1 + f(n - 1) end f(40) local ok, err = pcall(f, 60) assert(not ok) error(err, 0)`, "stack overflow"},
	{"timers", "1000", `3`, `for i = 1, 4 do bridge.after("1h", function() end) end`, "timers"},
	{"open_files", "64", `1`, `while true do bridge.parallel(4, { 1, 2, 3, 4 }, function() assert(fs.read("in", "big")) end) end`, "1 files are open already"},
	{"max_concurrent_handlers", "64", `1`, "", "TestHandlersAtOnce"},
	{"queue", "1000", `2`, `for i = 1, 3 do later:push(i, { after = "1h" }) end`, "2 items wait"},
	{"sql", "52428800", `"100KB"`, `sql.exec("CREATE TABLE t (x)") while true do sql.exec("INSERT INTO t VALUES (zeroblob(10000))") end`, "full"},
}

// TestLimits runs into each of them in one host, and another script answers after it.
func TestLimits(t *testing.T) {
	server := newHolder(t)
	config := strings.Builder{}
	config.WriteString("[storage]\ndurability = \"normal\"\n")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "big"), make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, l := range limits {
		if l.body != "" {
			fmt.Fprintf(&config, "[scripts.limits_of.%s]\n%s = %s\n[scripts.dirs_of.%s]\nin = %q\n", nameOf(l.key), l.key, l.value, nameOf(l.key), dir)
		}
	}
	hs := bridgetest.NewDevserver(t)
	h := bridgetest.NewHost(t, hs, config.String())
	const head = `local bridge, net, fs, sql = require "bridge", require "bridge.net", require "bridge.fs", require "bridge.sql"
local later = bridge.queue("later", function() end)
bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
`
	for _, l := range limits {
		if l.body != "" {
			body := strings.ReplaceAll(l.body, "PORT", fmt.Sprint(server.port))
			h.Save(t, nameOf(l.key)+".lua", head+"bridge.on(\"message\", function() "+body+" end)\n")
		}
	}
	h.Save(t, "good.lua", head+`bridge.on("message", function(evt) evt:reply("pong " .. evt.text) end)`)
	h.StartInside(t)
	user := hs.User(t, "alice")
	good := joined(t, hs, user, "good")
	for i, l := range limits {
		if l.body == "" {
			continue
		}
		room := joined(t, hs, user, nameOf(l.key))
		user.Say(t, room, "go")
		bridgetest.Eventually(t, l.key+" stops the script", func() bool { return h.Status(t, nameOf(l.key)).Errors > 0 })
		message := h.Status(t, nameOf(l.key)).LastError
		t.Logf("%s = %s (by default %s): %s", l.key, l.value, l.byDefault, message)
		if !strings.Contains(message, l.stopped) {
			t.Errorf("%s: ended by %q, want %q in it", l.key, message, l.stopped)
		}
		want := fmt.Sprintf("pong %d", i)
		user.Say(t, good, fmt.Sprint(i))
		user.WaitMessages(t, good, func(all []bridgetest.Message) bool { return all[len(all)-1].Body == want })
	}
}

// TestEveryLimitIsKnown: a key that is added to the configuration needs a line in limits.
func TestEveryLimitIsKnown(t *testing.T) {
	cfg := host.DefaultConfig()
	byDefault := reflect.ValueOf(cfg.LimitsFor("any"))
	fields := reflect.VisibleFields(reflect.TypeFor[host.LimitsConfig]())
	var keys []string
	for _, f := range fields {
		key := f.Tag.Get("toml")
		keys = append(keys, key)
		i := slices.IndexFunc(limits, func(l limit) bool { return l.key == key })
		if i < 0 {
			t.Errorf("limits.%s has no line here that shows how a script runs into it", key)
			continue
		}
		if got := fmt.Sprint(byDefault.FieldByName(f.Name).Interface()); got != limits[i].byDefault {
			t.Errorf("limits.%s is %s by default, want %s", key, got, limits[i].byDefault)
		}
	}
	if len(keys) != len(limits) {
		t.Errorf("%d lines for %d keys: %q", len(limits), len(keys), keys)
	}
}

// TestHandlersAtOnce: with max_concurrent_handlers = 1 three rooms are handled one after the other.
func TestHandlersAtOnce(t *testing.T) {
	server := newHolder(t)
	hs := bridgetest.NewDevserver(t)
	h := bridgetest.NewHost(t, hs, "[scripts.limits]\nmax_concurrent_handlers = 1\n")
	h.Save(t, "one.lua", fmt.Sprintf(`local bridge, net = require "bridge", require "bridge.net"
bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
bridge.on("message", function()
  local sock = assert(net.connect { host = "127.0.0.1", port = %d })
  sock:write("here\n")
  sock:read_line()
  sock:close()
end)`, server.port))
	h.StartInside(t)
	user := hs.User(t, "alice")
	var rooms []string
	for range 3 {
		rooms = append(rooms, joined(t, hs, user, "one"))
	}
	bridgetest.Eventually(t, "nothing is to be done", func() bool { return h.Status(t, "one").Backlog == 0 })
	for _, room := range rooms {
		user.Say(t, room, "go")
	}
	bridgetest.Eventually(t, "one handler runs and two wait", func() bool { return h.Status(t, "one").Backlog == 3 && server.came.Load() == 1 })
	close(server.release)
	bridgetest.Eventually(t, "all have run", func() bool { return h.Status(t, "one").Backlog == 0 && server.came.Load() == 3 })
	if most := server.count(0); most != 1 {
		t.Errorf("%d handlers ran at once, want 1", most)
	}
}

// nameOf is a script's name for a key.
func nameOf(key string) string { return "l" + strings.ReplaceAll(key, "_", "") }

// joined makes a room with a script's bot in it.
func joined(t *testing.T, hs bridgetest.Homeserver, user bridgetest.User, script string) string {
	t.Helper()
	bot := "@_bh_" + script + ":" + hs.Name()
	room := user.CreateRoom(t, "private_chat", bot)
	bridgetest.Eventually(t, bot+" has joined", func() bool { return user.Membership(t, room, bot) == "join" })
	return room
}

// holder takes connections, and answers their lines after its release.
type holder struct {
	port    int
	release chan struct{}
	came    atomic.Int64

	mu        sync.Mutex
	now, most int
}

func newHolder(t *testing.T) *holder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &holder{port: l.Addr().(*net.TCPAddr).Port, release: make(chan struct{})}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return s
}

func (s *holder) serve(c net.Conn) {
	defer c.Close()
	if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
		return
	}
	s.count(1)
	s.came.Add(1)
	<-s.release
	s.count(-1)
	fmt.Fprintln(c, "go on")
}

func (s *holder) count(more int) (most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now += more
	s.most = max(s.most, s.now)
	return s.most
}
