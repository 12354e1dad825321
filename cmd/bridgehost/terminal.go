package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"bridgehost/internal/host"
)

// terminal reads lines from a person, with history and completion. The terminal is raw
// only while a line is being typed, so that Ctrl-C works while one is evaluated.
type terminal struct {
	*term.Terminal
	history *history
}

func newTerminal(historyFile string) *terminal {
	t := &terminal{term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{os.Stdin, os.Stdout}, ""), readHistory(historyFile)}
	t.History = t.history
	return t
}

// ReadLine implements host.LineReader.
func (t *terminal) ReadLine() (string, error) {
	fd := int(os.Stdin.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return "", fmt.Errorf("the terminal: %w", err)
	}
	defer term.Restore(fd, before) //nolint:errcheck // there is nothing else to do
	if w, h, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		_ = t.SetSize(w, h) // as before, then
	}
	line, err := t.Terminal.ReadLine()
	if err != nil {
		fmt.Print("\r\n")
	}
	return line, err
}

// completeWith makes the tab key complete.
func (t *terminal) completeWith(complete func(string) host.Completions) {
	t.AutoCompleteCallback = func(line string, pos int, key rune) (string, int, bool) {
		if key != '\t' {
			return "", 0, false
		}
		c := complete(line[:pos])
		if len(c.Names) == 0 || c.Start > pos {
			return line, pos, true
		}
		common := commonPrefix(c.Names)
		if c.Start+len(common) > pos {
			return line[:c.Start] + common + line[pos:], c.Start + len(common), true
		}
		if len(c.Names) > 1 {
			fmt.Fprintln(t.Terminal, strings.Join(c.Names, "  "))
		}
		return line, pos, true
	}
}

func commonPrefix(names []string) string {
	p := names[0]
	for _, n := range names[1:] {
		for !strings.HasPrefix(n, p) {
			p = p[:len(p)-1]
		}
	}
	return p
}

// historyMost is how many lines are remembered.
const historyMost = 1000

// history is what was typed, oldest first, also over restarts.
type history struct {
	path  string
	lines []string
}

func readHistory(path string) *history {
	h := &history{path: path}
	text, err := os.ReadFile(path)
	if err != nil {
		return h // the first time, or without one
	}
	for line := range strings.Lines(string(text)) {
		h.lines = append(h.lines, strings.TrimRight(line, "\n"))
	}
	h.lines = h.lines[max(0, len(h.lines)-historyMost):]
	return h
}

// Add implements term.History.
func (h *history) Add(line string) {
	if line == "" || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	h.lines = h.lines[max(0, len(h.lines)-historyMost):]
	_ = os.WriteFile(h.path, []byte(strings.Join(h.lines, "\n")+"\n"), 0o600) // it is a comfort only
}

// Len implements term.History.
func (h *history) Len() int { return len(h.lines) }

// At implements term.History: 0 is the newest.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }
