package delivery

import (
	"fmt"
	"testing"

	"bridgehost/internal/host"
	"bridgehost/spec/bridgetest"
)

// queued answers as echo does, through a queue with a key for each room. before is Lua
// that runs in the worker in front of each text i.
func queued(parts int, before string) string {
	return fmt.Sprintf(`local bridge = require "bridge"
local answers = bridge.queue("answers", { parallel = 3 }, function(item)
  for i = 1, %d do
    %s
    intent:send_text(item.room, item.text .. "." .. i)
  end
end)
bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
bridge.on("message", { msgtype = "m.text" }, function(evt)
  answers:push({ room = evt.room_id, text = evt.text }, { key = evt.room_id })
end)
`, parts, before)
}

// TestKilledInWorkersWhileTheServerForgets kills the host in the middle of workers that
// have sent something more than a second ago; the homeserver has forgotten that transaction.
func TestKilledInWorkersWhileTheServerForgets(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, 3, 3, "", map[string]string{"echo": queued(3, `
    if i == 3 and item.text == "m1" then
      bridge.sleep(1.1)
      print("in the middle")
      bridge.sleep(30)
    end`)})
	f.say(t, 4, f.rooms...)
	f.seen(t, 0, len(f.rooms), "in the middle")
	f.Kill()
	f.hs.ForgetTransactions()
	f.Save(t, "echo.lua", queued(3, ""))
	f.Start(t)
	f.say(t, 1, f.rooms...)
	f.judge(t)
}

// TestQueueOverKillsAndReloads kills the host again and again, and loads another version
// of the script, while messages are pushed and worked on.
func TestQueueOverKillsAndReloads(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, 5, 2, "", map[string]string{"echo": queued(2, "")})
	for n := range 15 {
		for range n % 4 {
			f.say(t, 1, f.rooms...)
		}
		if n%3 == 0 {
			f.settle(t, f.rooms[n%len(f.rooms)])
		}
		f.Save(t, "echo.lua", queued(2, fmt.Sprintf("local version = %d", n)))
		if n%2 == 0 {
			f.Kill()
			f.say(t, 1, f.rooms[n%len(f.rooms)])
			f.Start(t)
		}
	}
	f.judge(t)
}

// TestWorkersRetryInOrder: some items fail the first time in a way that can be retried; the order of each
// key holds.
func TestWorkersRetryInOrder(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, 3, 1, "", map[string]string{"echo": queued(1, `
    local tries = bridge.memory("m"):update(item.room .. item.text, function(n) return (n or 0) + 1 end)
    if tries == 1 and item.text:match("[24]$") then error({ message = "the other side is busy", retryable = true }) end`)})
	f.say(t, 5, f.rooms...)
	f.judge(t)
}

// TestDeadItemsAreListedAndReplayed: what a worker fails on is a dead letter as an event is.
func TestDeadItemsAreListedAndReplayed(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, 1, 1, "", map[string]string{"echo": queued(1, `if item.text == "m2" then error("no m2") end`)})
	f.say(t, 3, f.rooms...)
	var letters host.Deadletters
	bridgetest.Eventually(t, "a dead letter", func() bool {
		if err := f.Call(t, host.CallDeadletters, host.DeadlettersCall{}, &letters); err != nil {
			t.Fatal(err)
		}
		return len(letters.Deadletters) == 1
	})
	if l := letters.Deadletters[0]; l.Queue != "answers" || l.Key != f.rooms[0] || l.RoomID != "" || string(l.Event) != fmt.Sprintf(`{"room":%q,"text":"m2"}`, f.rooms[0]) {
		t.Errorf("it is %+v", l)
	}
	f.Kill()
	f.Save(t, "echo.lua", queued(1, ""))
	f.Start(t)
	var changed host.DeadlettersChanged
	if err := f.Call(t, host.CallReplay, host.DeadlettersCall{All: true}, &changed); err != nil || len(changed.IDs) != 1 {
		t.Fatalf("replay: %+v %v", changed, err)
	}
	bridgetest.Eventually(t, "it is handled", func() bool { return len(f.answers(t, f.rooms[0], f.bots[0])) == 3 })
	f.empty(t)
}
