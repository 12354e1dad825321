package story

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// waitLimit is how long the story waits for what must come.
const waitLimit = 2 * time.Minute

// process is a bridgehost in the background, with its input and all that it prints.
type process struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	done chan struct{}

	mu   sync.Mutex
	text bytes.Buffer
	read int           // of text, by shows
	news chan struct{} // closed and replaced when text grows
}

func launch(ts *testscript.TestScript, args []string) *process {
	p := &process{cmd: exec.Command(ts.Getenv("BRIDGEHOST"), args...), done: make(chan struct{}), news: make(chan struct{})}
	p.cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "PATH", "TMPDIR", "GOCOVERDIR", "BRIDGEHOST_CONFIG", "NO_COLOR", "XDG_CONFIG_HOME"} {
		p.cmd.Env = append(p.cmd.Env, name+"="+ts.Getenv(name))
	}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	var err error
	p.in, err = p.cmd.StdinPipe()
	ts.Check(err)
	ts.Check(p.cmd.Start())
	go func() { _ = p.cmd.Wait(); close(p.done) }() // how it ended, ends asks
	ts.Defer(func() { p.end(os.Kill) })
	return p
}

// Write takes what it prints.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.news)
	p.news = make(chan struct{})
	return p.text.Write(b)
}

func (p *process) said() string { p.mu.Lock(); defer p.mu.Unlock(); return p.text.String() }

// shows waits for a pattern behind what was waited for before.
func (p *process) shows(ts *testscript.TestScript, pattern string) {
	re, err := regexp.Compile(`(?m)` + pattern)
	ts.Check(err)
	limit := time.NewTimer(waitLimit)
	defer limit.Stop()
	for ended := false; ; {
		p.mu.Lock()
		at, news := re.FindIndex(p.text.Bytes()[p.read:]), p.news
		if at != nil {
			p.read += at[1]
		}
		p.mu.Unlock()
		if at != nil {
			return
		}
		if ended {
			ts.Fatalf("it has ended and did not print %s:\n%s", pattern, p.said())
		}
		select {
		case <-news:
		case <-p.done:
			ended = true
		case <-limit.C:
			ts.Fatalf("after %s it did not print %s:\n%s", waitLimit, pattern, p.said())
		}
	}
}

func (p *process) typed(ts *testscript.TestScript, line string) {
	_, err := io.WriteString(p.in, line+"\n")
	ts.Check(err)
}

// ends waits for its end.
func (p *process) ends(ts *testscript.TestScript, want int) {
	select {
	case <-p.done:
	case <-time.After(waitLimit):
		ts.Fatalf("it still runs after %s:\n%s", waitLimit, p.said())
	}
	if got := p.cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("exit code %d, want %d:\n%s", got, want, strings.TrimSpace(p.said()))
	}
}

func (p *process) end(s os.Signal) {
	_ = p.cmd.Process.Signal(s) // it may have ended
	<-p.done
}
