package host

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
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
	Inbox       int            `json:"inbox"` // events not finished
	Deadletters map[string]int `json:"deadletters"`
	Scripts     []ScriptStatus `json:"scripts"`
}

// ScriptStatus is how one script is.
type ScriptStatus struct {
	engine.Status
	// Problem is the refused source's error in full; "" when what is on disk runs.
	Problem string `json:"problem,omitempty"`
}

func (h *Host) status(ctx context.Context, in ScriptCall) (Status, error) {
	scripts, err := h.named(in.Script)
	if err != nil {
		return Status{}, err
	}
	st := Status{Version: Version().Version, Started: h.started, Now: h.clock.Now(), Homeserver: h.cfg.Homeserver.URL,
		Inbox: h.backlog(), Deadletters: map[string]int{}, Scripts: []ScriptStatus{}}
	letters, err := h.db.DeadLetters(ctx, in.Script)
	if err != nil {
		return st, err
	}
	for _, l := range letters {
		st.Deadletters[l.Item.Lane.Script]++
	}
	for _, s := range scripts {
		one := ScriptStatus{Status: s.Status()}
		if e, ok := s.Refused().(*diag.Error); ok {
			one.Problem = h.renderLoad(s, e)
		}
		st.Scripts = append(st.Scripts, one)
	}
	return st, nil
}

// Text is the status for reading.
func (st Status) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "bridgehost %s, up %s, homeserver %s, inbox %s\n", st.Version, span(st.Now.Sub(st.Started)), st.Homeserver, some(st.Inbox))
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SCRIPT\tGEN\tSINCE\tSERVICES\tEVENTS\tERRORS\tDEAD\tNOTE")
	for _, s := range st.Scripts {
		services := make([]string, 0, len(s.Services))
		for _, svc := range s.Services {
			services = append(services, fmt.Sprintf("%s %s %s", svc.Name, svc.State, span(st.Now.Sub(svc.Since))))
		}
		if len(services) == 0 {
			services = []string{"-"}
		}
		note := s.LastError
		if s.Problem != "" {
			note = "on disk differs from running: reload refused, see below"
		}
		if s.Generation == 0 {
			note = "nothing runs, its events wait"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%d\t%d\t%d\t%s\n", s.Script, s.Generation, s.Since.Local().Format("Jan 2 15:04"),
			strings.Join(services, ", "), s.Events, s.Errors, st.Deadletters[s.Script], note)
	}
	w.Flush()
	for _, s := range st.Scripts {
		if s.Problem != "" {
			fmt.Fprintf(&b, "\n%s\n", s.Problem)
		}
	}
	return b.String()
}

func some(n int) string {
	if n == 0 {
		return "empty"
	}
	return fmt.Sprintf("%d events", n)
}

// span writes a duration as people do: "3 d 4 h", "12 min", "8 s".
func span(d time.Duration) string {
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
