package delivery

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"bridgehost/spec/bridgetest"
)

// The storm: messages in many rooms while the script is saved again and again, some of
// the saves broken, and bridgehost is killed as a crash would. The reply's text never
// changes, so that a doubled reply shows.
const (
	stormRooms    = 20
	stormMessages = 1000
	stormSaves    = 50
	stormKills    = 3
)

// stormScript is version n of the script; broken versions say what is wrong with them.
func stormScript(n int) (source, broken string) {
	handler := `
  local ghost = bridge.ghost(evt.sender_name, { displayname = evt.sender_name .. " (echo)" })
  ghost:send_text(evt.room_id, "re: " .. evt.text)`
	switch {
	case n%10 == 3:
		return "local bridge = require \"bridge\"\nbridge.on(\"message\", function(evt)\n", "syntax"
	case n%10 == 5:
		return "local bridge = require \"bridge\"\nlocal t = nil\nprint(t.x)\n", "top level"
	case n%10 == 7:
		return "local bridge = require \"bridge\"\nintent:send_text(\"!x:y\", \"no\")\n", "send at the top level"
	case n%10 == 9:
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

// TestStorm shows that nothing is lost, doubled or out of order.
func TestStorm(t *testing.T) {
	storm(t, bridgetest.NewDevserver(t), stormMessages, stormSaves, stormKills)
}

func storm(t *testing.T, hs bridgetest.Homeserver, messages, saves, kills int) {
	host := bridgetest.NewHost(t, hs, "")
	source, _ := stormScript(0)
	host.Save(t, "echo.lua", source)
	host.Start(t)
	user := hs.User(t, "alice")
	bot := "@_bh_echo:" + hs.Name()
	rooms := make([]string, stormRooms)
	for i := range rooms {
		rooms[i] = user.CreateRoom(t, "private_chat", bot)
	}
	for _, room := range rooms {
		user.Say(t, room, "hello")
		user.WaitMessages(t, room, func(m []bridgetest.Message) bool { return len(replies(m)) == 1 })
	}

	began := time.Now()
	random := rand.New(rand.NewPCG(1, 2))
	saveEvery, killEvery := max(messages/saves, 1), messages/(kills+1)
	version, killed, broken := 0, 0, map[string]int{}
	for n := range messages {
		user.Say(t, rooms[n%len(rooms)], fmt.Sprintf("message %d", n))
		if n%saveEvery == saveEvery-1 && version < saves {
			version++
			source, why := stormScript(version)
			broken[why]++
			host.Save(t, "echo.lua", source)
		}
		if n > 0 && n%killEvery == 0 && killed < kills {
			killed++
			host.Kill()
			for range random.IntN(5) { // the homeserver goes on meanwhile
				user.Say(t, rooms[n%len(rooms)], fmt.Sprintf("while down %d.%d", killed, n))
			}
			host.Start(t)
		}
	}
	// The last version is good; what a broken handler refused comes back with a replay.
	source, _ = stormScript(stormSaves + 10)
	host.Save(t, "echo.lua", source)
	host.Run(t, "reload", "echo")
	settle(t, host)
	dead := deadletters(t, host)
	early := map[string]bool{}
	for _, room := range rooms {
		for _, m := range replies(user.Messages(t, room)) {
			early[m.Body] = true
		}
	}
	host.Run(t, "deadletters", "replay", "--all")
	settle(t, host)

	lost, doubled, disorder := 0, 0, 0
	for _, room := range rooms {
		all := user.WaitMessages(t, room, func(m []bridgetest.Message) bool { return len(replies(m)) >= len(said(m)) })
		lost += count(t, room, all, early, &doubled, &disorder)
	}
	t.Logf("%d messages in %d rooms, %d saves (%v broken), %d kill -9, %d dead letters replayed: lost %d, doubled %d, out of order %d, in %.1f s",
		messages, len(rooms), version, broken, killed, dead, lost, doubled, disorder, time.Since(began).Seconds())
	if lost+doubled+disorder > 0 {
		t.Errorf("lost %d, doubled %d, out of order %d", lost, doubled, disorder)
	}
	if killed != kills || version != saves {
		t.Errorf("%d kills of %d, %d saves of %d", killed, kills, version, saves)
	}
	if dead == 0 {
		t.Error("no broken handler refused a message: the test shows less than it should")
	}
	if left := deadletters(t, host); left != 0 {
		t.Errorf("%d dead letters are left after the replay", left)
	}
}

func said(all []bridgetest.Message) []bridgetest.Message {
	return filter(all, func(m bridgetest.Message) bool { return !strings.HasPrefix(m.Body, "re: ") && !ours(m.Sender) })
}

func replies(all []bridgetest.Message) []bridgetest.Message {
	return filter(all, func(m bridgetest.Message) bool { return strings.HasPrefix(m.Body, "re: ") && ours(m.Sender) })
}

func ours(user string) bool { return strings.HasPrefix(user, "@_bh_") }

func filter(all []bridgetest.Message, keep func(bridgetest.Message) bool) []bridgetest.Message {
	var some []bridgetest.Message
	for _, m := range all {
		if keep(m) {
			some = append(some, m)
		}
	}
	return some
}

// count compares what was said in a room with what was answered. Replies that came
// only with the replay (not early) have no place in the order.
func count(t *testing.T, room string, all []bridgetest.Message, early map[string]bool, doubled, disorder *int) (lost int) {
	answered := map[string]int{}
	for _, m := range replies(all) {
		answered[strings.TrimPrefix(m.Body, "re: ")]++
	}
	place := map[string]int{}
	for i, m := range said(all) {
		place[m.Body] = i
		switch n := answered[m.Body]; {
		case n == 0:
			lost++
			t.Logf("lost in %s: %q", room, m.Body)
		case n > 1:
			*doubled += n - 1
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
			*disorder++
			t.Logf("out of order in %s: %q", room, m.Body)
		}
		last = at
	}
	return lost
}

// settle waits until no event is unfinished.
func settle(t *testing.T, host *bridgetest.Host) {
	t.Helper()
	bridgetest.Eventually(t, "the inbox is empty", func() bool {
		var st struct{ Inbox int }
		if err := json.Unmarshal([]byte(host.Run(t, "status", "--json")), &st); err != nil {
			t.Fatal(err)
		}
		return st.Inbox == 0
	})
}

func deadletters(t *testing.T, host *bridgetest.Host) int {
	t.Helper()
	var out struct{ Deadletters []json.RawMessage }
	if err := json.Unmarshal([]byte(host.Run(t, "deadletters", "list", "--json")), &out); err != nil {
		t.Fatal(err)
	}
	return len(out.Deadletters)
}
