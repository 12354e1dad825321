package synapse

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bridgehost/spec/bridgetest"
	"bridgehost/spec/synapsetest"
)

// TestSetup: from nothing to a bridge that answers, with Synapse restarted while setup waits.
func TestSetup(t *testing.T) {
	hs := synapsetest.Start(t, synapsetest.Options{})
	alice := hs.User("alice")
	dir := t.TempDir()
	listen := freeAddress(t)

	s := startSetup(t, dir, "--listen", listen, "--no-input",
		"--homeserver", hs.URL, "--user", alice.UserID, "--reach", "same")
	s.says("as_token          not accepted yet")
	s.cmd.Process.Signal(os.Interrupt) //nolint:errcheck // its end is waited for
	if code := s.ends(); code != 130 {
		t.Errorf("interrupted it ends with exit code %d", code)
	}

	s = startSetup(t, dir)
	s.says("as_token          not accepted yet")
	hs.Register(filepath.Join(dir, "registration.yaml")) // restarts Synapse
	s.says("as_token          ✓ we are @_bh_bot:" + hs.ServerName)
	s.says("server → bridge   ✓ ping ")
	if code := s.ends(); code != 0 || !strings.Contains(s.text, "Ready.  bridgehost run") {
		t.Fatalf("exit code %d:\n%s", code, s.text)
	}
	if out, err := bridgehost(t, dir, "registration", "verify").CombinedOutput(); err != nil || !strings.Contains(string(out), "ok    server → bridge") {
		t.Errorf("verify: %v\n%s", err, out)
	}

	script := `require("bridge").on("message", function(evt) evt:reply("re: " .. evt.text) end)
require("bridge").on("invite", function(evt) intent:join_room(evt.room_id) end)`
	if err := os.WriteFile(filepath.Join(dir, "scripts", "echo.lua"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	run := bridgehost(t, dir, "run")
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = run.Process.Kill(); _ = run.Wait() })
	bridgetest.Eventually(t, "the host runs", func() bool { return bridgehost(t, dir, "status").Run() == nil })
	you := bridgetest.SynapseUser(alice)
	room := you.CreateRoom(t, "public_chat", "@_bh_echo:"+hs.ServerName)
	bridgetest.Eventually(t, "the bot is in the room", func() bool { return you.Membership(t, room, "@_bh_echo:"+hs.ServerName) == "join" })
	you.Say(t, room, "hello")
	you.WaitMessages(t, room, func(all []bridgetest.Message) bool {
		for _, m := range all {
			if strings.Contains(m.Body, "re: hello") {
				return true
			}
		}
		return false
	})
}

// bridgehost is the command in a folder without any configuration but its own.
func bridgehost(t *testing.T, dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(bridgetest.Binary(t), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "BRIDGEHOST_CONFIG=", "XDG_CONFIG_HOME="+dir)
	return cmd
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// setup is a running `bridgehost setup`.
type setup struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string
	text  string
}

func startSetup(t *testing.T, dir string, args ...string) *setup {
	s := &setup{t: t, cmd: bridgehost(t, dir, append([]string{"setup"}, args...)...), lines: make(chan string, 1000)}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stdout, s.cmd.Stderr = w, w
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	go func() {
		defer close(s.lines)
		for scanner := bufio.NewScanner(r); scanner.Scan(); {
			s.lines <- scanner.Text()
		}
	}()
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	return s
}

// says waits for a line that contains text.
func (s *setup) says(text string) {
	s.t.Helper()
	limit := time.After(2 * time.Minute)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				s.t.Fatalf("it ended without %q:\n%s", text, s.text)
			}
			s.text += line + "\n"
			if strings.Contains(line, text) {
				return
			}
		case <-limit:
			s.t.Fatalf("it does not say %q:\n%s", text, s.text)
		}
	}
}

// ends waits for its end and returns its exit code.
func (s *setup) ends() int {
	for line := range s.lines {
		s.text += line + "\n"
	}
	_ = s.cmd.Wait() // the exit code tells
	s.t.Logf("setup said:\n%s", s.text)
	return s.cmd.ProcessState.ExitCode()
}
