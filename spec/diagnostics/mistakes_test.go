package diagnostics

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
			golden(t, "mistakes/"+m.name, strings.ReplaceAll(text, closed, "!ROOM"))
			head, _, _ := strings.Cut(text, "\n\n")
			if !strings.Contains(head, ".lua:") {
				t.Errorf("the first lines name no file and line: %s", head)
			}
			if n := len(suggestion.FindAllString(text, -1)); n != 1 && !withoutAdvice[m.name] {
				t.Errorf("%d suggestions, want 1:\n%s", n, text)
			}
		})
	}
	if len(all) < 24 {
		t.Errorf("only %d mistakes", len(all))
	}
}

// suggestion is how a text says what to do.
var suggestion = regexp.MustCompile(`(?m)^    hint |^  = try: |; did you (mean|forget) |; write local |; it is defined |; files are in |is probably missing`)

// withoutAdvice are errors of the script's own making: their text is the author's.
var withoutAdvice = map[string]bool{"54-raised-again": true, "56-error-level-2": true, "11-else-if": true}

// TestThePageOfMistakes writes docs/mistakes.md, with -update, and otherwise checks that it is current.
func TestThePageOfMistakes(t *testing.T) {
	var table, texts strings.Builder
	for _, m := range mistakes(t) {
		printed, err := os.ReadFile(filepath.Join(mistakesDir, m.name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(strings.TrimPrefix(string(printed), "error: "), "\n")
		fmt.Fprintf(&table, "| [%s](#%s) | %s |\n", strings.TrimSuffix(m.title, "."), m.name, strings.ReplaceAll("`` "+first+" ``", "|", "\\|"))
		fmt.Fprintf(&texts, "\n<a id=%q></a>\n\n### %s\n", m.name, strings.TrimSuffix(m.title, "."))
		for _, name := range slices.Sorted(maps.Keys(m.files)) {
			if len(m.files) > 1 {
				fmt.Fprintf(&texts, "\n`%s`\n", filepath.Base(name))
			}
			fmt.Fprintf(&texts, "\n```lua\n%s```\n", m.files[name])
		}
		fmt.Fprintf(&texts, "\n```\n%s```\n", printed)
	}
	same(t, "../../docs/mistakes.md", pageHead+table.String()+"\n## What is printed\n"+texts.String())
}

const pageHead = `# Mistakes, and what bridgehost prints about them

Each of these scripts is run by a test in a real host, and the text below it is what the terminal, ` + "`bridgehost status NAME`" + ` and the
page of ` + "`bridgehost dev`" + ` show, letter by letter (only ids are replaced). The page is made from spec/diagnostics/testdata/mistakes by
` + "`go test ./spec/diagnostics -update`" + `; to add a mistake put a script there, with what is wrong as its first line and, when it fails only
while it runs, what is said to it as ` + "`-- say: hello`" + ` in the second.

The first line names file, line and cause; the lines around it follow, with a mark below what failed, the variables there, the way
to that line (` + "`called`" + `), the running version of the script (` + "`while`" + `) and one suggestion.

| mistake | first line |
|---|---|
`

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
