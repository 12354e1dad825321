// Package examples_test runs every example as its README says: through `bridgehost dev`,
// with lines typed at the prompt.
package examples_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"bridgehost/internal/host"
)

// sessions has one for each folder of this one: what is typed, and what is to be seen
// in this order. Lines that stand between those do not matter.
var sessions = map[string]session{
	"echo": {
		typed: []string{"hello", "!shout is this on", "!shout", "/as alice", "me too"},
		seen: []string{
			"_bh_echo       Say something and I will repeat it.",
			"you            hello",
			"_bh_echo       you said: hello",
			"_bh_echo       IS THIS ON!",
			"_bh_echo       text is missing. Usage: !shout <text...>",
			"alice          me too",
			"_bh_echo       you said: me too",
		},
	},
	"irc": {
		server: ircServer,
		when:   []string{"invites you: /room lua", "bob (IRC) (ghost) * waves", "bob heard: hi there"},
		typed:  []string{"/room lua", "hi there", "/quit"},
		seen: []string{
			"_bh_irc invites you: /room lua",
			"_bh_irc        (names the room #lua)",
			"bob (IRC) (ghost) hello: world",
			"bob (IRC) (ghost) * waves",
			"you            hi there",
			"bob (IRC) (ghost) bob heard: hi there",
		},
	},
	"mqtt": {
		server: mqttLamp,
		when:   []string{"lamp (ghost)   ON", "lamp (ghost)   OFF"},
		typed:  []string{"!mqtt home/lamp/set OFF", "/quit"},
		seen: []string{
			"lamp (ghost)   ON",
			"you            !mqtt home/lamp/set OFF",
			"lamp (ghost)   OFF",
		},
	},
	"rss": {
		served: newsServer,
		typed:  []string{"!feed list", "!feed add {server}/feed.xml", "!feed list", "!feed remove {server}/feed.xml", "!feed list", "!feed add {server}/"},
		seen: []string{
			"_bh_rss        no feeds in this room",
			"_bh_rss        added **News** (2 items, nothing old will be posted)",
			"_bh_rss        * http://127.0.0.1:",
			"_bh_rss        removed",
			"_bh_rss        no feeds in this room",
			"_bh_rss        I cannot read that feed: GET http://127.0.0.1:",
		},
	},
	"relay": {
		typed: []string{
			"nobody hears this", "!relay", "!relay tea", "/room kitchen", "!relay list", "!relay tea", "!relay list",
			"/room garden", "!relay tea", "/room kitchen", "/as alice", "the kettle is on", "!relay off",
			"/room relay", "yes please", "/room garden", "/room kitchen",
			"/as you", "!relay off", "!relay off", "only in the kitchen", "/room garden", "last words",
		},
		seen: []string{
			"#relay, as @you:bh.test",
			"you            nobody hears this",
			"_bh_relay      name is missing. Usage: !relay <name>",
			"_bh_relay      Rooms joined as tea: 1",
			"#kitchen, as @you:bh.test",
			"_bh_relay      This room is joined to none.",
			"_bh_relay      Rooms joined as tea: 2",
			"_bh_relay      tea: relay",
			"#garden, as @you:bh.test",
			"_bh_relay      Rooms joined as tea: 3",
			"#kitchen, as @alice:bh.test",
			"alice          the kettle is on",
			"alice          !relay off",
			"_bh_relay      ", // refused: it takes level 50
			"#relay, as @alice:bh.test",
			"alice (ghost)  the kettle is on",
			"alice          yes please",
			"#garden, as @alice:bh.test",
			"alice (ghost)  the kettle is on",
			"alice (ghost)  yes please",
			"#kitchen, as @alice:bh.test",
			"alice (ghost)  yes please",
			"you            !relay off",
			"alice (ghost)  (leave)",
			"_bh_relay      This room is joined to none now.",
			"_bh_relay      This room is joined to none.",
			"you            only in the kitchen",
			"#garden, as @you:bh.test",
			"you            last words",
		},
		never: []string{"you (ghost)    only in the kitchen", "_bh_relay      nobody hears this"},
	},
	"webhook": {
		server: gitHub,
		when:   []string{"ada opened issue"},
		typed:  []string{"/quit"},
		seen: []string{
			"its routes                http://127.0.0.1:",
			"#webhook, as @you:bh.test",
			"_bh_webhook    webhook connected: _Keep it logically awesome._",
			"_bh_webhook    ada opened issue [#7 It breaks](https://github.test/7)",
		},
		never: []string{"did not come"},
	},
}

type session struct {
	typed []string // {server} is the address of what served started
	seen  []string
	never []string
	// server starts what the script connects to and returns its configuration.
	server func(t *testing.T) (config string)
	// served starts what the lines name and returns its address.
	served func(t *testing.T) (address string)
	// when is what has to be seen before the line of the same place is typed: what comes from a
	// server comes when it comes. Empty: lines are typed at once.
	when []string
}

func TestExamples(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		found++
		t.Run(e.Name(), func(t *testing.T) {
			t.Parallel()
			s, ok := sessions[e.Name()]
			if !ok {
				t.Fatalf("the example has no session here: add what is typed and what is to be seen to sessions")
			}
			readme(t, e.Name())
			s.check(t, e.Name())
		})
	}
	if found != len(sessions) {
		t.Errorf("%d folders, %d sessions: one is of an example that is gone", found, len(sessions))
	}
}

// readme checks that the example explains itself, with the command to try it.
func readme(t *testing.T, name string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(name, "README.md"))
	if err != nil {
		t.Fatalf("an example needs a README.md of a few lines: %v", err)
	}
	for _, part := range []string{"# " + name + "\n", "bridgehost dev scripts/examples/" + name} {
		if !strings.Contains(string(text), part) {
			t.Errorf("README.md does not say %q", part)
		}
	}
}

// check runs the session on a copy of the folder.
func (s session) check(t *testing.T, name string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS(name)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out, log output
	if s.server != nil {
		if err := os.WriteFile(filepath.Join(dir, "bridgehost.toml"), []byte(s.server(t)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := ""
	if s.served != nil {
		address = s.served(t)
	}
	var typed []string
	for _, line := range s.typed {
		typed = append(typed, strings.ReplaceAll(line, "{server}", address))
	}
	err := host.Dev(ctx, host.DevOptions{Path: dir, In: &typist{out: &out, when: s.when, typed: typed}, Out: &out, NoWatch: true,
		Log: hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Warn})})
	if err != nil {
		t.Fatal(err)
	}
	text := out.String()
	defer func() {
		if t.Failed() {
			t.Logf("the session:\n%s\nthe log:\n%s", text, log.String())
		}
	}()
	rest := text
	for _, want := range s.seen {
		_, after, ok := strings.Cut(rest, want)
		if !ok {
			t.Errorf("not seen, or not in this order: %q", want)
			continue
		}
		rest = after
	}
	for _, line := range s.never {
		if strings.Contains(text, line) {
			t.Errorf("seen: %q", line)
		}
	}
	if log.String() != "" {
		t.Errorf("a session that goes well logs no warning")
	}
}

// output keeps what is written, from any goroutine.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

var _ io.Writer = (*output)(nil)

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
