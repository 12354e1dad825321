package host

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"bridgehost/control"
	"bridgehost/diag"
	"bridgehost/engine"
)

// ConsoleCall is a chunk that is to be evaluated, or to be completed.
type ConsoleCall struct {
	Session string `json:"session"` // made up by the caller; its variables are kept under it
	Script  string `json:"script"`  // "": the only one
	Text    string `json:"text"`
	Final   bool   `json:"final,omitempty"` // an incomplete text is an error
	Color   bool   `json:"color,omitempty"`
}

// ConsoleAnswer is what became of a chunk.
type ConsoleAnswer struct {
	Script     string `json:"script"`
	Generation int    `json:"generation"`
	Fresh      bool   `json:"fresh,omitempty"` // another generation than before: the variables are gone
	More       bool   `json:"more,omitempty"`  // the chunk is not complete
	Printed    string `json:"printed,omitempty"`
	Results    string `json:"results,omitempty"`
	Error      string `json:"error,omitempty"` // as people read it
}

// Completions are texts that may each replace what is typed from byte Start on.
type Completions struct {
	Start int      `json:"start"`
	Names []string `json:"names"`
}

// consolesMost is how many sessions keep variables; the one that is quiet for longest
// goes for a new one.
const consolesMost = 16

// consoles are the sessions of the console.
type consoles struct {
	mu       sync.Mutex
	sessions map[consoleKey]*consoleSession
}

type consoleKey struct{ session, script string }

type consoleSession struct {
	console *engine.Console
	used    time.Time
}

// of finds a session, or makes it.
func (c *consoles) of(s *script, session string, now time.Time) *engine.Console {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := consoleKey{session, s.Name}
	if known := c.sessions[key]; known != nil {
		known.used = now
		return known.console
	}
	if len(c.sessions) >= consolesMost {
		var oldest consoleKey
		for k, s := range c.sessions {
			if o := c.sessions[oldest]; o == nil || s.used.Before(o.used) {
				oldest = k
			}
		}
		delete(c.sessions, oldest)
	}
	if c.sessions == nil {
		c.sessions = map[consoleKey]*consoleSession{}
	}
	c.sessions[key] = &consoleSession{s.NewConsole(), now}
	return c.sessions[key].console
}

// end forgets a session's variables.
func (c *consoles) end(session string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.sessions {
		if k.session == session {
			delete(c.sessions, k)
		}
	}
}

// consoleScript is the script that is meant: the only one need not be named.
func (h *Host) consoleScript(name string) (*script, error) {
	if all := h.all(); name == "" && len(all) != 1 {
		return nil, &control.Error{Message: "which script? See: bridgehost status", Exit: 2}
	}
	scripts, err := h.named(name)
	if err != nil {
		return nil, err
	}
	return scripts[0], nil
}

// ConsoleHistory is the file that keeps what was typed at the console.
func (c *Config) ConsoleHistory() string { return filepath.Join(c.Data, "console_history") }

// evaluate answers CallConsole.
func (h *Host) evaluate(ctx context.Context, in ConsoleCall) (ConsoleAnswer, error) {
	s, err := h.consoleScript(in.Script)
	if err != nil {
		return ConsoleAnswer{}, err
	}
	got := h.consoles.of(s, in.Session, h.clock.Now()).Eval(ctx, in.Text, in.Final)
	out := ConsoleAnswer{Script: s.Name, Generation: got.Generation, Fresh: got.Fresh, More: got.More, Printed: got.Printed, Results: got.Results}
	if got.Err != nil {
		out.Error = diag.Render(got.Err, diag.Files(got.Sources), diag.Options{Color: in.Color})
	}
	return out, nil
}

// complete answers CallComplete.
func (h *Host) complete(ctx context.Context, in ConsoleCall) (Completions, error) {
	s, err := h.consoleScript(in.Script)
	if err != nil {
		return Completions{}, err
	}
	start, names := h.consoles.of(s, in.Session, h.clock.Now()).Complete(ctx, in.Text)
	return Completions{start, names}, nil
}

// consoleEnds answers CallConsoleEnds.
func (h *Host) consoleEnds(_ context.Context, in ConsoleCall) (struct{}, error) {
	h.consoles.end(in.Session)
	return struct{}{}, nil
}
