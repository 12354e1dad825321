package guide

import (
	"slices"
	"testing"
	"time"

	"bridgehost/spec/bridgetest"
)

// asked are commands that ask a running host.
var asked = []string{"status", "reload", "rollback", "stop", "start", "deadletters", "console", "registration"}

// homes say, for each chapter with a running host, which of its scripts run there, and what alice has said
// in the room that she and they are in, before anything is asked.
var homes = map[string]struct{ scripts, said []string }{
	"04-reload":  {[]string{"visits"}, []string{"hello"}},
	"07-errors":  {[]string{"library"}, []string{"!where emma"}},
	"09-at-home": {[]string{"bell"}, []string{"!ring"}},
}

func (c *chapter) atHome(args []string) bool { return len(args) > 1 && slices.Contains(asked, args[1]) }

// home runs a command against the chapter's host.
func (c *chapter) home(t *testing.T, args []string, want string) {
	t.Helper()
	if c.host == nil {
		c.host = c.start(t)
	}
	if args[0] == "reload" { // what was mended
		name := args[1] + ".lua"
		c.host.Save(t, name, c.versions[name][1])
		c.run["2/"+name] = true
	}
	if args[0] == "rollback" { // from a version that was saved
		name := args[1] + ".lua"
		c.host.Save(t, name, c.versions[name][1])
		c.host.Run(t, "reload", args[1])
	}
	got, _ := c.host.Try(t, args...)
	for limit := time.Now().Add(waitLimit); args[0] == "status" && !same(got, want) && time.Now().Before(limit); {
		got, _ = c.host.Try(t, args...) // what was answered is counted a moment later
	}
	compare(t, c.name+": "+args[0], got, want)
}

func (c *chapter) start(t *testing.T) *bridgetest.Host {
	t.Helper()
	home, ok := homes[c.name]
	if !ok {
		t.Fatalf("%s: say in home_test.go what happens on its host", c.name)
	}
	hs := bridgetest.NewDevserver(t)
	h := bridgetest.NewHost(t, hs, "[scripts]\nwatch = false\n")
	var bots []string
	for _, name := range home.scripts {
		h.Save(t, name+".lua", c.versions[name+".lua"][0])
		bots = append(bots, "@_bh_"+name+":"+hs.Name())
	}
	h.Start(t)
	alice := hs.User(t, "alice")
	room := alice.CreateRoom(t, "public_chat", bots...)
	for _, bot := range bots {
		bridgetest.Eventually(t, bot+" is in the room", func() bool { return alice.Membership(t, room, bot) == "join" })
	}
	for _, text := range home.said {
		before := len(alice.Messages(t, room))
		alice.Say(t, room, text)
		alice.WaitMessages(t, room, func(all []bridgetest.Message) bool { return len(all) > before+1 })
	}
	return h
}
