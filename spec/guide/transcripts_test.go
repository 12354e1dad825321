package guide

import (
	"errors"
	"fmt"
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

// waitLimit is how long a transcript waits for what must come.
const waitLimit = 20 * time.Second

// anything is a line in a transcript that stands for any number of lines.
const anything = "…"

// variable is what differs from run to run.
var variable = []struct {
	from *regexp.Regexp
	to   string
}{
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d\b`), "DATE"},
	{regexp.MustCompile(`\b\d\d:\d\d(:\d\d)?\b`), "TIME"},
	{regexp.MustCompile(`\b\d+(\.\d+)? ?(ms|µs|s)\b`), "SPAN"},
	{regexp.MustCompile(`\b[0-9a-f]{8}\b`), "HASH"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "ADDRESS"},
	{regexp.MustCompile(`\?k=\w+`), "?k=KEY"},
	{regexp.MustCompile(`bridgehost \d+\.\d+\.\d+(-\w+)?`), "bridgehost VERSION"},
	{regexp.MustCompile(`\$[A-Za-z0-9_-]{6,}(\.\.\.)?`), "$$EVENT"},
	{regexp.MustCompile(`![A-Za-z0-9_-]{6,}(:[a-z.]+)?(\.\.\.)?`), "!ROOM"},
	{regexp.MustCompile(`(?m)[ \t]+$`), ""},
}

func normal(text string) string {
	for _, v := range variable {
		text = v.from.ReplaceAllString(text, v.to)
	}
	return text
}

// transcript is a block, and how many versions of each script the page has shown before it.
type transcript struct {
	text string
	at   map[string]int
}

// transcript runs the commands of a block, which stand behind "$ ", and compares what they print.
// What commands such as status say of a running host is compared in home_test.go.
func (c *chapter) transcript(t *testing.T, tr transcript) {
	t.Helper()
	dir := c.dir
	for name, n := range tr.at {
		c.write(t, name, c.versions[name][n-1])
	}
	for _, part := range strings.Split("\n"+tr.text, "\n$ ")[1:] {
		line, want, _ := strings.Cut(part, "\n")
		args := strings.Fields(line)
		switch {
		case args[0] == "cd":
			dir = filepath.Join(dir, args[1])
		case args[0] != "bridgehost":
			t.Errorf("%s: a transcript runs bridgehost, not %s", c.name, line)
		case len(args) > 1 && args[1] == "dev":
			c.dev(t, dir, args[2:], want)
		case len(args) == 2 && args[1] == "setup":
			c.setup(t, want)
		case c.atHome(args):
			c.home(t, args[1:], want)
		default:
			for name, n := range tr.at {
				if n > 1 && args[1] == "test" {
					c.run[fmt.Sprintf("%d/%s", n, name)] = true
				}
			}
			cmd := exec.Command(bridgetest.Binary(t), args[1:]...)
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			var ended *exec.ExitError
			if err != nil && !errors.As(err, &ended) {
				t.Fatal(err)
			}
			compare(t, c.name+": "+line, string(out), want)
		}
	}
}

// compare holds what was printed against the transcript.
func compare(t *testing.T, what, got, want string) {
	t.Helper()
	if !same(got, want) {
		t.Errorf("%s prints\n%s\nand the guide shows\n%s", what, normal(got), normal(want))
	}
}

func same(got, want string) bool {
	pattern := "^\n*"
	for line := range strings.SplitSeq(strings.Trim(normal(want), "\n"), "\n") {
		if line == anything {
			pattern += `(?:.*\n)*?`
		} else {
			pattern += regexp.QuoteMeta(line) + "\n"
		}
	}
	return regexp.MustCompile(pattern + "\n*$").MatchString(normal(got))
}

// printed is what lines that dev prints begin with; all other lines of its transcript are typed.
// At a terminal what one types stands there as it is; here dev says who has said it.
var (
	printed = regexp.MustCompile(`^(_bh_|you  |print  |\d\d:\d\d:\d\d |[ \t]|error|── |.* \(ghost\) |.*_spec\.lua )`)
	key     = regexp.MustCompile(`^([rtceq]|/.*)$`)
	changed = regexp.MustCompile(`^\d\d:\d\d:\d\d ([\w-]+\.lua) changed`)
)

// dev plays a session: lines are typed, and before it is told that a script changed its next version is saved.
func (c *chapter) dev(t *testing.T, dir string, args []string, want string) {
	t.Helper()
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	if script := filepath.Base(dir) + ".lua"; name == "" && c.versions[script] != nil { // made by `new`
		text, err := os.ReadFile(filepath.Join(dir, script))
		if err != nil || string(text) != c.versions[script][0] {
			t.Errorf("%s: %s is not what the page shows (%v):\n%s", c.name, script, err, text)
		}
		c.run[script] = true
	}
	if strings.HasSuffix(name, ".lua") { // a folder of its own keeps data of sessions apart
		dir = t.TempDir()
		saveVersion(t, dir, name, c.versions[name][0])
		c.run[name] = true
	}
	cmd := exec.Command(bridgetest.Binary(t), append([]string{"dev", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Dir = dir
	s := begin(t, cmd)
	s.wait(`Write a message.*\n`)
	head, session, _ := strings.Cut(want, "Write a message")
	rest, session, _ := strings.Cut(session, "\n")
	expected := head + "Write a message" + rest + "\n"
	if session == "" { // what comes before is left out
		expected, session = anything+"\nWrite a message, or /help. Save the script, and the next line is answered by the new version.\n", want
	}
	version, typed := map[string]int{}, []string(nil)
	for line := range strings.Lines(session) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "" || line == anything:
			expected += line + "\n"
		case !printed.MatchString(line):
			s.say(line)
			if !key.MatchString(line) {
				typed = append(typed, "\nyou            "+line+"\n")
			}
		default:
			if m := changed.FindStringSubmatch(line); m != nil {
				version[m[1]]++
				n := version[m[1]]
				if n >= len(c.versions[m[1]]) {
					t.Fatalf("%s: there is no version %d of %s", c.name, n+1, m[1])
				}
				saveVersion(t, dir, m[1], c.versions[m[1]][n])
				c.run[fmt.Sprintf("%d/%s", n+1, m[1])] = true
			}
			s.wait(regexp.QuoteMeta(strings.TrimSpace(normal(line))))
			expected += line + "\n"
		}
	}
	s.end()
	got := s.text
	for _, line := range typed { // an error of the script may overtake it
		before, after, ok := strings.Cut(got, line)
		if !ok {
			t.Errorf("%s: dev does not show what was typed: %s", c.name, line)
		}
		got = before + "\n" + after
	}
	compare(t, c.name+": dev", got, expected)
}

func saveVersion(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// process is a bridgehost at whose prompt the test types.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	input io.WriteCloser

	mu   sync.Mutex
	text string
	news chan struct{}
	seen int // up to where wait has read, in the normal form
}

func begin(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: cmd, input: in, news: make(chan struct{}, 1)}
	cmd.Stdout, cmd.Stderr = p, p
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return p
}

// Write takes what the process prints.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text += string(b)
	select {
	case p.news <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (p *process) say(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.input, line+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

// wait waits for what matches next in what is printed, in its normal form.
func (p *process) wait(pattern string) {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	limit := time.After(waitLimit)
	for {
		p.mu.Lock()
		text := normal(p.text)
		p.mu.Unlock()
		if at := re.FindStringIndex(text[min(p.seen, len(text)):]); at != nil {
			p.seen += at[1]
			return
		}
		select {
		case <-p.news:
		case <-limit:
			p.t.Fatalf("not printed: %s\nin\n%s", pattern, text)
		}
	}
}

// end closes the prompt and waits for the end.
func (p *process) end() {
	p.t.Helper()
	p.input.Close()
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("%s ended with %v", p.cmd.Args, err)
	}
}
