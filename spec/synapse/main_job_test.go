// Package synapse shows the main job on a real homeserver.
package synapse

import (
	"fmt"
	"strings"
	"testing"
	"text/tabwriter"

	"bridgehost/spec/bridgetest"
)

// jobScript answers "NAME text" as the ghost NAME; a text with "later" in it after a second.
const jobScript = `local bridge = require "bridge"

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)

bridge.on("message", { msgtype = "m.text" }, function(evt)
  local name, text = evt.text:match("^(%w+) (.*)$")
  if not name then return end
  if text:find("later") then print("holding " .. text); bridge.sleep("1s") end
  bridge.ghost(name, { displayname = name .. " (far away)" }):send_text(evt.room_id, "re: " .. text)
end)
`

// job is a host with the script on a Synapse.
type job struct {
	hs    *bridgetest.Synapse
	host  *bridgetest.Host
	alice bridgetest.User
}

func newJob(t *testing.T) *job {
	hs := bridgetest.NewSynapse(t).(*bridgetest.Synapse)
	j := &job{hs: hs, host: bridgetest.NewHost(t, hs, "")}
	j.alice = hs.User(t, "alice")
	j.host.Save(t, "job.lua", jobScript)
	j.host.Start(t)
	return j
}

func (j *job) bot() string              { return "@_bh_job:" + j.hs.Name() }
func (j *job) ghost(name string) string { return "@_bh_job_" + name + ":" + j.hs.Name() }

// ask says something to a ghost and waits for the answer.
func (j *job) ask(t *testing.T, room, ghost, text string) {
	t.Helper()
	j.alice.Say(t, room, ghost+" "+text)
	j.answered(t, room, ghost, text)
}

// answered waits for a ghost's answer, which must come once.
func (j *job) answered(t *testing.T, room, ghost, text string) {
	t.Helper()
	all := j.alice.WaitMessages(t, room, func(all []bridgetest.Message) bool { return j.count(all, ghost, text) > 0 })
	if n := j.count(all, ghost, text); n != 1 {
		t.Errorf("%s answered %q %d times in %s", ghost, text, n, room)
	}
}

func (j *job) count(all []bridgetest.Message, ghost, text string) (n int) {
	for _, m := range all {
		if m.Sender == j.ghost(ghost) && m.Body == "re: "+text {
			n++
		}
	}
	return n
}

// once looks at all rooms again: no answer came twice.
func (j *job) once(t *testing.T, rooms []string) {
	t.Helper()
	for i, room := range rooms {
		times := map[string]int{}
		for _, m := range j.alice.Messages(t, room) {
			if times[m.Sender+m.Body]++; times[m.Sender+m.Body] == 2 && m.Sender != j.bot() {
				t.Errorf("%s room: %s said %q twice", kinds[i].name, m.Sender, m.Body)
			}
		}
	}
}

// kinds are the rooms that a ghost has to get into by itself. Levels are power
// levels; the creator's is above all.
var kinds = []struct {
	name, preset string
	botLevel     int
	invite       int // level needed to invite
	joinRule     string
	banned       bool
	refused      bool // the bot cannot help: the message becomes a dead letter
}{
	{name: "public", preset: "public_chat"},
	{name: "private", preset: "private_chat"},
	{name: "banned", preset: "public_chat", botLevel: 50, banned: true},
	{name: "bannedprivate", preset: "private_chat", botLevel: 50, banned: true},
	{name: "inviteonly", preset: "public_chat", botLevel: 50, invite: 50, joinRule: "invite"},
	{name: "knock", preset: "private_chat", joinRule: "knock"},
	{name: "closed", preset: "private_chat", invite: 50, refused: true},
	{name: "powerless", preset: "public_chat", banned: true, refused: true},
}

