package host

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"bridgehost/diag"
	"bridgehost/engine"
)

// Status is how the host and its scripts are.
type Status struct {
	Version     string         `json:"version"`
	Started     time.Time      `json:"started"`
	Now         time.Time      `json:"now"`
	Homeserver  string         `json:"homeserver"`
	Ping        *Ping          `json:"ping,omitempty"` // nil: not asked yet
	Inbox       int            `json:"inbox"`          // events not finished
	Deadletters map[string]int `json:"deadletters"`
	Scripts     []ScriptStatus `json:"scripts"`
	// Refused is why the configuration as it stands now was not taken in.
	Refused string `json:"configuration_refused,omitempty"`
}

// ScriptStatus is how one script is.
type ScriptStatus struct {
	engine.Status
	// Problem is the refused source's error in full; "" when what is on disk runs.
	Problem string `json:"problem,omitempty"`
	// Failed is the last error of a handler in full; only when one script is asked for.
	Failed string `json:"failed,omitempty"`
	// Pinned: a rollback chose what runs, until the next save.
	Pinned bool `json:"pinned,omitempty"`
	// Stopped: nothing runs until `start`.
	Stopped bool `json:"stopped,omitempty"`
	// Waiting are events on disk, finished when the script runs (again).
	Waiting int `json:"waiting,omitempty"`
	// Generations are those that are kept, oldest first; only when one script is asked for.
	Generations []GenerationStatus `json:"generations,omitempty"`
}

// GenerationStatus is one generation that is kept.
type GenerationStatus struct {
	Number int       `json:"number"`
	Hash   string    `json:"hash"`
	Loaded time.Time `json:"loaded"`
	Error  string    `json:"error,omitempty"` // why it was refused or replaced
	Pinned bool      `json:"pinned,omitempty"`
}

func (h *Host) status(ctx context.Context, in ScriptCall) (Status, error) {
	scripts, err := h.named(in.Script)
	if err != nil {
		return Status{}, err
	}
	st := Status{Version: Version().Version, Started: h.started, Now: h.clock.Now(), Homeserver: h.cfg.Homeserver.URL,
		Inbox: h.inbox.size(), Deadletters: map[string]int{}, Scripts: []ScriptStatus{}}
	h.mu.Lock()
	if pinged := h.pinged; !pinged.At.IsZero() {
		st.Ping = &pinged
	}
	st.Refused = h.refusal
	h.mu.Unlock()
	letters, err := h.db.DeadLetters(ctx, in.Script)
	if err != nil {
		return st, err
	}
	for _, l := range letters {
		st.Deadletters[l.Item.Lane.Script]++
	}
	for _, s := range scripts {
		one, err := h.scriptStatus(ctx, s, in)
		if err != nil {
			return st, err
		}
		st.Scripts = append(st.Scripts, one)
	}
	return st, nil
}

func (h *Host) scriptStatus(ctx context.Context, s *script, in ScriptCall) (ScriptStatus, error) {
	one := ScriptStatus{Status: s.Status(), Stopped: s.stopped}
	if one.Generation == 0 {
		stats, err := h.db.Stats(ctx)
		if err != nil {
			return one, err
		}
		one.Waiting = stats.Pending[s.Name]
	}
	var refused *diag.Error
	if errors.As(s.Refused(), &refused) {
		one.Problem = h.renderLoad(s, refused, in.Color)
	}
	if problem := s.problem(); problem != "" {
		one.Problem = fmt.Sprintf("%s: %s\n", s.Name, problem)
	}
	if last, _ := s.Errors(); in.Script != "" && len(last) > 0 {
		r := last[len(last)-1]
		if h.clock.Since(r.At) > time.Minute {
			r.Seen = 0
		}
		one.Failed = renderReport(r, in.Color)
	}
	kept, err := records{h.db, s.found.origin()}.Generations(ctx, s.Name)
	if err != nil {
		return one, err
	}
	for _, g := range kept {
		if g.Number == one.Generation {
			one.Pinned = g.Pinned != ""
		}
		if in.Script != "" {
			one.Generations = append(one.Generations, GenerationStatus{g.Number, g.Hash, g.Loaded, g.Result, g.Pinned != ""})
		}
	}
	return one, nil
}

