package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bridgehost/bundle"
)

// InstallOptions are what the command line says of an install or an update.
type InstallOptions struct {
	Ref       string // a file, an address, or a name with or without @RANGE
	As        string // what the script is called; "": the last part of the id
	To        string // of an update: the version that is wanted, older ones too
	Accept    []string
	Accepted  bool // --accept was given
	Unsigned  bool
	Publisher string   // the key that must have signed it
	Set       []string // KEY=VALUE of the script's configuration
	DryRun    bool
	Color     bool

	Talk   *Talk     // nil: nobody is there to be asked
	Wait   io.Writer // is told of what takes its time; nil: nobody is
	Now    func() time.Time
	direct func(context.Context, RelockCall) (ReloadAnswer, error) // in the host itself; nil: over the control socket
}

// Talk asks a person.
type Talk struct {
	Ask    io.Writer
	Line   func(question string) (string, error)
	Secret func(question string) (string, error)
}

// InstallReport is what became of an install or an update, or what it would be.
type InstallReport struct {
	Name       string            `json:"name"`
	ID         string            `json:"id"`
	Title      string            `json:"title"`
	Version    string            `json:"version"`
	Before     string            `json:"before,omitempty"` // the version that was installed
	Source     string            `json:"source"`
	SHA256     string            `json:"sha256"`
	SignedBy   string            `json:"signed_by,omitempty"`
	FirstKey   bool              `json:"first_key,omitempty"` // nobody has seen the key before
	Wishes     []wish            `json:"permissions"`
	Accept     []string          `json:"accept"` // what --accept must say
	Optional   []string          `json:"optional"`
	Libraries  map[string]string `json:"libraries,omitempty"` // id → version
	Missing    []string          `json:"missing,omitempty"`   // keys of the configuration that have no value
	Installed  bool              `json:"installed"`
	Unchanged  bool              `json:"unchanged,omitempty"`
	Running    bool              `json:"running"` // a host runs it now
	Generation int               `json:"generation,omitempty"`
	Later      string            `json:"later,omitempty"` // why it does not run yet, and is tried again
	Talk       string            `json:"talk,omitempty"`  // where to talk to it
	DryRun     bool              `json:"dry_run,omitempty"`
}

// installer does one install or update.
type installer struct {
	InstallOptions
	cfg    Config
	d      downloader
	lock   *bundle.Lock
	notes  *notes
	places []place
	wrong  []error // indexes that do not count
	asked  bool    // for the indexes
}

// plan is what is to be done.
type plan struct {
	name      string
	main      *parcel
	libraries []*parcel
	was       *installed     // what it takes the place of; nil for a first install
	wishes    []wish         // of the bundle and its libraries, those that are new to an update first
	granted   []string       // what was granted, of the bundle's own
	values    map[string]any // of its configuration
	fresh     map[string]any // those that were given now
}

func newInstaller(cfg Config, o InstallOptions) (*installer, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	in := &installer{InstallOptions: o, cfg: cfg, d: newDownloader(o.Wait)}
	var err error
	if in.lock, err = readLock(cfg.lockPath()); err != nil {
		return nil, err
	}
	in.notes, err = cfg.readNotes()
	return in, err
}

// Install installs a bundle, after a person or --accept agreed to what it may do.
func Install(ctx context.Context, cfg Config, o InstallOptions) (*InstallReport, error) {
	in, err := newInstaller(cfg, o)
	if err != nil {
		return nil, err
	}
	main, err := in.fetch(ctx)
	if err != nil {
		return nil, err
	}
	p, err := in.plan(ctx, main)
	if err != nil {
		return nil, err
	}
	if p.was != nil && p.was.entry.SHA256 == main.b.SHA256 {
		r := in.report(p)
		r.Unchanged, r.Installed = true, true
		return r, nil
	}
	return in.finish(ctx, p)
}

// finish asks what is to be asked, and installs.
func (in *installer) finish(ctx context.Context, p *plan) (*InstallReport, error) {
	r := in.report(p)
	if in.DryRun && !in.Accepted {
		r.DryRun = true
		return r, nil
	}
	if err := in.agree(p, r); err != nil {
		return r, err
	}
	if err := in.configure(p, r); err != nil {
		return r, err
	}
	if in.DryRun {
		r.DryRun = true
		return r, nil
	}
	return r, in.apply(ctx, p, r)
}

// fetch gets what the person named.
func (in *installer) fetch(ctx context.Context) (*parcel, error) {
	if strings.Contains(in.Ref, "://") {
		return fromURL(ctx, in.d, in.Ref)
	}
	if info, err := os.Stat(in.Ref); err == nil && !info.IsDir() || strings.HasSuffix(in.Ref, bundle.Ending) || strings.ContainsRune(in.Ref, filepath.Separator) {
		return parcelOf(in.Ref)
	}
	name, text, ranged := strings.Cut(in.Ref, "@")
	if !ranged {
		text = ">=0.0.0"
	}
	r, err := bundle.ParseRange(text)
	if err != nil {
		return nil, wrongUse("%v", err)
	}
	if err := in.ask(ctx); err != nil {
		return nil, err
	}
	id, err := named(in.places, name)
	if err != nil {
		return nil, errors.Join(append([]error{err}, in.wrong...)...)
	}
	return in.newest(ctx, id, r)
}

// ask fetches the indexes, once.
func (in *installer) ask(ctx context.Context) (err error) {
	if in.asked {
		return nil
	}
	in.asked = true
	in.places, in.wrong, err = in.cfg.fetchIndexes(ctx, in.d, in.Now())
	return err
}

// newest fetches the newest version of an id in a range.
func (in *installer) newest(ctx context.Context, id string, r bundle.Range) (*parcel, error) {
	p, ok, err := placeOf(in.places, id, in.lock)
	if err != nil {
		return nil, err
	}
	if ok {
		if l, ok := p.Find(id, r); ok {
			return fromIndex(ctx, in.d, p, l)
		}
	}
	var there []string
	for _, l := range p.versions(id) {
		there = append(there, l.Version)
	}
	if len(there) == 0 {
		return nil, fmt.Errorf("no index has %s", id)
	}
	return nil, fmt.Errorf("no version of %s is in %s; there is %s", id, r, strings.Join(there, ", "))
}

func (p place) versions(id string) []bundle.Listed {
	if p.Index == nil {
		return nil
	}
	return p.Versions(id)
}
