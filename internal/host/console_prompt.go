package host

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"bridgehost/control"
)

// LineReader is where the console's lines come from; golang.org/x/term.Terminal is one.
type LineReader interface {
	ReadLine() (string, error) // io.EOF at the end
	SetPrompt(prompt string)
}

// ConsoleOptions are what the command line says of a console.
type ConsoleOptions struct {
	Script string
	Lines  LineReader
	Live   bool // a person types: help is offered, and two empty lines end an incomplete chunk
	Color  bool
	// Show is handed each answer; an error ends the console.
	Show func(ConsoleAnswer) error
	Out  io.Writer // for what is not an answer
	// Completer is handed the function that completes what is typed. May be nil.
	Completer func(complete func(text string) Completions)
}

const consoleHelp = `An expression is evaluated and shown; statements are run. Each chunk may wait, as a handler
does: intent:send_text(ROOM, "hello"). What is not complete goes on in the next line; two
empty lines end it.
  x = 1 keeps x for the next lines, until the script is reloaded; it does not change the script.
  Globals of the script can be read, and those locals of its main file that its handlers use;
  locals of other files and of functions cannot. local x = 1 is gone with its line.
  .help   this                .quit   the end (or Ctrl-D)
  Tab     completes names     Ctrl-C  ends the console, and what it waits for
`

// Console is a Lua prompt inside a script of the host that runs with cfg. It returns at
// .quit, at the end of the lines, or when ctx ends.
func Console(ctx context.Context, cfg Config, o ConsoleOptions) error {
	return consoleLoop(ctx, o, func(ctx context.Context, name string, in ConsoleCall, out any) error {
		return Call(ctx, cfg, name, in, out)
	})
}

// console is Console inside of this process, for `dev`: lines come from in (a LineReader
// is used as it is), and answers go to out.
func (h *Host) console(ctx context.Context, script string, in io.Reader, out io.Writer) error {
	lines, ok := in.(LineReader)
	if !ok {
		lines = NewLineReader(in, out)
	}
	o := ConsoleOptions{Script: script, Lines: lines, Live: true, Out: out, Color: h.opts.Color,
		Show: func(a ConsoleAnswer) error { _, err := io.WriteString(out, a.Text()); return err }}
	return consoleLoop(ctx, o, func(ctx context.Context, name string, in ConsoleCall, out any) error {
		var err error
		switch out := out.(type) {
		case *ConsoleAnswer:
			*out, err = h.evaluate(ctx, in)
		case *Completions:
			*out, err = h.complete(ctx, in)
		default:
			h.consoles.end(in.Session)
		}
		return err
	})
}

// consolePatience is how long a chunk runs before the console says that it waits.
const consolePatience = 300 * time.Millisecond

// asking hands a call to the host.
type asking func(ctx context.Context, name string, in ConsoleCall, out any) error

func consoleLoop(ctx context.Context, o ConsoleOptions, ask asking) error {
	call := ConsoleCall{Session: rand.Text(), Script: o.Script, Color: o.Color}
	var now ConsoleAnswer
	if err := ask(ctx, CallConsole, call, &now); err != nil { // an empty chunk: who is there?
		return err
	}
	if now.Error != "" {
		return &control.Error{Message: strings.TrimSpace(now.Error), Exit: ExitScript}
	}
	call.Script = now.Script
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = ask(ctx, CallConsoleEnds, call, nil) // it ends with the host anyhow
	}()
	if o.Live {
		fmt.Fprintf(o.Out, "Lua inside %s, generation %d. %s\n", now.Script, now.Generation, ".help, .quit")
	}
	if o.Completer != nil {
		o.Completer(func(text string) Completions {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			var c Completions
			in := call
			in.Text = text
			_ = ask(ctx, CallComplete, in, &c) // nothing is offered then
			return c
		})
	}
	text, empty := "", 0
	for {
		o.Lines.SetPrompt(now.prompt(text != ""))
		line, err := nextLine(ctx, o.Lines)
		end := errors.Is(err, io.EOF)
		if err != nil && (!end || text == "") {
			if end {
				return nil
			}
			return err
		}
		if empty++; strings.TrimSpace(line) != "" {
			empty = 0
		}
		if text == "" {
			switch strings.TrimSpace(line) {
			case "":
				continue
			case ".quit":
				return nil
			case ".help":
				fmt.Fprint(o.Out, consoleHelp)
				continue
			}
			text = line
		} else if !end {
			text += "\n" + line
		}
		call.Text, call.Final = text, end || o.Live && empty >= 2
		var got ConsoleAnswer
		waiting := time.AfterFunc(consolePatience, func() { fmt.Fprintln(o.Out, "waiting for it (Ctrl-C ends) …") })
		err = ask(ctx, CallConsole, call, &got)
		waiting.Stop()
		if err != nil {
			return err
		}
		now.Generation = got.Generation
		if got.More {
			continue
		}
		text = ""
		if got.Fresh {
			fmt.Fprintf(o.Out, "(generation %d runs now; the console's variables are gone)\n", got.Generation)
		}
		if err := o.Show(got); err != nil {
			return err
		}
		if end {
			return nil
		}
	}
}

// prompt is "echo#3> ", or as long below it.
func (a ConsoleAnswer) prompt(more bool) string {
	p := fmt.Sprintf("%s#%d> ", a.Script, a.Generation)
	if more {
		p = strings.Repeat(".", len(p)-2) + "> "
	}
	return p
}

// Text is the answer for reading; "" when there is nothing to show.
func (a ConsoleAnswer) Text() string {
	text := a.Printed
	if a.Results != "" {
		text += a.Results + "\n"
	}
	return text + a.Error
}

// nextLine waits for a line, or the end of ctx.
func nextLine(ctx context.Context, lines LineReader) (string, error) {
	type read struct {
		line string
		err  error
	}
	got := make(chan read, 1)
	go func() {
		line, err := lines.ReadLine()
		got <- read{line, err}
	}()
	select {
	case r := <-got:
		return r.line, r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// plainLines reads lines of any input.
type plainLines struct {
	in     *bufio.Scanner
	out    io.Writer // for the prompt; nil: none is shown
	prompt string
}

// NewLineReader reads lines from in and shows the prompt on out, if that is not nil.
func NewLineReader(in io.Reader, out io.Writer) LineReader {
	s := bufio.NewScanner(in)
	s.Buffer(nil, 1<<20)
	return &plainLines{in: s, out: out}
}

// SetPrompt implements LineReader.
func (p *plainLines) SetPrompt(prompt string) { p.prompt = prompt }

// ReadLine implements LineReader.
func (p *plainLines) ReadLine() (string, error) {
	if p.out != nil {
		fmt.Fprint(p.out, p.prompt)
	}
	if p.in.Scan() {
		return p.in.Text(), nil
	}
	if err := p.in.Err(); err != nil {
		return "", err
	}
	return "", io.EOF
}
