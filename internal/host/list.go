package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"bridgehost/bundle"
	"bridgehost/control"
)

// Listing is what is installed.
type Listing struct {
	Bundles []ListedBundle `json:"bundles"`
	Running bool           `json:"running"` // a host does
}

// ListedBundle is one bundle that is installed.
type ListedBundle struct {
	Name       string   `json:"name"`
	ID         string   `json:"id"`
	Version    string   `json:"version"`
	Source     string   `json:"source"`
	Publisher  string   `json:"publisher,omitempty"` // "": it is not signed
	Granted    []string `json:"granted"`
	Requires   []string `json:"requires"`
	Generation int      `json:"generation,omitempty"` // that runs now
	Problem    string   `json:"problem,omitempty"`    // why it is refused
	Newer      string   `json:"newer,omitempty"`      // a version that can be had
	Asks       []string `json:"asks,omitempty"`       // what that asks for beyond what is granted
	Failed     string   `json:"failed,omitempty"`     // why the newest version was taken back
}

// List tells what is installed, and whether it is as the lock says.
func List(ctx context.Context, cfg Config) (*Listing, error) {
	l, err := readLock(cfg.lockPath())
	if err != nil {
		return nil, err
	}
	out := &Listing{Bundles: []ListedBundle{}}
	var st Status
	err = control.Call(ctx, cfg.Data, CallStatus, ScriptCall{}, &st)
	out.Running = err == nil
	if err != nil && !errors.Is(err, control.ErrNotRunning) {
		return nil, err
	}
	generations := map[string]int{}
	for _, s := range st.Scripts {
		generations[s.Script] = s.Generation
	}
	for _, i := range installedIn(l, cfg.shelf()) {
		k := i.entry
		b := ListedBundle{Name: k.Name(), ID: k.ID, Version: k.Version, Source: k.Source, Publisher: k.Publisher,
			Granted: k.Granted, Requires: k.Requires, Generation: generations[k.Name()]}
		if _, _, err := i.read(cfg.Scripts.Config[k.Name()]); err != nil {
			b.Problem = err.Error()
		}
		out.Bundles = append(out.Bundles, b)
	}
	return out, nil
}

// Text is the list for reading.
func (l *Listing) Text() string {
	if len(l.Bundles) == 0 {
		return "nothing is installed\n"
	}
	t := table{head: []string{"NAME", "VERSION", "ID", "SIGNED BY", "RUNS", "NOTE"}}
	var below strings.Builder
	for _, b := range l.Bundles {
		signed, runs, note := notSigned, "-", ""
		if b.Publisher != "" {
			signed = b.Publisher[:12] + "…"
		}
		if b.Generation > 0 {
			runs = fmt.Sprintf("generation %d", b.Generation)
		}
		if b.Problem != "" {
			note = "REFUSED, see below"
			fmt.Fprintf(&below, "\n%s: %s\n", b.Name, b.Problem)
		}
		t.row(b.Name, b.Version, b.ID, signed, runs, note)
	}
	return t.String() + below.String()
}

// Failed is an error when a bundle is not as the lock says.
func (l *Listing) Failed() error {
	for _, b := range l.Bundles {
		if b.Problem != "" {
			return fmt.Errorf("%w: %w", ErrShown, &bundle.Refused{Reason: b.Problem})
		}
	}
	return nil
}

// Outdated tells of what newer versions there are.
func Outdated(ctx context.Context, cfg Config, wait io.Writer) (*Listing, []error, error) {
	in, err := newInstaller(cfg, InstallOptions{Now: time.Now, Wait: wait})
	if err != nil {
		return nil, nil, err
	}
	if err := in.ask(ctx); err != nil {
		return nil, nil, err
	}
	out := &Listing{Bundles: []ListedBundle{}}
	for _, k := range in.lock.Scripts() {
		l, ok, err := in.newer(k, "")
		if err != nil {
			in.wrong = append(in.wrong, err)
		}
		if !ok {
			continue
		}
		out.Bundles = append(out.Bundles, ListedBundle{Name: k.Name(), ID: k.ID, Version: k.Version, Source: k.Source, Publisher: k.Publisher,
			Granted: k.Granted, Requires: k.Requires, Newer: l.Version, Failed: in.notes.Failed[k.ID+"@"+l.Version]})
	}
	return out, in.wrong, nil
}

// OutdatedText is what can be updated, for reading.
func (l *Listing) OutdatedText() string {
	if len(l.Bundles) == 0 {
		return "everything is as new as its index\n"
	}
	t := table{head: []string{"NAME", "INSTALLED", "NEWEST", "NOTE"}}
	for _, b := range l.Bundles {
		note := "bridgehost update " + b.Name
		if b.Failed != "" {
			note = "taken back: " + oneLine(b.Failed)
		}
		t.row(b.Name, b.Version, b.Newer, note)
	}
	return t.String()
}

// Match is a bundle that a search found.
type Match struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Version string `json:"version"` // the newest
	Summary string `json:"summary"`
	Index   string `json:"index"`
	Signed  bool   `json:"signed"` // it names a publisher
}

// Search looks for a word in what the indexes list; "" finds all.
func Search(ctx context.Context, cfg Config, word string, wait io.Writer) (found []Match, wrong []error, err error) {
	places, wrong, err := cfg.fetchIndexes(ctx, newDownloader(wait), time.Now())
	if err != nil {
		return nil, nil, err
	}
	if len(cfg.Index) == 0 {
		return nil, nil, wrongUse("no index is known; add an [[index]] with url and key to bridgehost.toml")
	}
	found, seen := []Match{}, map[string]bool{}
	for _, p := range places {
		for _, l := range p.Bundles {
			text := strings.ToLower(l.ID + "\n" + l.Title + "\n" + l.Summary)
			if seen[l.ID] || !strings.Contains(text, strings.ToLower(word)) {
				continue
			}
			seen[l.ID] = true
			all := p.Versions(l.ID)
			l = all[len(all)-1]
			found = append(found, Match{l.ID, l.Title, l.Version, l.Summary, p.Name, l.Publisher != ""})
		}
	}
	return found, wrong, nil
}

// MatchText is what was found, for reading.
func MatchText(found []Match) string {
	if len(found) == 0 {
		return "nothing was found\n"
	}
	t := table{head: []string{"ID", "VERSION", "NAME", "SUMMARY"}}
	for _, m := range found {
		t.row(m.ID, m.Version, m.Name, m.Summary)
	}
	return t.String()
}
