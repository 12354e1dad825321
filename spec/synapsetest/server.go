// Package synapsetest runs a real Synapse for tests. Start makes an empty
// homeserver on a free loopback port; it ends with the test, also when the test
// binary dies. Restart keeps its data. A Client is an ordinary user of it.
//
//	hs := synapsetest.Start(t, synapsetest.Options{Registrations: []string{path}})
//	alice := hs.User("alice")
//	room := alice.CreateRoom(map[string]any{"preset": "public_chat"})
//	alice.Text(room, "hello")
//
// The environment BRIDGEHOST_SYNAPSE_PYTHON names the python that has Synapse
// (.ci/synapse.sh installs and prints it). Without it tests are skipped, or fail
// when BRIDGEHOST_REQUIRE_REAL=1.
package synapsetest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startLimit is how long Synapse may take until it answers: 5 s is usual, more on a busy machine.
const startLimit = 2 * time.Minute

// bootstrap runs Synapse and ends it when standard input is closed, that is when
// the test binary is gone for whatever reason.
const bootstrap = `
import os, sys, threading, runpy
def watch():
    os.read(0, 1)
    os._exit(1)
threading.Thread(target=watch, daemon=True).start()
sys.argv = ["homeserver", "-c", sys.argv[1]]
runpy.run_module("synapse.app.homeserver", run_name="__main__")
`

// Options of a Server. The zero value is a homeserver without application services.
type Options struct {
	ServerName    string         // "localhost" when empty
	Registrations []string       // paths of registration files
	Quiet         bool           // a test that fails does not show Synapse's log
	Config        map[string]any // keys of homeserver.yaml that replace the generated ones
}

// Server is a running Synapse. Its methods fail the test on errors; they are for
// the goroutine of the test.
type Server struct {
	URL        string
	ServerName string
	Dir        string // homeserver.yaml, homeserver.db, homeserver.log

	t      testing.TB
	o      Options
	port   int
	python string
	cmd    *exec.Cmd
	stdin  io.Closer
	done   chan struct{} // closed when the process has ended
	output *bytes.Buffer // read only after done
}

// Start starts a Synapse with an empty database and waits until it answers.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := Prepare(t, o)
	s.start()
	return s
}

// Prepare makes a Synapse that does not run yet: its URL is known, and Register or
// Restart starts it.
func Prepare(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{t: t, o: o, python: python(t), port: freePort(t), ServerName: o.ServerName, Dir: t.TempDir()}
	if s.ServerName == "" {
		s.ServerName = "localhost"
	}
	s.URL = fmt.Sprintf("http://127.0.0.1:%d", s.port)
	if err := writeSecrets(s.Dir); err != nil {
		t.Fatalf("write Synapse's signing key: %v", err)
	}
	s.configure()
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() && !o.Quiet {
			t.Logf("end of Synapse's log:\n%s", s.logTail())
		}
	})
	return s
}

func (s *Server) configure() {
	s.t.Helper()
	if err := writeConfig(s.Dir, s.ServerName, s.port, s.o); err != nil {
		s.t.Fatalf("write Synapse's configuration: %v", err)
	}
}

// Register adds a registration file and restarts Synapse, which reads such files
// only when it starts.
func (s *Server) Register(registration string) {
	s.t.Helper()
	s.o.Registrations = append(s.o.Registrations[:len(s.o.Registrations):len(s.o.Registrations)], registration)
	s.configure()
	s.Restart()
}

// Running tells whether Synapse was started and not ended.
func (s *Server) Running() bool { return s.done != nil }

// python finds the interpreter, or skips or fails the test.
func python(t testing.TB) string {
	t.Helper()
	if p := os.Getenv("BRIDGEHOST_SYNAPSE_PYTHON"); p != "" {
		return p
	}
	const missing = "BRIDGEHOST_SYNAPSE_PYTHON is not set: export BRIDGEHOST_SYNAPSE_PYTHON=$(.ci/synapse.sh)"
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
		t.Fatalf("find a free port: %v", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (s *Server) start() {
	s.t.Helper()
	s.output = &bytes.Buffer{}
	s.cmd = exec.Command(s.python, "-c", bootstrap, filepath.Join(s.Dir, "homeserver.yaml"))
	s.cmd.Dir = s.Dir
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	var err error
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		s.t.Fatalf("start Synapse: %v", err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start Synapse with %s: %v", s.python, err)
	}
	done, cmd := make(chan struct{}), s.cmd
	s.done = done
	go func() { cmd.Wait(); close(done) }()
	s.waitReady()
}

// waitReady asks until Synapse answers: it has no other sign that works everywhere.
func (s *Server) waitReady() {
	s.t.Helper()
	limit := time.After(startLimit)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		resp, err := http.Get(s.URL + "/_matrix/client/versions")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-tick.C:
		case <-s.done:
			s.t.Fatalf("Synapse ended while starting:\n%s\n%s", s.output, s.logTail())
		case <-limit:
			s.t.Fatalf("Synapse does not answer at %s after %s:\n%s", s.URL, startLimit, s.logTail())
		}
	}
}

// Stop ends Synapse and waits for that: politely first, after 10 s by force. Stopping twice is fine.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Kill ends Synapse at once, as a crash would.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

func (s *Server) end(sig syscall.Signal) {
	if s.done == nil {
		return
	}
	s.cmd.Process.Signal(sig)
	select {
	case <-s.done:
	case <-time.After(10 * time.Second):
		s.cmd.Process.Kill()
		<-s.done
	}
	s.stdin.Close()
	s.done = nil
}

// Restart stops Synapse and starts it on the same data, port and registrations.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.start()
}

func (s *Server) logTail() string {
	b, err := os.ReadFile(filepath.Join(s.Dir, "homeserver.log"))
	if err != nil {
		return "(no log: " + err.Error() + ")"
	}
	lines := strings.Split(string(b), "\n")
	return strings.Join(lines[max(0, len(lines)-60):], "\n")
}

// RegisterUser makes an ordinary account by the shared secret.
func (s *Server) RegisterUser(localpart string) (userID, accessToken string) {
	s.t.Helper()
	return s.register(localpart, "notadmin")
}

// Admin registers a server administrator and returns its client.
func (s *Server) Admin(localpart string) *Client {
	s.t.Helper()
	id, token := s.register(localpart, "admin")
	return &Client{UserID: id, Token: token, s: s}
}

func (s *Server) register(localpart, role string) (userID, accessToken string) {
	s.t.Helper()
	const path = "/_synapse/admin/v1/register"
	c := &Client{s: s}
	var nonce struct{ Nonce string }
	c.must("GET", path, nil, nil, &nonce)
	mac := hmac.New(sha1.New, []byte(sharedSecret))
	fmt.Fprintf(mac, "%s\x00%s\x00%s\x00%s", nonce.Nonce, localpart, "password", role)
	var made struct {
		UserID      string `json:"user_id"`
		AccessToken string `json:"access_token"`
	}
	c.must("POST", path, nil, map[string]any{
		"nonce": nonce.Nonce, "username": localpart, "password": "password",
		"admin": role == "admin", "mac": hex.EncodeToString(mac.Sum(nil)),
	}, &made)
	return made.UserID, made.AccessToken
}

// User registers an ordinary account and returns its client.
func (s *Server) User(localpart string) *Client {
	s.t.Helper()
	id, token := s.RegisterUser(localpart)
	return &Client{UserID: id, Token: token, s: s}
}
