package delivery

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"bridgehost/devserver"
	"bridgehost/internal/host"
	"bridgehost/spec/bridgetest"
)

// echo answers each message with as many texts as parts, and joins when invited. before is
// Lua that runs in front of each text i of parts.
func echo(parts int, before string) string {
	return fmt.Sprintf(`local bridge = require "bridge"
bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
bridge.on("message", { msgtype = "m.text" }, function(evt)
  local parts = %d
  for i = 1, parts do
    %s
    intent:send_text(evt.room_id, evt.text .. "." .. i)
  end
end)
`, parts, before)
}

// faulty is a real bridgehost with one person in a few rooms.
type faulty struct {
	*bridgetest.Host
	hs    *bridgetest.Devserver
	user  bridgetest.User
	rooms []string
	said  map[string][]string
	parts int
	bots  []string // of the scripts that answer
}

// newFaulty starts a host with those scripts, all of them in each of the rooms. config is
// appended to bridgehost.toml.
func newFaulty(t *testing.T, rooms, parts int, config string, scripts map[string]string) *faulty {
	t.Helper()
	f := prepare(t, config, scripts)
	f.parts = parts
	f.begin(t, rooms)
	return f
}

// prepare makes what newFaulty starts; two answers a message.
func prepare(t *testing.T, config string, scripts map[string]string) *faulty {
	t.Helper()
	hs := bridgetest.NewDevserver(t).(*bridgetest.Devserver)
	f := &faulty{Host: bridgetest.NewHost(t, hs, config), hs: hs, said: map[string][]string{}, parts: 2}
	for name, text := range scripts {
		f.Save(t, name+".lua", text)
		f.bots = append(f.bots, "@_bh_"+name+":"+hs.Name())
	}
	return f
}

// begin starts the host and makes the rooms.
func (f *faulty) begin(t *testing.T, rooms int) {
	t.Helper()
	f.Start(t)
	f.user = f.hs.User(t, "alice")
	for range rooms {
		f.open(t)
	}
}

// open makes a room that all scripts have joined.
func (f *faulty) open(t *testing.T) {
	t.Helper()
	room := f.user.CreateRoom(t, "private_chat", f.bots...)
	f.rooms = append(f.rooms, room)
	for _, bot := range f.bots {
		bridgetest.Eventually(t, bot+" has joined", func() bool { return f.user.Membership(t, room, bot) == "join" })
	}
}

// say says n messages in each of the rooms.
func (f *faulty) say(t *testing.T, n int, rooms ...string) {
	t.Helper()
	for range n {
		for _, room := range rooms {
			text := fmt.Sprintf("m%d", len(f.said[room])+1)
			f.user.Say(t, room, text)
			f.said[room] = append(f.said[room], text)
		}
	}
}

// answers are what a script's bot has said in a room.
func (f *faulty) answers(t *testing.T, room, bot string) (all []string) {
	t.Helper()
	for _, m := range f.user.Messages(t, room) {
		if m.Sender == bot {
			all = append(all, m.Body)
		}
	}
	return all
}

// settle waits until everything is answered in those rooms, and fails the test unless each
// answer came once and in order.
func (f *faulty) settle(t *testing.T, rooms ...string) {
	t.Helper()
	bridgetest.Progress(t, "all messages are answered", func() (bool, int) {
		got, want := 0, 0
		for _, room := range rooms {
			want += len(f.said[room]) * f.parts * len(f.bots)
			for _, bot := range f.bots {
				got += len(f.answers(t, room, bot))
			}
		}
		return got >= want, got
	})
}

// judge waits until nothing is unfinished and counts what is lost, doubled and out of order.
func (f *faulty) judge(t *testing.T) {
	t.Helper()
	f.settle(t, f.rooms...)
	f.empty(t)
	lost, doubled, disorder := 0, 0, 0
	for _, room := range f.rooms {
		for _, bot := range f.bots {
			l, d, o := f.compare(f.said[room], f.answers(t, room, bot))
			if l+d+o > 0 {
				t.Logf("%s in %s answered %v to %v", bot, room, f.answers(t, room, bot), f.said[room])
			}
			lost, doubled, disorder = lost+l, doubled+d, disorder+o
		}
	}
	t.Logf("lost %d, doubled %d, out of order %d", lost, doubled, disorder)
	if lost+doubled+disorder > 0 {
		t.Errorf("lost %d, doubled %d, out of order %d", lost, doubled, disorder)
	}
}

