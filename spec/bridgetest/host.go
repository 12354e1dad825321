package bridgetest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var build struct {
	once sync.Once
	path string
	err  error
}

// Binary builds bridgehost once a test run and returns its path. With
// BRIDGEHOST_BINARY set, that one is taken.
func Binary(t testing.TB) string {
	t.Helper()
	build.once.Do(func() {
		if build.path = os.Getenv("BRIDGEHOST_BINARY"); build.path != "" {
			return
		}
		dir, err := os.MkdirTemp("", "bridgehost-test-")
		if err != nil {
			build.err = err
			return
		}
		build.path = filepath.Join(dir, "bridgehost")
		out, err := exec.Command("go", "build", "-o", build.path, "bridgehost/cmd/bridgehost").CombinedOutput()
		if err != nil {
			build.err = fmt.Errorf("build bridgehost: %w\n%s", err, out)
		}
	})
	if build.err != nil {
		t.Fatal(build.err)
	}
	return build.path
}

// Host is a bridgehost with a folder of its own, which can be started and killed again and again.
type Host struct {
	Dir    string // holds bridgehost.toml, registration.yaml, scripts/ and data/
	Config string
	binary string
	// program is what Start starts, "" for binary, and env its further environment.
	program string
	env     []string

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{}
	log    bytes.Buffer
	news   chan struct{} // closed and replaced when the log grows
}

// NewHost makes the folder: a configuration for hs, and a registration that
// `registration write` made and hs was told of. more is appended to bridgehost.toml.
func NewHost(t testing.TB, hs Homeserver, more string) *Host {
	t.Helper()
	h := &Host{Dir: t.TempDir(), binary: Binary(t), news: make(chan struct{})}
	h.Config = filepath.Join(h.Dir, "bridgehost.toml")
	if err := os.Mkdir(filepath.Join(h.Dir, "scripts"), 0o755); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("[admin]\nlisten = \"\"\n\n[homeserver]\nurl = %q\nname = %q\n\n[appservice]\nlisten = %q\n%s\n", hs.URL(), hs.Name(), freeAddress(t), more)
	if err := os.WriteFile(h.Config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	h.Run(t, "registration", "write")
	hs.Register(t, filepath.Join(h.Dir, "registration.yaml"))
	t.Cleanup(func() {
		h.Kill()
		if t.Failed() {
			t.Logf("bridgehost's log ends with:\n%s", tail(h.Log(), 6000))
		}
	})
	return h
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

func freeAddress(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Save writes a script's file, as an editor without tricks does.
func (h *Host) Save(t testing.TB, name, text string) {
	t.Helper()
	path := filepath.Join(h.Dir, "scripts", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Run runs a subcommand to its end and returns its standard output; the test fails when it does.
func (h *Host) Run(t testing.TB, args ...string) string {
	t.Helper()
	out, code := h.Try(t, args...)
	if code != 0 {
		t.Fatalf("bridgehost %s: exit code %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// Try runs a subcommand to its end and returns its output and exit code.
func (h *Host) Try(t testing.TB, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(h.binary, append([]string{"--config", h.Config}, args...)...)
	cmd.Dir = h.Dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, failed := err.(*exec.ExitError); err != nil && !failed {
		t.Fatal(err)
	}
	if cmd.ProcessState.ExitCode() != 0 {
		return stdout.String() + stderr.String(), cmd.ProcessState.ExitCode()
	}
	return stdout.String(), 0
}

// Start runs `bridgehost run` and returns when it serves.
func (h *Host) Start(t testing.TB) {
	t.Helper()
	program := h.program
	if program == "" {
		program = h.binary
	}
	cmd := exec.Command(program, "--config", h.Config, "run", "--log-format", "json")
	cmd.Dir = h.Dir
	cmd.Env = append(os.Environ(), h.env...)
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited, ready := make(chan struct{}), make(chan struct{})
	h.mu.Lock()
	h.cmd, h.exited = cmd, exited
	h.mu.Unlock()
	go h.read(pipe, ready, func() { _ = cmd.Wait(); close(exited) })
	select {
	case <-ready:
	case <-exited:
		t.Fatalf("bridgehost ended at once:\n%s", tail(h.Log(), 4000))
	case <-time.After(time.Minute):
		t.Fatalf("bridgehost is not ready after a minute:\n%s", tail(h.Log(), 4000))
	}
}

// read keeps the log and closes ready at the line that says that the host serves.
func (h *Host) read(pipe io.Reader, ready chan struct{}, ended func()) {
	defer ended()
	lines := bufio.NewScanner(pipe)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		h.mu.Lock()
		h.log.Write(lines.Bytes())
		h.log.WriteByte('\n')
		close(h.news)
		h.news = make(chan struct{})
		h.mu.Unlock()
		var line struct {
			Message string `json:"@message"`
		}
		if ready != nil && json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "serving" {
			close(ready)
			ready = nil
		}
	}
}

// Instead makes another program take the place of bridgehost when Start is called, with these
// further variables in its environment.
func (h *Host) Instead(program string, env ...string) { h.program, h.env = program, env }

// Log is all that the host has logged.
func (h *Host) Log() string { h.mu.Lock(); defer h.mu.Unlock(); return h.log.String() }

// WaitLog waits for a line with a message that begins with one of the given ones, after
// the first since bytes of the log.
func (h *Host) WaitLog(t testing.TB, since int, messages ...string) {
	t.Helper()
	limit := time.After(newsLimit)
	for {
		h.mu.Lock()
		news, text := h.news, h.log.Bytes()[since:]
		found := slices.ContainsFunc(messages, func(m string) bool { return bytes.Contains(text, []byte(`"@message":"`+m)) })
		h.mu.Unlock()
		if found {
			return
		}
		select {
		case <-news:
		case <-limit:
			t.Fatalf("%s, and bridgehost's log does not say %q", newsLimit, messages)
		}
	}
}

// Kill is kill -9; it returns when the process is gone.
func (h *Host) Kill() {
	h.mu.Lock()
	cmd, exited := h.cmd, h.exited
	h.cmd = nil
	h.mu.Unlock()
	if cmd != nil {
		_ = cmd.Process.Kill() // it may have ended by itself
		<-exited
	}
}

// Stop interrupts the host and returns its exit code when it has ended.
func (h *Host) Stop(t testing.TB) int {
	t.Helper()
	h.mu.Lock()
	cmd, exited := h.cmd, h.exited
	h.cmd = nil
	h.mu.Unlock()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-exited
	return cmd.ProcessState.ExitCode()
}

// PID is the running process's.
func (h *Host) PID() int { h.mu.Lock(); defer h.mu.Unlock(); return h.cmd.Process.Pid }
