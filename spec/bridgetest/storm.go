package bridgetest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// stormRooms is how many rooms the messages of a storm go to.
const stormRooms = 20

// storm is a run of Storm.
type storm struct {
	host   *Host
	hs     Homeserver
	user   User
	rooms  []string
	random *rand.Rand

	said    int
	down    int // messages said while bridgehost was down
	version int
	pending bool           // the last save was not noticed yet
	logged  int            // length of the log before that save
	broken  map[string]int // saves by what is wrong with them
	killed  int
}

// Storm sends messages in 20 rooms while the script is saved again and again, some of the
// saves broken, and bridgehost is killed as a crash would. The reply's text never changes,
// so that a doubled reply shows. It fails the test when a reply is lost, doubled or out of
// order; what a broken handler refused has to come back with a replay and has no place
// in the order.
//
// Every save is noticed before the next one: half of the messages between two saves are
// said while the save is loaded, half after that.
func Storm(t *testing.T, hs Homeserver, messages, saves, kills int) {
	s := &storm{host: NewHost(t, hs, ""), hs: hs, random: rand.New(rand.NewPCG(1, 2)), broken: map[string]int{}}
	t.Cleanup(func() {
		if t.Failed() {
			s.unanswered(t)
		}
	})
	s.open(t)
	began := time.Now()
	s.blow(t, messages, saves, kills)
	blown := time.Since(began)
	dead, early := s.calm(t)
	s.judge(t, early, func(lost, doubled, disorder int) string {
		return fmt.Sprintf("%d messages in %d rooms on %T, %d saves (broken: %v), %d kill -9 (%d messages while down), %d dead letters replayed: "+
			"lost %d, doubled %d, out of order %d; %.1f s for saying all, %.1f s in all",
			s.said, len(s.rooms), hs, s.version, s.broken, s.killed, s.down, dead, lost, doubled, disorder, blown.Seconds(), time.Since(began).Seconds())
	})
	if s.killed != kills || s.version != saves {
		t.Errorf("%d kills of %d, %d saves of %d", s.killed, kills, s.version, saves)
	}
	if dead == 0 {
		t.Error("no broken handler refused a message: the test shows less than it should")
	}
}

// stormScript is version n of the script. broken says what is wrong with it, "" when
// nothing is.
func stormScript(n int) (source, broken string) {
	handler := `
  local ghost = bridge.ghost(evt.sender_name, { displayname = evt.sender_name .. " (echo)" })
  ghost:send_text(evt.room_id, "re: " .. evt.text)`
	switch n % 10 {
	case 3:
		return "local bridge = require \"bridge\"\nbridge.on(\"message\", function(evt)\n", "syntax"
	case 5:
		return "local bridge = require \"bridge\"\nlocal t = nil\nprint(t.x)\n", "top level"
	case 7:
		return "local bridge = require \"bridge\"\nintent:send_text(\"!x:y\", \"no\")\n", "send at the top level"
	case 9:
		handler = "\n  local ghost = nil\n  ghost:send_text(evt.room_id, \"never\")"
		broken = "in the handler"
	}
	return fmt.Sprintf(`-- version %d
local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", { msgtype = "m.text" }, function(evt)%s
end)
`, n, handler), broken
}

// open starts the host and makes rooms that work.
func (s *storm) open(t *testing.T) {
	source, _ := stormScript(0)
	s.host.Save(t, "echo.lua", source)
	s.host.Start(t)
	s.user = s.hs.User(t, "alice")
	for range stormRooms {
		s.rooms = append(s.rooms, s.user.CreateRoom(t, "private_chat", "@_bh_echo:"+s.hs.Name()))
	}
	for _, room := range s.rooms {
		Eventually(t, "the bot has joined "+room, func() bool {
			return s.user.Membership(t, room, "@_bh_echo:"+s.hs.Name()) == "join"
		})
		s.user.Say(t, room, "hello")
	}
	for _, room := range s.rooms {
		s.user.WaitMessages(t, room, func(m []Message) bool { return len(replies(m)) == 1 })
	}
}

func (s *storm) blow(t *testing.T, messages, saves, kills int) {
	every := max(messages/max(saves, 1), 2)
	killAt := map[int]bool{}
	for k := range kills {
		killAt[(k+1)*messages/(kills+1)+s.random.IntN(every)] = true
	}
	for n := range messages {
		room := s.rooms[n%len(s.rooms)]
		s.user.Say(t, room, fmt.Sprintf("message %d", n))
		s.said++
		if n%every == every/2 {
			s.noticed(t)
		}
		if n%every == every-1 && s.version < saves {
			s.save(t)
		}
		if killAt[n] {
			s.kill(t, room)
		}
	}
	s.noticed(t)
}

// save writes the next version.
func (s *storm) save(t *testing.T) {
	s.version++
	source, why := stormScript(s.version)
	if why != "" {
		s.broken[why]++
	}
	s.pending, s.logged = true, len(s.host.Log())
	s.host.Save(t, "echo.lua", source)
}