func (f *faulty) compare(said, answers []string) (lost, doubled, disorder int) {
	place, times := map[string]int{}, map[string]int{}
	for i, text := range said {
		for part := range f.parts {
			place[fmt.Sprintf("%s.%d", text, part+1)] = i*f.parts + part
		}
	}
	last := -1
	for _, a := range answers {
		times[a]++
		if place[a] < last {
			disorder++
		}
		last = max(last, place[a])
	}
	for a := range place {
		if times[a] == 0 {
			lost++
		}
		doubled += max(times[a]-1, 0)
	}
	return lost, doubled, disorder
}

// empty waits until the inbox is empty, and wants no dead letters.
func (f *faulty) empty(t *testing.T) {
	t.Helper()
	bridgetest.Eventually(t, "the inbox is empty", func() bool { return f.inbox(t) == 0 })
	var st host.Status
	if err := f.Call(t, host.CallStatus, host.ScriptCall{}, &st); err != nil {
		t.Fatal(err)
	}
	for script, n := range st.Deadletters {
		if n > 0 {
			t.Errorf("%d dead letters of %s", n, script)
		}
	}
}

func (f *faulty) inbox(t *testing.T) int {
	t.Helper()
	var st host.Status
	if err := f.Call(t, host.CallStatus, host.ScriptCall{}, &st); err != nil {
		t.Fatal(err)
	}
	return st.Inbox
}

// seen waits until the log has n lines with that text, after its first since bytes.
func (f *faulty) seen(t *testing.T, since, n int, text string) {
	t.Helper()
	bridgetest.Eventually(t, fmt.Sprintf("the log says %q %d times", text, n), func() bool {
		return strings.Count(f.Log()[since:], text) >= n
	})
}

// TestKilledInHandlersWhileTheServerForgets kills the host in the middle of handlers that
// have sent something more than a second ago; the homeserver has forgotten that
// transaction. Only what the host itself remembers keeps it from being sent again.
func TestKilledInHandlersWhileTheServerForgets(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, 4, 3, "", map[string]string{"echo": echo(3, `
    if i == 3 and evt.text == "m1" and not evt.redelivered then
      bridge.sleep(1.1)
      print("in the middle")
      bridge.sleep(30)
    end`)})
	f.say(t, 3, f.rooms...)
	f.seen(t, 0, len(f.rooms), "in the middle")
	f.Kill()
	f.hs.ForgetTransactions()
	f.say(t, 1, f.rooms...)
	f.Start(t)
	f.judge(t)
}

// TestRateLimitStorm answers the next 200 requests with 429.
func TestRateLimitStorm(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, 5, 2, "", map[string]string{"echo": echo(2, "")})
	f.hs.SetFaults(devserver.Faults{RateLimit: 200})
	f.say(t, 20, f.rooms...)
	f.judge(t)
}

// TestHomeserverDown takes the homeserver away for a while, with handlers under way.
func TestHomeserverDown(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, 5, 2, "", map[string]string{"echo": echo(2, `
    if evt.text == "m3" then print("under way") bridge.sleep(0.2) end`)})
	f.say(t, 5, f.rooms...)
	f.seen(t, 0, len(f.rooms), "under way")
	f.hs.SetFaults(devserver.Faults{Down: true})
	f.say(t, 5, f.rooms...)
	f.answered(t, 1, 0)
	f.hs.SetFaults(devserver.Faults{})
	f.say(t, 2, f.rooms...)
	f.judge(t)
}

// answered waits until n requests were answered with that status; 0: not at all.
func (f *faulty) answered(t *testing.T, n, status int) {
	t.Helper()
	bridgetest.Eventually(t, fmt.Sprintf("%d requests are answered %d", n, status), func() bool {
		got := 0
		for _, r := range f.hs.Requests() {
			if r.Status == status {
				got++
			}
		}
		return got >= n
	})
}

// TestAnswersOfSendsAreLost carries sends out and loses their answers: they are repeated
// under the same transaction id.
func TestAnswersOfSendsAreLost(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, 3, 2, "", map[string]string{"echo": echo(2, "")})
	var mu sync.Mutex
	left := 6
	f.hs.SetFaults(devserver.Faults{Hook: func(r *http.Request) *devserver.Fault {
		mu.Lock()
		defer mu.Unlock()
		if left == 0 || !strings.Contains(r.URL.Path, "/send/m.room.message/") {
			return nil
		}
		left--
		return &devserver.Fault{Drop: true, After: true}
	}})
	f.say(t, 3, f.rooms...)
	f.judge(t)
}

