package host

import (
	"context"
	"io"
)

// typed gives the console of `dev` the lines that are typed at its prompt.
type typed struct {
	ctx    context.Context
	p      *prompt
	prompt string
}

// ReadLine implements LineReader.
func (t *typed) ReadLine() (string, error) {
	t.p.say("%s", t.prompt)
	select {
	case line, ok := <-t.p.lines:
		if !ok {
			return "", io.EOF
		}
		return line, nil
	case <-t.ctx.Done():
		return "", io.EOF
	}
}

// SetPrompt implements LineReader.
func (t *typed) SetPrompt(prompt string) { t.prompt = prompt }

// Read makes it what the console takes; lines come by ReadLine.
func (t *typed) Read([]byte) (int, error) { return 0, io.EOF }

// Write shows what the console answers.
func (t *typed) Write(b []byte) (int, error) {
	t.p.say("%s", b)
	return len(b), nil
}
