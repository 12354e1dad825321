package host

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

// heard keeps what is written, from any goroutine.
type heard struct {
	mu      sync.Mutex
	b       bytes.Buffer
	changed chan struct{} // closed by the next write; nil: nobody waits
}

func (h *heard) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.changed != nil {
		close(h.changed)
		h.changed = nil
	}
	return h.b.Write(b)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.String()
}

// await waits until text was written.
func (h *heard) await(t *testing.T, text string) {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		h.mu.Lock()
		if h.changed == nil {
			h.changed = make(chan struct{})
		}
		changed, there := h.changed, strings.Contains(h.b.String(), text)
		h.mu.Unlock()
		if there {
			return
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("no %q:\n%s", text, h)
		}
	}
}

// devScriptFile writes a script NAME/main.lua and returns its folder.
func devScriptFile(t *testing.T, name, source string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.lua"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// devSession types lines and returns what the terminal shows, and the log.
func devSession(t *testing.T, source string, lines ...string) (shown, logged string) {
	t.Helper()
	dir := devScriptFile(t, "demo", source)
	var out, log heard
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := Dev(ctx, DevOptions{Path: dir, In: strings.NewReader(strings.Join(lines, "\n")), Out: &out, NoWatch: true,
		Log: hclog.New(&hclog.LoggerOptions{Output: &log})})
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), log.String()
}

// inOrder checks that the parts stand in text one after another.
func inOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			t.Errorf("not seen, or not in this order: %q, in:\n%s", part, text)
			return
		}
		rest = after
	}
}

const joins = `
local bridge = require "bridge"
bridge.on("invite", function(evt) intent:join_room(evt.room_id) end)
`

func TestDevShowsRoomsThatTheBridgeMakes(t *testing.T) {
	shown, logged := devSession(t, joins+`
bridge.command("open", function(cmd)
  local p = bridge.portal("lua", { name = "#lua", invite = { cmd.sender } })
  bridge.ghost("Bob", { displayname = "Bob" }):send_text(p.room_id, "welcome")
  print("opened")
end)`, "!open", "/rooms", "/room lua", "/rooms")
	inOrder(t, shown, "you            !open\n", "print          opened\n",
		"  #lua", "you are invited", "── #lua, as @you:bh.test ──", "Bob (ghost)    welcome\n", "you            (join)\n", "  #lua", "3 members\n")
	if !strings.Contains(shown, "→ _bh_demo invites you: /room lua\n") {
		t.Errorf("the invitation was not told:\n%s", shown)
	}
	if logged != "" {
		t.Errorf("the log disturbs the prompt: %s", logged)
	}
}

func TestDevPromptAnswersMistakes(t *testing.T) {
	shown, _ := devSession(t, joins, "/as Bob Smith", "/as _bh_demo", "/as", "/x", "/as @alice:bh.test", "/room #den", "hi", "/json", "/quit", "never said")
	inOrder(t, shown, `! a user cannot be called "Bob Smith"`, "! _bh_demo belongs to the bridge", "? /as needs a name", "? /x is not known here",
		"── #demo, as @alice:bh.test ──", "── #den, as @alice:bh.test ──", "alice          hi\n", `"body": "hi"`)
	if strings.Contains(shown, "never said") {
		t.Error("the session went on after /quit")
	}
}

func TestDevSaysThatTheBotDidNotCome(t *testing.T) {
	shown, _ := devSession(t, `local bridge = require "bridge"`, "hello?")
	inOrder(t, shown, "(_bh_demo is invited and did not come.", `bridge.on("invite"`, "you            hello?\n")
	if shown, _ = devSession(t, joins); strings.Contains(shown, "did not come") {
		t.Errorf("it did come:\n%s", shown)
	}
}

func TestDevOfAScriptThatDoesNotLoad(t *testing.T) {
	begun := time.Now()
	shown, _ := devSession(t, joins+"\nlocal x = ", "hi", "/reload")
	inOrder(t, shown, "main.lua → not loaded; nothing runs, its events wait", "error: main.lua:5:", "nothing runs, see above",
		"you            hi\n", "main.lua loaded again → not loaded", "error: main.lua:5:")
	if took := time.Since(begun); took > 8*time.Second {
		t.Errorf("the prompt waited %s for a script that does not run", took)
	}
}

func TestDevReloadsWhileItRuns(t *testing.T) {
	dir := devScriptFile(t, "demo", joins+`bridge.on("message", function(evt) evt:reply("one") end)`)
	in, typed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var out, log heard
	ended := make(chan error, 1)
	go func() {
		ended <- Dev(t.Context(), DevOptions{Path: dir, In: in, Out: &out, NoWatch: true, Log: hclog.New(&hclog.LoggerOptions{Output: &log})})
	}()
	say := func(line, answer string) {
		t.Helper()
		if _, err := typed.WriteString(line + "\n"); err != nil {
			t.Fatal(err)
		}
		out.await(t, answer)
	}
	say("hi", "_bh_demo       one\n")
	if err := os.WriteFile(filepath.Join(dir, "main.lua"), []byte(joins+`bridge.on("message", function(evt) evt:reply("two") end)`), 0o600); err != nil {
		t.Fatal(err)
	}
	var other heard
	err = Dev(t.Context(), DevOptions{Path: dir, In: strings.NewReader("hi\n"), Out: &other, Log: hclog.NewNullLogger()})
	if ExitCode(err) != ExitInUse || !strings.Contains(err.Error(), "another dev session") {
		t.Errorf("a second session of the same script: %v", err)
	}
	say("/reload", "main.lua loaded again → generation 2 in ")
	say("hi", "_bh_demo       two\n")
	_ = typed.Close()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, ".bridgehost", "dev")); err != nil {
		t.Errorf("the data is not where the manual says: %v", err)
	}
}

func TestDevWithoutAScript(t *testing.T) {
	for path, want := range map[string]string{
		filepath.Join(t.TempDir(), "none"): "there is no script at",
		t.TempDir():                        "a folder with main.lua",
		devScriptFile(t, "bot", joins):     "the host's own",
	} {
		err := Dev(t.Context(), DevOptions{Path: path, In: strings.NewReader(""), Out: &heard{}, Log: hclog.NewNullLogger()})
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
