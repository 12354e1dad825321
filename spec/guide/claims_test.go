package guide

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bridgehost/spec/bridgetest"
)

// TestWhatARestartKeeps is the table of the chapter about state: locals and memory begin anew, stores stay.
func TestWhatARestartKeeps(t *testing.T) {
	hs := bridgetest.NewDevserver(t)
	h := bridgetest.NewHost(t, hs, "")
	h.Save(t, "visits.lua", read(t, "04-reload").versions["visits.lua"][0])
	h.Start(t)
	alice, room := meet(t, hs, "visits")
	ask(t, alice, room, "hello", "here 1, in memory 1, on disk 1")
	ask(t, alice, room, "hello", "here 2, in memory 2, on disk 2")
	h.Stop(t)
	h.Start(t)
	ask(t, alice, room, "hello", "here 1, in memory 1, on disk 3")
}

// TestMessagesWhileTheHostIsAway: the homeserver keeps them, as the last chapter says.
func TestMessagesWhileTheHostIsAway(t *testing.T) {
	hs := bridgetest.NewDevserver(t)
	h := bridgetest.NewHost(t, hs, "")
	h.Save(t, "bell.lua", read(t, "09-at-home").versions["bell.lua"][0])
	h.Start(t)
	alice, room := meet(t, hs, "bell")
	h.Stop(t)
	alice.Say(t, room, "!ring")
	h.Start(t)
	hears(t, alice, room, "Ding dong.")
}

// TestANewScriptIsANewFile: a host that runs takes it without a restart, a folder that `new` made too.
func TestANewScriptIsANewFile(t *testing.T) {
	hs := bridgetest.NewDevserver(t)
	h := bridgetest.NewHost(t, hs, "")
	h.Start(t)
	h.Save(t, "bell.lua", read(t, "09-at-home").versions["bell.lua"][0])
	h.WaitLog(t, 0, "script loaded")
	alice, room := meet(t, hs, "bell")
	ask(t, alice, room, "!ring", "Ding dong.")
	hello := read(t, "01-first-bridge").versions["hello.lua"][0]
	since := len(h.Log())
	h.Save(t, "hello/hello.lua", hello)
	h.WaitLog(t, since, "script loaded")
	alice, room = meet(t, hs, "hello")
	ask(t, alice, room, "hello", "you said: hello")
}

// TestSettingsOfTheHost gives the script the table of bridgehost.toml that the page shows.
func TestSettingsOfTheHost(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(pages, "03-state.md"))
	if err != nil {
		t.Fatal(err)
	}
	table := regexp.MustCompile("(?s)```toml\n(.*?)```").FindSubmatch(page)
	if table == nil {
		t.Fatal("the page has no table of settings")
	}
	hs := bridgetest.NewDevserver(t)
	// The file with the secret has to be there when the configuration is read for the first time.
	secret := filepath.Join(t.TempDir(), "door-code.txt")
	if err := os.WriteFile(secret, []byte("1234\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := bridgetest.NewHost(t, hs, strings.Replace(string(table[1]), "door-code.txt", secret, 1))
	h.Save(t, "doorman.lua", read(t, "03-state").versions["doorman.lua"][0])
	h.Start(t)
	alice, room := meet(t, hs, "doorman")
	ask(t, alice, room, "hello", "Hello at Mill Lane 7")
}

// TestLinksLeadSomewhere looks at all links of the guide to other files.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, name := range chapters(t) {
		page, err := os.ReadFile(filepath.Join(pages, name+".md"))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)`).FindAllStringSubmatch(fence.ReplaceAllString(string(page), ""), -1) {
			if _, err := os.Stat(filepath.Join(pages, m[1])); err != nil {
				t.Errorf("%s.md links %s, which is not there", name, m[1])
			}
		}
	}
}

// meet makes a room with a script's bot in it.
func meet(t *testing.T, hs bridgetest.Homeserver, script string) (user bridgetest.User, room string) {
	t.Helper()
	bot := "@_bh_" + script + ":" + hs.Name()
	user = hs.User(t, "alice")
	room = user.CreateRoom(t, "public_chat", bot)
	bridgetest.Eventually(t, bot+" is in the room", func() bool { return user.Membership(t, room, bot) == "join" })
	return user, room
}

func ask(t *testing.T, user bridgetest.User, room, text, answer string) {
	t.Helper()
	user.Say(t, room, text)
	hears(t, user, room, answer)
}

func hears(t *testing.T, user bridgetest.User, room, answer string) {
	t.Helper()
	user.WaitMessages(t, room, func(all []bridgetest.Message) bool { return len(all) > 0 && all[len(all)-1].Body == answer })
}
