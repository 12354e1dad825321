package host

import (
	"strings"
	"testing"
	"time"

	"bridgehost/engine"
)

func TestStatusText(t *testing.T) {
	now := time.Date(2026, 11, 24, 15, 0, 0, 0, time.Local)
	up := now.Add(-76*time.Hour - 5*time.Minute)
	st := Status{
		Version: "0.3.0", Started: up, Now: now, Homeserver: "https://matrix.example.org",
		Ping: &Ping{At: now.Add(-41 * time.Second), Took: 12 * time.Millisecond}, Inbox: 1, Deadletters: map[string]int{"rss": 2},
		Scripts: []ScriptStatus{
			{Status: engine.Status{Script: "irc", Generation: 7, Since: now.Add(-3 * time.Hour), Events: 1204,
				Services: []engine.ServiceStatus{{Name: "irc", State: "pausing", Since: now.Add(-12 * time.Minute), Error: "irc.lua:3: connection refused"}}}},
			{Status: engine.Status{Script: "rss", Generation: 12, Since: now.Add(-26 * time.Hour), Events: 31, Errors: 2, LastError: "rss.lua:9: feed not read"}},
			{Status: engine.Status{Script: "github", Generation: 1, Since: now.Add(-200 * time.Hour)}, Problem: "error: webhook.lua:31: 'end' expected\n"},
			{Status: engine.Status{Script: "new"}, Problem: "error: new.lua:1: no\n"},
			{Status: engine.Status{Script: "old", Generation: 5, Since: now.AddDate(-1, 0, 0)}, Pinned: true},
		},
	}
	want := strings.TrimPrefix(`
bridgehost 0.3.0, up 3 d 4 h, homeserver https://matrix.example.org (ping 12 ms, 41 s ago), inbox 1 event
SCRIPT  GEN  SINCE       SERVICES            EVENTS  ERRORS  DEAD  NOTE
irc       7  12:00       irc pausing 12 min    1204       0     0
rss      12  Mon 13:00   -                       31       2     2  rss.lua:9: feed not read
github    1  Nov 16      -                        0       0     0  on disk differs from running: reload refused, see below
new       0  -           -                        0       0     0  nothing runs, its events wait; why, see below
old       5  2025-11-24  -                        0       0     0  rolled back, until the next save

irc, service irc: irc.lua:3: connection refused

error: webhook.lua:31: 'end' expected

error: new.lua:1: no
`, "\n")
	if got := st.Text(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestStatusTextOfOneScript(t *testing.T) {
	now := time.Date(2026, 11, 24, 15, 0, 0, 0, time.Local)
	st := Status{Version: "1", Started: now, Now: now, Homeserver: "http://x", Ping: &Ping{At: now, Error: "no"},
		Scripts: []ScriptStatus{{
			Status: engine.Status{Script: "irc", Generation: 10, Since: now},
			Generations: []GenerationStatus{
				{Number: 8, Hash: "0123456789abcdef", Loaded: now.Add(-time.Hour)},
				{Number: 9, Hash: "fedcba9876543210", Loaded: now.Add(-time.Minute), Error: "irc.lua:1: no"},
				{Number: 10, Hash: "0123456789abcdef", Loaded: now, Pinned: true},
			},
		}}}
	want := strings.TrimPrefix(`
bridgehost 1, up 0 s, homeserver http://x (does not reach us, asked 0 s ago), inbox empty
SCRIPT  GEN  SINCE  SERVICES  EVENTS  ERRORS  DEAD  NOTE
irc      10  15:00  -              0       0     0

GEN  LOADED  HASH      RESULT
  8  14:00   01234567  good
  9  14:59   fedcba98  irc.lua:1: no
 10  15:00   01234567  good, chosen by a rollback, runs
Go back to one: bridgehost rollback irc --to GEN
`, "\n")
	if got := st.Text(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	none := Status{Version: "1", Started: now, Now: now, Homeserver: "http://x"}
	if got, want := none.Text(), "bridgehost 1, up 0 s, homeserver http://x, inbox empty\nthere is no script yet\n"; got != want {
		t.Errorf("without scripts:\n%s\nwant\n%s", got, want)
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 0: "0 s", 59 * time.Second: "59 s", time.Minute: "1 min", 59*time.Minute + 59*time.Second: "59 min",
		time.Hour: "1 h 0 min", 25 * time.Hour: "1 d 1 h", 24 * 365 * time.Hour: "365 d 0 h",
	} {
		if got := span(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