// TestTransactionsComeAgain loses the answers of transactions, and sends each of the later ones twice.
func TestTransactionsComeAgain(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, 5, 1, "", map[string]string{"echo": echo(1, "")})
	f.hs.SetFaults(devserver.Faults{DropTransactions: 5})
	f.say(t, 10, f.rooms...)
	f.judge(t)
	f.hs.SetFaults(devserver.Faults{DuplicateTransactions: true})
	f.say(t, 10, f.rooms...)
	f.judge(t)
	f.hs.SetFaults(devserver.Faults{DropTransactions: 1})
	f.say(t, 1, f.rooms[0])
	f.settle(t, f.rooms[0])
	f.Kill() // also one that was answered before a crash is known after it
	f.Start(t)
	f.judge(t)
}

// TestTransactionIsLeftBehind has the homeserver keep transactions until it is refused
// again, as Synapse does with one that comes up just when it ends repeating.
func TestTransactionIsLeftBehind(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, 1, 1, "", map[string]string{"echo": echo(1, "")})
	f.say(t, 1, f.rooms...)
	f.judge(t)
	leave := func() {
		f.hs.SetFaults(devserver.Faults{LeaveTransactions: 1})
		f.say(t, 1, f.rooms...)
		if err := f.hs.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for range 4 {
		leave()
		f.say(t, 2, f.rooms...)
		f.judge(t)
	}
	f.Kill()
	leave()
	f.Start(t) // knows from the disk what came last
	f.say(t, 1, f.rooms...)
	f.judge(t)
}

// TestSlowAnswersAndTheDeadline lets handlers run into their deadline while the
// homeserver takes its time.
func TestSlowAnswersAndTheDeadline(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, 3, 2, "[scripts.limits]\nhandler = \"500ms\"\n", map[string]string{"echo": echo(2, "")})
	f.say(t, 1, f.rooms...)
	f.judge(t)
	f.hs.SetFaults(devserver.Faults{Slow: 2e9})
	f.say(t, 3, f.rooms...)
	f.seen(t, 0, 1, "longer than 500ms")
	f.hs.SetFaults(devserver.Faults{})
	f.judge(t)
}

// TestRetriesKeepTheOrderOfTheirRoom lets all sends to one room fail for a while: its
// events wait in order, the other rooms go on.
func TestRetriesKeepTheOrderOfTheirRoom(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, 4, 2, "", map[string]string{"echo": echo(2, "")})
	bad, good := f.rooms[0], f.rooms[1:]
	f.hs.SetFaults(devserver.Faults{Hook: func(r *http.Request) *devserver.Fault {
		if strings.Contains(r.URL.Path, bad) && strings.Contains(r.URL.Path, "/send/") {
			return &devserver.Fault{Status: 500, Code: "M_UNKNOWN", Text: "no luck"}
		}
		return nil
	}})
	f.say(t, 5, f.rooms...)
	f.settle(t, good...)
	f.answered(t, 2, http.StatusInternalServerError) // it was tried again
	if got := f.answers(t, bad, f.bots[0]); len(got) > 0 {
		t.Errorf("the room of the failing sends has %v", got)
	}
	f.hs.SetFaults(devserver.Faults{})
	f.judge(t)
}

// TestUnknownRooms starts with a fresh data folder while the bot is in rooms already: the
// members of each are asked for once; where that fails the room's events wait, in order.
func TestUnknownRooms(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, 4, 1, "", map[string]string{"echo": echo(1, "")})
	if err := f.hs.Idle(t.Context()); err != nil { // a join that is pushed again would make its room known
		t.Fatal(err)
	}
	f.Kill()
	if err := os.RemoveAll(filepath.Join(f.Dir, "data")); err != nil {
		t.Fatal(err)
	}
	bad, good := f.rooms[0], f.rooms[1:]
	var mu sync.Mutex
	asked := map[string]int{}
	f.hs.SetFaults(devserver.Faults{Hook: func(r *http.Request) *devserver.Fault {
		if !strings.HasSuffix(r.URL.Path, "/joined_members") {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		for _, room := range f.rooms {
			if strings.Contains(r.URL.Path, room) {
				asked[room]++
			}
		}
		if strings.Contains(r.URL.Path, bad) && asked[bad] == 1 {
			return &devserver.Fault{Status: 500, Code: "M_UNKNOWN", Text: "not now"}
		}
		return nil
	}})
	f.say(t, 3, f.rooms...)
	f.Start(t)
	f.settle(t, good...)
	f.say(t, 5, f.rooms...)
	f.judge(t)
	mu.Lock()
	defer mu.Unlock()
	for i, room := range f.rooms {
		if want := map[bool]int{true: 2, false: 1}[i == 0]; asked[room] != want {
			t.Errorf("the members of room %d were asked for %d times, want %d", i, asked[room], want)
		}
	}
}