// TestMainJob: a user writes and ghosts answer that were never registered and are in no
// room, while bridgehost and Synapse each go away and come back.
func TestMainJob(t *testing.T) {
	j := newJob(t)
	rooms := make([]string, len(kinds))
	for i, k := range kinds {
		rooms[i] = j.room(t, i)
		if !k.refused {
			j.ask(t, rooms[i], k.name, "first")
			continue
		}
		j.alice.Say(t, rooms[i], k.name+" first")
		j.alice.WaitMessages(t, rooms[i], func(all []bridgetest.Message) bool { return told(all, j.bot()) })
	}
	t.Log("\n" + j.table(t, rooms))
	dead := j.host.Run(t, "deadletters", "list")
	t.Logf("dead letters:\n%s", dead)

	known := j.hs.Requests()
	again := func(t *testing.T, text string) {
		t.Helper()
		for i, k := range kinds {
			if !k.refused {
				j.ask(t, rooms[i], k.name, text)
			}
		}
	}
	whileDown := func(t *testing.T, text string, back func()) {
		t.Helper()
		j.alice.Say(t, rooms[0], "public "+text)
		j.alice.Say(t, rooms[1], "private "+text)
		back()
		j.answered(t, rooms[0], "public", text)
		j.answered(t, rooms[1], "private", text)
	}

	if code := j.host.Stop(t); code != 0 && code != 130 {
		t.Errorf("bridgehost ended with exit code %d", code)
	}
	whileDown(t, "stopped", func() { j.host.Start(t) })
	again(t, "after a stop")

	j.host.Kill()
	whileDown(t, "killed", func() { j.host.Start(t) })
	again(t, "after a kill")

	j.hs.Restart()
	again(t, "after Synapse's restart")

	logged := len(j.host.Log())
	j.alice.Say(t, rooms[0], "public later")
	j.host.WaitLog(t, logged, "holding later")
	j.hs.Kill() // the handler finds no homeserver to answer on
	j.hs.Restart()
	j.answered(t, rooms[0], "public", "later")

	// Synapse ends once it knows that bridgehost is down: what it is pushing at the moment of
	// its own end it forgets until the next refusal. When it is back it repeats, and
	// pushes at all, with the next event only. It also repeats what was answered in vain
	// when it was killed.
	j.host.Kill()
	refused := strings.Count(j.hs.Log(), "Starting recoverer")
	j.alice.Say(t, rooms[0], "public both down")
	bridgetest.Eventually(t, "Synapse has noticed", func() bool { return strings.Count(j.hs.Log(), "Starting recoverer") > refused })
	j.hs.Restart()
	j.host.Start(t)
	j.ask(t, rooms[2], "banned", "wake up")
	j.answered(t, rooms[0], "public", "both down")
	again(t, "after both")
	j.once(t, rooms)

	for _, r := range j.hs.Requests()[len(known):] {
		if strings.Contains(r.Path, "/register") || strings.Contains(r.Path, "/join") || strings.Contains(r.Path, "/invite") {
			t.Errorf("what was known is asked again after a restart: %s %s: %d", r.Method, r.Path, r.Status)
		}
	}
	t.Logf("after 5 restarts: %d requests, none of them a registration, an invitation or a join", len(j.hs.Requests())-len(known))
}

// room makes a room of one kind, with the bot in it and without its ghost.
func (j *job) room(t *testing.T, i int) string {
	t.Helper()
	k := kinds[i]
	room := j.alice.CreateRoom(t, k.preset, j.bot())
	bridgetest.Eventually(t, "the bot is in the "+k.name+" room", func() bool {
		return j.alice.Membership(t, room, j.bot()) == "join"
	})
	if k.botLevel != 0 || k.invite != 0 {
		j.alice.SetState(t, room, "m.room.power_levels", "", map[string]any{
			"users": map[string]int{j.bot(): k.botLevel}, "invite": k.invite, // alice made the room and outranks all (version 12)
		})
	}
	if k.joinRule != "" {
		j.alice.SetState(t, room, "m.room.join_rules", "", map[string]string{"join_rule": k.joinRule})
	}
	if k.banned {
		j.alice.Ban(t, room, j.ghost(k.name))
	}
	return room
}

// told tells whether the room heard that something failed.
func told(all []bridgetest.Message, bot string) bool {
	for _, m := range all {
		if m.Sender == bot && m.Type == "m.notice" {
			return true
		}
	}
	return false
}

// table shows for each room what it took.
func (j *job) table(t *testing.T, rooms []string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ROOM\tJOIN RULE, POWER\tGHOST IS NOW\tANSWERS\tREQUESTS OF BOT AND GHOST")
	for i, k := range kinds {
		rule := k.joinRule
		if rule == "" {
			rule = map[string]string{"public_chat": "public", "private_chat": "invite"}[k.preset]
		}
		membership := j.alice.Membership(t, rooms[i], j.ghost(k.name))
		answers := j.count(j.alice.Messages(t, rooms[i]), k.name, "first")
		want := map[bool]string{false: "join, 1 answers", true: ", 0 answers"}[k.refused]
		if k.refused && k.banned {
			want = "ban, 0 answers"
		}
		if got := fmt.Sprintf("%s, %d answers", membership, answers); got != want {
			t.Errorf("%s room: %q, want %q", k.name, got, want)
		}
		fmt.Fprintf(w, "%s\t%s, invite %d, bot %d\t%s\t%d\t%s\n", k.name, rule, k.invite, k.botLevel, membership, answers, j.way(rooms[i]))
	}
	w.Flush()
	return b.String()
}

// way lists the membership requests of our users about a room.
func (j *job) way(room string) string {
	var steps []string
	for _, r := range j.hs.Requests() {
		verb := r.Verb(room)
		if strings.HasPrefix(r.User, "@_bh_") && verb != "" {
			who := "ghost"
			if r.User == j.bot() {
				who = "bot"
			}
			steps = append(steps, fmt.Sprintf("%s %s %d", who, verb, r.Status))
		}
	}
	return strings.Join(steps, ", ")
}
