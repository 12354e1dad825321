package diagnostics

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"bridgehost/spec/bridgetest"
)

// session is a bridgehost that runs, at whose prompt the test writes if it has one.
type session struct {
	t     *testing.T
	input io.Writer

	mu   sync.Mutex
	text string
	news chan struct{}
	seen int // up to where expect has read
}

// newSession runs `bridgehost dev`.
func newSession(t *testing.T, script string) *session {
	t.Helper()
	return start(t, exec.Command(bridgetest.Binary(t), "dev", script), io.Closer.Close)
}

// interrupted is the exit code after SIGINT.
const interrupted = 130

// start runs a command until the test ends; end tells it, given its input, to end.
func start(t *testing.T, cmd *exec.Cmd, end func(input io.Closer) error) *session {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, input: in, news: make(chan struct{}, 1)}
	cmd.Stdout, cmd.Stderr = s, s
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := errors.Join(end(in), cmd.Wait())
		if cmd.ProcessState.ExitCode() > 0 && cmd.ProcessState.ExitCode() != interrupted {
			t.Errorf("%s ended with %v", cmd.Args, err)
		}
		if t.Failed() {
			t.Logf("it wrote:\n%s", s.text)
		}
	})
	return s
}

// Write takes what the program writes.
func (s *session) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text += string(p)
	select {
	case s.news <- struct{}{}:
	default:
	}
	return len(p), nil
}

// say writes a line at the prompt.
func (s *session) say(line string) {
	s.t.Helper()
	if _, err := io.WriteString(s.input, line+"\n"); err != nil {
		s.t.Fatal(err)
	}
}

// expect waits for what matches next, and returns it.
func (s *session) expect(pattern string) string {
	s.t.Helper()
	re := regexp.MustCompile(pattern)
	limit := time.After(time.Minute)
	for {
		s.mu.Lock()
		at := re.FindStringIndex(s.text[s.seen:])
		if at != nil {
			found := s.text[s.seen:][at[0]:at[1]]
			s.seen += at[1]
			s.mu.Unlock()
			return found
		}
		s.mu.Unlock()
		select {
		case <-s.news:
		case <-limit:
			s.t.Fatalf("it does not write %s", pattern)
		}
	}
}

var clock = regexp.MustCompile(`\d\d:\d\d:\d\d`)

func TestWhatDevShows(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "echo")
	save := func(text string) {
		t.Helper()
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "echo.lua"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	save(`local bridge = require "bridge"
local names = {}

bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
bridge.on("message", function(evt)
  local name = names[evt.sender]
  evt:reply("hello " .. name.first)
end)
`)
	s := newSession(t, dir)
	s.expect(`Write a message`)
	s.say("hello")
	golden(t, "dev-handler", s.expect(`(?s)error: .*?\n\n.*?\n\n`))
	s.say("hello again")
	golden(t, "dev-handler-again", s.expect(`error again: .*\n`))

	save(loads[0].files["main.lua"])
	golden(t, "dev-missing-end", clock.ReplaceAllString(s.expect(`(?s)\d\d:\d\d:\d\d echo.lua changed → not loaded.*?\n\nerror: .*?\n\n.*?\n\n`), "12:02:02"))
	save(strings.Replace(good, "you said: ", "I heard ", 1))
	s.expect(`\d\d:\d\d:\d\d echo\.lua changed \(\d+ lines?\) → generation 2 in `)
	s.say("mended")
	s.expect(`I heard mended`)
	s.say("/quit")
}

// TestTheSameTextEverywhere: in the terminal of `run`, in `status`, and from `dev`, whose
// Reporter is what a chat page gets it from.
func TestTheSameTextEverywhere(t *testing.T) {
	const text = `local bridge = require "bridge"
local feeds = { { name = "news" } }

bridge.every("1s", function()
  for _, feed in ipairs(feeds) do print(feed.name .. ": " .. #feed.items) end
end)
`
	const shown = `(?s)error: .*?\n\n.*?\n    more [^\n]*\n`
	hs := bridgetest.NewDevserver(t)
	host := bridgetest.NewHost(t, hs, "")
	host.Save(t, "news.lua", text)
	run := exec.Command(bridgetest.Binary(t), "--config", host.Config, "--color", "never", "run")
	terminal := start(t, run, func(io.Closer) error { return run.Process.Signal(os.Interrupt) }).expect(shown)
	if status := host.Run(t, "status", "news"); !strings.Contains(status, "\n"+terminal) {
		t.Errorf("status says something else:\n%s\nthe terminal:\n%s", status, terminal)
	}
	file := filepath.Join(t.TempDir(), "news.lua")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if dev := newSession(t, file).expect(shown); dev != terminal {
		t.Errorf("dev says something else:\n%s\nthe terminal:\n%s", dev, terminal)
	}
	golden(t, "everywhere", terminal)
}