// TestSeveralScriptsInOneRoom gives each event once to each script; what one of them says
// none of them hears, and a command that two have is refused once.
func TestSeveralScriptsInOneRoom(t *testing.T) {
	t.Parallel()
	command := "bridge.command(\"ping\", function(cmd) cmd:reply(\"pong\") end)\n"
	f := newFaulty(t, 3, 2, "", map[string]string{"one": echo(2, "") + command, "two": echo(2, "") + command})
	f.say(t, 10, f.rooms...)
	f.judge(t)
	f.user.Say(t, f.rooms[0], "!ping")
	f.user.Say(t, f.rooms[0], "!two ping")
	pong := func(m bridgetest.Message) bool { return m.Body == "pong" }
	f.user.WaitMessages(t, f.rooms[0], func(all []bridgetest.Message) bool { return slices.ContainsFunc(all, pong) })
	f.empty(t)
	refusals, pongs := 0, 0
	for _, m := range f.user.Messages(t, f.rooms[0]) {
		if strings.Contains(m.Body, "several scripts have the command") {
			refusals++
		}
		if strings.Contains(m.Body, "!two ping") && m.Sender != f.user.ID() && !strings.Contains(m.Body, "several") {
			t.Errorf("%s heard a command of another script: %q", m.Sender, m.Body)
		}
		if strings.Contains(m.Body, "pong") {
			pongs++
			if m.Sender != "@_bh_two:"+f.hs.Name() {
				t.Errorf("%s answered", m.Sender)
			}
		}
	}
	if refusals != 1 || pongs != 1 {
		t.Errorf("%d refusals and %d answers, want one each", refusals, pongs)
	}
}

// TestKilledBeforeHandling kills the host when events are accepted and none has begun.
func TestKilledBeforeHandling(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, 3, 1, "[scripts.limits]\nmax_concurrent_handlers = 1\n", map[string]string{"echo": echo(1, `print("blocked") bridge.sleep(30)`)})
	f.say(t, 1, f.rooms[0])
	f.seen(t, 0, 1, "blocked")
	f.say(t, 20, f.rooms...)
	bridgetest.Eventually(t, "all is accepted", func() bool { return f.inbox(t) == 61 })
	f.Kill()
	f.Save(t, "echo.lua", echo(1, ""))
	f.Start(t)
	f.judge(t)
}

// TestManyQuickKills kills the host again and again, at any moment, while messages come.
func TestManyQuickKills(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, 6, 2, "", map[string]string{"echo": echo(2, "")})
	for n := range 30 {
		for range n % 5 {
			f.say(t, 1, f.rooms...)
		}
		if n%3 == 0 { // something of this life is answered: handlers, Finish and Accept are under way
			f.settle(t, f.rooms[n%len(f.rooms)])
		}
		f.Kill()
		f.say(t, 1, f.rooms[n%len(f.rooms)])
		f.Start(t)
	}
	f.judge(t)
}

// TestDamagedDatabase wants a clear error, exit code 1 and a file that is as it was.
func TestDamagedDatabase(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, 2, 1, "", map[string]string{"echo": echo(1, "")})
	f.say(t, 30, f.rooms...)
	f.judge(t)
	f.Stop(t)
	file := filepath.Join(f.Dir, "data", "bridgehost.db")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	damage := map[string]func() []byte{
		"no database at all": func() []byte { return []byte(strings.Repeat("not a database\n", 1000)) },
		"cut off":            func() []byte { return whole[:len(whole)/2] },
		"pages overwritten": func() []byte {
			b := append([]byte(nil), whole...)
			for i := 4096; i < len(b); i++ {
				b[i] = 0xA5
			}
			return b
		},
	}
	for what, make := range damage {
		bad := make()
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		out, code := f.Try(t, "run")
		if code != 1 || !strings.Contains(out, "damaged") || !strings.Contains(out, file) {
			t.Errorf("%s: exit code %d, %s", what, code, out)
		}
		if after, err := os.ReadFile(file); err != nil || string(after) != string(bad) {
			t.Errorf("%s: the file was changed (%v)", what, err)
		}
	}
	if err := os.WriteFile(file, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	f.Start(t)
	f.judge(t)
}