// noticed waits until the last save was loaded or refused.
func (s *storm) noticed(t *testing.T) {
	if !s.pending {
		return
	}
	s.host.WaitLog(t, s.logged, "script loaded", "script not loaded")
	s.pending = false
}

// kill ends bridgehost as a crash does and starts it again. The homeserver goes on
// meanwhile.
func (s *storm) kill(t *testing.T, room string) {
	s.killed++
	s.pending = false // the next start looks at the file
	s.host.Kill()
	for n := range 1 + s.random.IntN(4) {
		s.user.Say(t, room, fmt.Sprintf("while down %d.%d", s.killed, n))
		s.said++
		s.down++
	}
	s.host.Start(t)
}

// calm loads a last version, which is good, waits until everything is answered or a
// dead letter, and replays those. early are the replies that came before the replay.
func (s *storm) calm(t *testing.T) (dead int, early map[string]bool) {
	source, _ := stormScript(s.version/10*10 + 20)
	s.host.Save(t, "echo.lua", source)
	s.host.Run(t, "reload", "echo")
	dead = s.settle(t)
	early = map[string]bool{}
	for _, room := range s.rooms {
		for _, m := range replies(s.user.Messages(t, room)) {
			early[m.Body] = true
		}
	}
	if dead > 0 {
		s.host.Run(t, "deadletters", "replay", "--all")
		if left := s.settle(t); left != 0 {
			t.Errorf("%d dead letters are left after the replay", left)
		}
	}
	return dead, early
}

// settle waits until every message is answered or a dead letter, and says how many
// of those there are.
func (s *storm) settle(t *testing.T) (dead int) {
	t.Helper()
	Progress(t, "all messages are answered or dead letters", func() (bool, int) {
		var st struct {
			Inbox       int
			Deadletters map[string]int
		}
		must(t, json.Unmarshal([]byte(s.host.Run(t, "status", "--json")), &st))
		if dead = st.Deadletters["echo"]; st.Inbox > 0 {
			return false, -st.Inbox
		}
		answered := 0
		for _, room := range s.rooms {
			answered += len(replies(s.user.Messages(t, room)))
		}
		return answered+dead >= s.said+len(s.rooms), answered + dead
	})
	return dead
}

// unanswered names the messages without an answer, for a test that failed.
func (s *storm) unanswered(t *testing.T) {
	for _, room := range s.rooms {
		answered := map[string]bool{}
		all := s.user.Messages(t, room)
		for _, m := range replies(all) {
			answered[strings.TrimPrefix(m.Body, "re: ")] = true
		}
		for _, m := range spoken(all) {
			if !answered[m.Body] {
				t.Logf("without an answer in %s: %s %q", room, m.EventID, m.Body)
			}
		}
	}
}

// judge counts what is lost, doubled and out of order.
func (s *storm) judge(t *testing.T, early map[string]bool, text func(lost, doubled, disorder int) string) {
	var lost, doubled, disorder, said int
	for _, room := range s.rooms {
		all := s.user.Messages(t, room)
		said += len(spoken(all))
		l, d, o := compare(t, room, all, early)
		lost, doubled, disorder = lost+l, doubled+d, disorder+o
	}
	t.Log(text(lost, doubled, disorder))
	if lost+doubled+disorder > 0 {
		t.Errorf("lost %d, doubled %d, out of order %d", lost, doubled, disorder)
	}
	if want := s.said + len(s.rooms); said != want {
		t.Errorf("the rooms hold %d messages of the user, want %d", said, want)
	}
}

// compare sets what was said in a room beside what was answered.
func compare(t *testing.T, room string, all []Message, early map[string]bool) (lost, doubled, disorder int) {
	answered := map[string]int{}
	for _, m := range replies(all) {
		answered[strings.TrimPrefix(m.Body, "re: ")]++
	}
	place := map[string]int{}
	for i, m := range spoken(all) {
		place[m.Body] = i
		switch n := answered[m.Body]; {
		case n == 0:
			lost++
			t.Logf("lost in %s: %q", room, m.Body)
		case n > 1:
			doubled += n - 1
			t.Logf("%d times in %s: %q", n, room, m.Body)
		}
	}
	last := -1
	for _, m := range replies(all) {
		if !early[m.Body] {
			continue
		}
		at := place[strings.TrimPrefix(m.Body, "re: ")]
		if at < last {
			disorder++
			t.Logf("out of order in %s: %q", room, m.Body)
		}
		last = max(last, at)
	}
	return lost, doubled, disorder
}

// spoken are the messages of people.
func spoken(all []Message) []Message {
	return filter(all, func(m Message) bool { return !ours(m.Sender) })
}

// replies are the answers of ghosts.
func replies(all []Message) []Message {
	return filter(all, func(m Message) bool { return ours(m.Sender) && strings.HasPrefix(m.Body, "re: ") })
}

func ours(user string) bool { return strings.HasPrefix(user, "@_bh_") }

func filter(all []Message, keep func(Message) bool) []Message {
	var some []Message
	for _, m := range all {
		if keep(m) {
			some = append(some, m)
		}
	}
	return some
}
