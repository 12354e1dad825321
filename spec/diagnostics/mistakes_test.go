package diagnostics

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bridgehost/spec/bridgetest"
)

// mistake is one of testdata/mistakes: a script, or a folder of one, with what
// bridgehost prints about it beside it.
type mistake struct {
	name  string
	title string            // the first comment of the script
	say   string            // what alice says in a room with the bot; "": it does not load
	main  string            // the script
	files map[string]string // by their name in scripts/
}

const mistakesDir = "testdata/mistakes"

// said is the line of a script that tells what is said to it.
var said = regexp.MustCompile(`(?m)^-- say: (.*)\n`)

func mistakes(t *testing.T) []mistake {
	t.Helper()
	entries, err := os.ReadDir(mistakesDir)
	if err != nil {
		t.Fatal(err)
	}
	var all []mistake
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".lua")
		if !e.IsDir() && name == e.Name() {
			continue
		}
		m := mistake{name: name, files: map[string]string{}}
		err := filepath.WalkDir(filepath.Join(mistakesDir, e.Name()), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			rel, _ := filepath.Rel(mistakesDir, path)
			m.files[rel] = string(text)
			if base := filepath.Base(rel); base == "main.lua" || base == rel {
				m.main = string(text)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(m.main, "\n")
		m.title = strings.TrimPrefix(first, "-- ")
		if s := said.FindStringSubmatch(m.main); s != nil {
			m.say = s[1]
		}
		all = append(all, m)
	}
	return all
}

// TestBeginnersMistakes runs every script of testdata/mistakes in a host and compares
// what is printed about it with the text beside it.
func TestBeginnersMistakes(t *testing.T) {
	hs := bridgetest.NewDevserver(t)
	host := bridgetest.NewHost(t, hs, "[scripts]\nwatch = false\n\n[scripts.limits]\ncpu = \"300ms\"\n")
	all := mistakes(t)
	closed := hs.User(t, "bob").CreateRoom(t, "private_chat")
	for _, m := range all {
		for name, text := range m.files {
			host.Save(t, name, strings.ReplaceAll(text, "!CLOSED", closed))
		}
	}
	host.Start(t)
	alice := hs.User(t, "alice")
	for _, m := range all {
		if m.say == "" {
			continue
		}
		bot := "@_bh_" + m.name + ":" + hs.Name()
		room := alice.CreateRoom(t, "public_chat", bot)
		bridgetest.Eventually(t, "the bot of "+m.name+" is in the room", func() bool { return alice.Membership(t, room, bot) == "join" })
		alice.Say(t, room, m.say)
	}
	for _, m := range all {
		t.Run(m.name, func(t *testing.T) {
			var text string
			bridgetest.Eventually(t, "something is printed about "+m.name, func() bool {
				text = printedAbout(host.Log(), m.name)
				return text != ""
			})
			golden(t, "mistakes/"+m.name, strings.ReplaceAll(text, closed, "!ROOM:bh.test"))
		})
	}
}

// printedAbout is the text of the first error of a script in the log.
func printedAbout(log, script string) string {
	for line := range strings.Lines(log) {
		var l struct{ Script, Details string }
		if json.Unmarshal([]byte(line), &l) == nil && l.Script == script && l.Details != "" {
			return l.Details + "\n"
		}
	}
	return ""
}
