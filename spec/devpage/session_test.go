package devpage

import (
	"bufio"
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

// session is a `bridgehost dev` on a copy of the echo example.
type session struct {
	t    testing.TB
	file string // echo.lua
	url  string // of the page, with its key

	mu  sync.Mutex
	out strings.Builder
}

var address = regexp.MustCompile(`http://127\.0\.0\.1:\d+/\?k=\S+`)

// dev starts the session and waits for the address of its page.
func dev(t testing.TB) *session {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "echo")
	if err := os.CopyFS(dir, os.DirFS("../../scripts/examples/echo")); err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, file: filepath.Join(dir, "echo.lua")}
	cmd := exec.Command(bridgetest.Binary(t), "dev", dir, "--listen", "127.0.0.1:0")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found, ended := make(chan string, 1), make(chan struct{})
	go func() { s.read(out, found); close(ended) }()
	t.Cleanup(func() {
		in.Close()
		<-ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("dev ended with %v", err)
		}
		if t.Failed() {
			t.Logf("the terminal:\n%s", s.terminal())
		}
	})
	select {
	case s.url = <-found:
	case <-time.After(limit):
		t.Fatalf("no address of the page:\n%s", s.terminal())
	}
	return s
}

func (s *session) read(out io.Reader, found chan<- string) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		s.mu.Lock()
		s.out.WriteString(lines.Text() + "\n")
		s.mu.Unlock()
		if url := address.FindString(lines.Text()); url != "" {
			found <- url
		}
	}
}

func (s *session) terminal() string { s.mu.Lock(); defer s.mu.Unlock(); return s.out.String() }

// save replaces a part of the script, as an editor does.
func (s *session) save(before, after string) {
	s.t.Helper()
	text, err := os.ReadFile(s.file)
	if err != nil {
		s.t.Fatal(err)
	}
	if !strings.Contains(string(text), before) {
		s.t.Fatalf("the script has no %q", before)
	}
	if err := os.WriteFile(s.file, []byte(strings.Replace(string(text), before, after, 1)), 0o644); err != nil {
		s.t.Fatal(err)
	}
}
