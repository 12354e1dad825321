package reload

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"bridgehost/spec/bridgetest"
)

// TestSaveToFirstAnswer measures how long it takes from a save until the new version answers,
// and how long events were held. It only says so: how fast a machine is, is no matter of
// right and wrong; what it fails for is an answer that never comes.
func TestSaveToFirstAnswer(t *testing.T) {
	saves := 100
	if testing.Short() {
		saves = 20
	}
	hs := bridgetest.NewDevserver(t)
	h := bridgetest.NewHost(t, hs, "")
	version := func(n int) string {
		return fmt.Sprintf(`local bridge = require "bridge"
bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
bridge.on("message", function(evt) intent:send_text(evt.room_id, "version %d") end)
`, n)
	}
	h.Save(t, "echo.lua", version(0))
	h.Start(t)
	user := hs.User(t, "alice")
	room := user.CreateRoom(t, "private_chat", "@_bh_echo:"+hs.Name())
	bridgetest.Eventually(t, "the bot has joined", func() bool { return user.Membership(t, room, "@_bh_echo:"+hs.Name()) == "join" })
	user.Say(t, room, "hello")
	user.WaitMessages(t, room, func(all []bridgetest.Message) bool { return len(all) == 2 })

	var took, held []time.Duration
	for n := 1; n <= saves; n++ {
		want := fmt.Sprintf("version %d", n)
		h.Save(t, "echo.lua", version(n))
		saved := time.Now()
		answered := false
		for !answered {
			before := len(user.Messages(t, room))
			user.Say(t, room, "which?")
			all := user.WaitMessages(t, room, func(all []bridgetest.Message) bool {
				return len(all) > before+1 && strings.HasPrefix(all[len(all)-1].Body, "version ")
			})
			answered = all[len(all)-1].Body == want
			if time.Since(saved) > 30*time.Second {
				t.Fatalf("version %d does not answer", n)
			}
		}
		took = append(took, time.Since(saved))
		held = append(held, h.Status(t, "echo").Held)
	}
	slices.Sort(took)
	slices.Sort(held)
	mid, last := saves/2, saves-1
	t.Logf("%d saves: save to first answer of the new version: median %s, maximum %s; events held: median %s, maximum %s",
		saves, round(took[mid]), round(took[last]), round(held[mid]), round(held[last]))
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