// Text is the status for reading.
func (st Status) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "bridgehost %s, up %s, homeserver %s%s, inbox %s\n", st.Version, span(st.Now.Sub(st.Started)),
		st.Homeserver, st.ping(), some(st.Inbox))
	if len(st.Scripts) == 0 {
		return b.String() + "there is no script yet\n"
	}
	t := table{head: []string{"SCRIPT", "GEN", "SINCE", "SERVICES", "EVENTS", "ERRORS", "DEAD", "NOTE"}, right: "GEN EVENTS ERRORS DEAD"}
	for _, s := range st.Scripts {
		since := "-"
		if s.Generation > 0 {
			since = when(s.Since, st.Now)
		}
		t.row(s.Script, s.Generation, since, services(s.Services, st.Now), s.Events, s.Errors, st.Deadletters[s.Script], s.note())
	}
	b.WriteString(t.String())
	for _, s := range st.Scripts {
		if s.Problem != "" {
			b.WriteString("\n" + s.Problem)
		}
		if s.Failed != "" {
			b.WriteString("\n" + s.Failed)
		}
		for _, svc := range s.Services {
			if svc.Error != "" {
				fmt.Fprintf(&b, "\n%s, service %s: %s\n", s.Script, svc.Name, svc.Error)
			}
		}
		b.WriteString(s.history(st.Now))
	}
	if st.Refused != "" {
		fmt.Fprintf(&b, "\nThe configuration was not taken in; everything runs on as before: %s\n", st.Refused)
	}
	return b.String()
}

func (st Status) ping() string {
	switch {
	case st.Ping == nil:
		return ""
	case st.Ping.Error != "":
		return fmt.Sprintf(" (does not reach us, asked %s ago)", span(st.Now.Sub(st.Ping.At)))
	}
	return fmt.Sprintf(" (ping %d ms, %s ago)", st.Ping.Took.Milliseconds(), span(st.Now.Sub(st.Ping.At)))
}

// note is the one thing to know about a script.
func (s ScriptStatus) note() string {
	switch {
	case s.Stopped:
		return "stopped, " + waiting(s.Waiting)
	case s.Generation == 0 && s.Problem == "":
		return "nothing runs, " + waiting(s.Waiting)
	case s.Generation == 0:
		return "nothing runs, " + waiting(s.Waiting) + "; why, see below"
	case s.Problem != "":
		return "on disk differs from running: reload refused, see below"
	case s.Pinned:
		return "rolled back, until the next save"
	}
	return s.LastError
}

func waiting(n int) string {
	switch n {
	case 0:
		return "its events wait"
	case 1:
		return "1 event waits"
	}
	return fmt.Sprintf("%d events wait", n)
}

// history lists the generations that a rollback can choose.
func (s ScriptStatus) history(now time.Time) string {
	if len(s.Generations) == 0 {
		return ""
	}
	t := table{head: []string{"GEN", "LOADED", "HASH", "RESULT"}, right: "GEN"}
	for _, g := range s.Generations {
		result := "good"
		switch {
		case g.Error != "":
			result = g.Error
		case g.Pinned:
			result = "good, chosen by a rollback"
		}
		if g.Number == s.Generation {
			result += ", runs"
		}
		t.row(g.Number, when(g.Loaded, now), g.Hash[:min(8, len(g.Hash))], result)
	}
	return "\n" + t.String() + fmt.Sprintf("Go back to one: bridgehost rollback %s --to GEN\n", s.Script)
}

func services(list []engine.ServiceStatus, now time.Time) string {
	if len(list) == 0 {
		return "-"
	}
	var all []string
	for _, s := range list {
		all = append(all, fmt.Sprintf("%s %s %s", s.Name, s.State, span(now.Sub(s.Since))))
	}
	return strings.Join(all, ", ")
}

func some(n int) string {
	switch n {
	case 0:
		return "empty"
	case 1:
		return "1 event"
	}
	return fmt.Sprintf("%d events", n)
}

// when writes a time as short as it is clear: "12:04", "Mon", "Jan 2", "2025-01-02".
func when(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	switch age := now.Sub(t); {
	case t.YearDay() == now.YearDay() && t.Year() == now.Year():
		return t.Format("15:04")
	case age < 6*24*time.Hour:
		return t.Format("Mon 15:04")
	case t.Year() == now.Year():
		return t.Format("Jan 2")
	}
	return t.Format(time.DateOnly)
}

// span writes a duration as people do: "3 d 4 h", "12 min", "8 s".
func span(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d >= 24*time.Hour:
		return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}
