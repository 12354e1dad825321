// Package irctest runs a real ngircd for tests, and small IRC clients on it.
//
//	srv := irctest.Start(t)
//	bob := srv.Join(t, "bob", "#lua")
//	bob.Say(t, "#lua", "hello")
//
// Without ngircd on the machine (.ci/debian.sh ngircd installs it) tests are skipped,
// or fail when BRIDGEHOST_REQUIRE_REAL=1.
package irctest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startLimit is how long ngircd may take until it listens, and to end.
const startLimit = time.Minute

// config is ngircd's: no penalties, since tests talk faster than people, and nothing
// that asks the network. IdleTimeout ends a server that a dead test left behind.
const config = `[Global]
Name = irc.test
Info = for tests on loopback only
AdminInfo1 = tests
AdminEMail = tests@irc.test
MotdPhrase = hello
Listen = 127.0.0.1
Ports = %d
[Limits]
MaxPenaltyTime = 0
MaxNickLength = 20
MaxConnectionsIP = 0
MaxJoins = 0
IdleTimeout = 60
[Options]
DNS = no
Ident = no
PAM = no
IncludeDir = %s
`

// Server is an ngircd on a loopback port that it keeps over restarts.
type Server struct {
	Port int

	dir  string
	cmd  *exec.Cmd
	done chan struct{}
}

// Start starts one and waits until it listens; it ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{Port: freePort(t), dir: t.TempDir()}
	if err := os.Mkdir(filepath.Join(s.dir, "more"), 0o755); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(config, s.Port, filepath.Join(s.dir, "more"))
	if err := os.WriteFile(filepath.Join(s.dir, "ngircd.conf"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Stop(t)
		if t.Failed() {
			log := s.Log(t)
			t.Logf("ngircd's log ends with:\n%s", log[max(0, len(log)-3000):])
		}
	})
	s.Run(t)
	return s
}

// program finds ngircd, also where sbin is not in the path, or skips or fails the test.
func program(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"ngircd", "/usr/sbin/ngircd"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const missing = "ngircd is not installed: .ci/debian.sh ngircd installs it"
	if os.Getenv("BRIDGEHOST_REQUIRE_REAL") == "1" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Run starts the server again after Stop and waits until it listens.
func (s *Server) Run(t testing.TB) {
	t.Helper()
	out, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(program(t), "-n", "-f", filepath.Join(s.dir, "ngircd.conf"))
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatalf("start ngircd: %v", err)
	}
	done := make(chan struct{})
	s.cmd, s.done = cmd, done
	go func() { _ = cmd.Wait(); close(done) }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(startLimit); ; {
		conn, err := net.Dial("tcp", s.Address())
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-tick.C:
		case <-done:
			t.Fatalf("ngircd ended while starting:\n%s", s.Log(t))
		case <-limit:
			t.Fatalf("ngircd does not listen at %s after %s:\n%s", s.Address(), startLimit, s.Log(t))
		}
	}
}

// Address is where it listens.
func (s *Server) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.Port) }

// Stop ends the server and waits for that. Stopping twice is fine.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-s.done:
	case <-time.After(startLimit):
		_ = s.cmd.Process.Kill()
		<-s.done
	}
	s.cmd = nil
}

// Log is all that ngircd has said, over restarts.
func (s *Server) Log(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(b)
}

// Logins counts the connections that became a user with this name (the one of USER, which
// stays when the nick is taken), over restarts.
func (s *Server) Logins(t testing.TB, user string) (n int) {
	t.Helper()
	for line := range strings.Lines(s.Log(t)) {
		if strings.Contains(line, "registered (connection") && !strings.Contains(line, "unregistered") && strings.Contains(line, "!~"+user+"@") {
			n++
		}
	}
	return n
}
