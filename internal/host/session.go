package host

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"

	"bridgehost/devpage"
	"bridgehost/devserver"
	"bridgehost/diag"
	"bridgehost/engine"
	"bridgehost/matrix"
)

// session is one run of `dev`: it tells terminal and chat page what the script does, and
// does what their keys and buttons ask for. It is the host's Reporter and the page's Host.
type session struct {
	found    found
	file     string // what runs: "echo.lua"
	noWatch  bool
	hs       *devserver.Server
	activity *activity
	prompt   *prompt
	log      hclog.Logger
	h        *Host         // set by openPage, as page is
	page     *devpage.Page //

	mu     sync.Mutex
	before map[string]string // the files as they were last loaded or refused
}

func newSession(f found, o DevOptions, hs *devserver.Server, clock clockwork.Clock) *session {
	s := &session{found: f, file: f.name, noWatch: o.NoWatch, hs: hs, log: o.Log, activity: newActivity(clock)}
	if src, _, err := f.read(nil); err == nil {
		s.file = src.Main
	}
	s.prompt = newPrompt(s, hs, f.name, o.In, o.Out)
	return s
}

// openPage begins to serve the chat page of a host that does not run yet.
func (s *session) openPage(h *Host, hs *devserver.Server, o DevOptions) (err error) {
	s.h = h
	s.page, err = devpage.New(devpage.Options{Server: hs, Host: s, Listen: o.Listen, Clock: h.clock, Log: o.Log.Named("page")})
	if errors.Is(err, devpage.ErrNotLoopback) {
		err = fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if err != nil {
		return err
	}
	s.activity.show = func(r devpage.Row) {
		s.page.Put(r)
		s.prompt.row(r)
	}
	return nil
}

// opening is what the terminal shows first.
func (s *session) opening() string {
	var b strings.Builder
	fmt.Fprintf(&b, "bridgehost %s, dev mode. Nothing leaves this machine; data in .bridgehost/ can be thrown away.\n\n", Version().Version)
	line := func(what, text string) { fmt.Fprintf(&b, "  %-24s  %s\n", what, text) }
	line("chat with your bridge", s.page.URL())
	line("simulated homeserver", fmt.Sprintf("%s   (you are %s)", devName, s.prompt.user.ID))
	line(s.file, s.describe())
	if url := s.h.hookURL(s.found.name); url != "" {
		line("its routes", url)
	}
	what := filepath.Base(s.found.path)
	if !strings.HasSuffix(what, ".lua") {
		what += "/"
	}
	watching := "watching " + what
	if s.noWatch {
		watching = "not watching " + what
	}
	fmt.Fprintf(&b, "\n%s   keys: %s\n\n", watching, s.keyLine())
	return b.String()
}

// describe says how the script is, in a line.
func (s *session) describe() string {
	sc := s.h.script(s.found.name)
	st := sc.Status()
	if st.Generation == 0 {
		return "nothing runs, see above"
	}
	took := ""
	for _, l := range sc.Loads() {
		if l.Number == st.Generation {
			took = ", " + duration(l.Took)
		}
	}
	return fmt.Sprintf("generation %d%s: %s", st.Generation, took, declared(st))
}

// declared is what a generation declared: "2 handlers, 1 command".
func declared(st engine.Status) string {
	parts := []string{count(st.Handlers, "handler"), count(st.Commands, "command")}
	if n := len(st.Services); n > 0 {
		parts = append(parts, count(n, "service"))
	}
	return strings.Join(parts, ", ")
}

// duration is short: "0.4 ms", "5 ms", "1.2 s".
func duration(d time.Duration) string {
	switch {
	case d < 950*time.Microsecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// Loaded implements Reporter.
func (s *session) Loaded(r engine.LoadReport, text string) {
	s.mu.Lock()
	what := loadTitle(s.file, r, s.before)
	s.before = r.Sources
	s.mu.Unlock()
	defer s.page.Refresh()
	row := devpage.Row{At: r.At, Kind: devpage.Loaded, Title: what, Generation: r.Running}
	at := r.At.Local().Format(time.TimeOnly)
	if r.Err != nil {
		s.prompt.say("%s %s\n\n%s\n", at, what, text)
		row.Kind, row.Bad, row.Text = devpage.Refused, true, strings.TrimSpace(text)
	} else if r.Reason != engine.ReasonStart {
		s.prompt.say("%s %s\n", at, what)
	}
	s.activity.put(row)
}

// loadTitle is what became of a source, in a line. before is what the files were before.
func loadTitle(main string, r engine.LoadReport, before map[string]string) string {
	files, lines := changes(before, r.Sources)
	what := main
	if len(files) > 0 && before != nil {
		what = strings.Join(files, ", ")
	}
	if len(files) > 3 {
		what = count(len(files), "file")
	}
	switch r.Reason {
	case engine.ReasonSaved, engine.ReasonTakenBack:
		what += " changed"
	case engine.ReasonConfig, engine.ReasonGiven:
		what = main + " has new values"
	case engine.ReasonAsked:
		what = main + " loaded again"
	case engine.ReasonRollback:
		what = main + " rolled back"
	}
	switch {
	case r.Reason == engine.ReasonSwapBack:
		return fmt.Sprintf("%s failed at its start → %s", main, running(r.Running))
	case r.Err != nil:
		return what + " → not loaded; " + running(r.Running)
	case r.Reason == engine.ReasonGiven:
		return fmt.Sprintf("%s; %s", what, running(r.Running))
	case r.Reason == engine.ReasonTakenBack:
		return fmt.Sprintf("%s → as before; %s", what, running(r.Running))
	case r.Reason == engine.ReasonSaved && lines > 0:
		what += fmt.Sprintf(" (%s)", count(lines, "line"))
	}
	return fmt.Sprintf("%s → generation %d in %s", what, r.Number, duration(r.Took))
}

// Failed implements Reporter.
func (s *session) Failed(r engine.Report, text string) {
	title := "error in " + s.file
	if r.Err.Where != "" {
		title = "error in " + r.Err.Where
	}
	s.activity.put(devpage.Row{At: r.At, Kind: devpage.Failed, Title: title, Generation: r.Generation, Bad: true, Text: strings.TrimSpace(text)})
	if r.Seen > 1 { // the text was shown within this minute
		text = fmt.Sprintf("error again: %s (seen %d times in the last minute)", r.Err, r.Seen)
	}
	s.prompt.say("%s\n", text)
	s.page.Refresh()
}

// Printed implements Reporter.
func (s *session) Printed(_, line string) {
	s.prompt.say("%-14s %s\n", "print", line)
	s.activity.put(devpage.Row{Kind: devpage.Printed, Title: line})
}

// Script implements devpage.Host.
func (s *session) Script() devpage.Script {
	names := s.h.names()
	out := devpage.Script{Name: s.found.name, File: s.file, Bot: string(names.Bot(s.found.name)), State: devpage.Stopped}
	out.Ghosts = "@" + matrix.UserID(out.Bot).Localpart() + "_"
	sc := s.h.script(s.found.name)
	if sc == nil {
		return out // it is about to be loaded
	}
	st := sc.Status()
	out.Generation, out.Summary, out.Timers, out.Waiting = st.Generation, declared(st), st.Timers, st.Backlog
	refused := sc.Refused()
	switch {
	case st.Generation == 0:
	case refused != nil:
		out.State = devpage.NotLoaded
	default:
		out.State = devpage.Running
	}
	var e *diag.Error
	if errors.As(refused, &e) {
		out.Problem = strings.TrimSpace(s.h.renderLoad(sc, e, false))
	}
	out.Keys, _ = s.h.db.CountKeys(s.found.name, s.h.clock.Now()) // a sick database is told of elsewhere
	return out
}

// Reload implements devpage.Host.
func (s *session) Reload(ctx context.Context) error {
	err := s.h.reloadAsked(context.WithoutCancel(ctx), s.h.script(s.found.name))
	var failed *diag.Error
	if errors.As(err, &failed) {
		return nil // Loaded said why
	}
	return err
}

// Rollback implements devpage.Host.
func (s *session) Rollback(ctx context.Context) error {
	_, err := s.h.rollback(context.WithoutCancel(ctx), RollbackCall{Script: s.found.name})
	return err
}

// TestsAvailable implements devpage.Host.
func (s *session) TestsAvailable() bool { return len(s.specs()) > 0 }

func (s *session) specs() []string { return specsOf(s.found) }

// specsOf are a script's tests: those in its folder, or NAME_spec.lua beside a single file.
func specsOf(f found) []string {
	path := f.path
	if file, single := strings.CutSuffix(path, ".lua"); single {
		path = file + "_spec.lua"
	}
	files, err := FindSpecs(path)
	if err != nil { // there is none
		return nil
	}
	return files
}

// Test implements devpage.Host.
func (s *session) Test(ctx context.Context) (report string, passed bool, err error) {
	specs := s.specs()
	if len(specs) == 0 {
		return "", false, fmt.Errorf("there are no tests to run: a file called %s_spec.lua is expected", s.found.name)
	}
	var out strings.Builder
	err = Test(ctx, TestOptions{Args: specs, Out: &out, Log: s.log})
	passed = err == nil
	if err != nil && !errors.Is(err, ErrShown) {
		return "", false, err
	}
	report = out.String()
	for _, file := range specs { // shown as the author calls them
		report = strings.ReplaceAll(report, file, filepath.Base(file))
	}
	s.activity.put(devpage.Row{Kind: devpage.Tested, Title: "tests", Bad: !passed, Text: strings.TrimSpace(report)})
	return report, passed, nil
}

// key is a line of one letter that does something.
type key struct {
	letter, name string
	do           func(ctx context.Context, s *session) (goOn bool, err error)
}

// keys are those of the terminal, in the order in which they are shown. What is added here
// is shown, and works.
func (s *session) keys() []key {
	return []key{
		{"r", "reload", func(ctx context.Context, s *session) (bool, error) { return true, s.Reload(ctx) }},
		{"t", "test", func(ctx context.Context, s *session) (bool, error) {
			report, _, err := s.Test(ctx)
			if report != "" {
				s.prompt.say("%s %s", s.h.clock.Now().Local().Format("15:04:05"), report)
			}
			return true, err
		}},
		{"c", "console", func(ctx context.Context, s *session) (bool, error) {
			at := &typed{ctx: ctx, p: s.prompt}
			return true, s.h.console(ctx, s.found.name, at, at)
		}},
		{"e", "events", func(_ context.Context, s *session) (bool, error) { s.prompt.toggleEvents(); return true, nil }},
		{"q", "quit", func(context.Context, *session) (bool, error) { return false, nil }},
	}
}

// keyLine lists the keys: "r reload · q quit".
func (s *session) keyLine() string {
	var parts []string
	for _, k := range s.keys() {
		parts = append(parts, k.letter+" "+k.name)
	}
	return strings.Join(parts, " · ")
}

func (s *session) hasKey(letter string) bool {
	return slices.ContainsFunc(s.keys(), func(k key) bool { return k.letter == letter })
}

// press does what a key stands for; false ends the session.
func (s *session) press(ctx context.Context, letter string) (goOn bool) {
	goOn = true
	for _, k := range s.keys() {
		if k.letter != letter {
			continue
		}
		var err error
		if goOn, err = k.do(ctx, s); err != nil {
			s.prompt.say("! %s\n", err)
		}
	}
	return goOn
}
