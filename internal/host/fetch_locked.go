package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"bridgehost/bundle"
	"bridgehost/control"
)

// FetchReport is what was fetched for a lock that came from elsewhere.
type FetchReport struct {
	Fetched []string `json:"fetched"` // id@version
	Running bool     `json:"running"`
	DryRun  bool     `json:"dry_run,omitempty"`
}

// Text says so.
func (r *FetchReport) Text() string {
	if len(r.Fetched) == 0 {
		return "all that " + bundle.LockFile + " names is there\n"
	}
	verb := "✓ fetched"
	if r.DryRun {
		verb = "Would fetch"
	}
	return fmt.Sprintf("%s %s\n", verb, strings.Join(r.Fetched, ", "))
}

// FetchLocked fetches what bridges.lock names and is not here: exactly those files, by those keys.
// What was granted stands in the lock.
func FetchLocked(ctx context.Context, cfg Config, dry bool, wait io.Writer) (*FetchReport, error) {
	l, err := readLock(cfg.lockPath())
	if err != nil {
		return nil, err
	}
	r, d := &FetchReport{Fetched: []string{}, DryRun: dry}, newDownloader(wait)
	done := map[string]bool{}
	for _, k := range l.Bundles {
		if _, err := os.Stat(cfg.shelf().path(k.SHA256)); err == nil || done[k.SHA256] {
			continue
		}
		done[k.SHA256] = true
		r.Fetched = append(r.Fetched, k.ID+"@"+k.Version)
		if dry {
			continue
		}
		if err := fetchLocked(ctx, cfg, d, k); err != nil {
			return r, fmt.Errorf("%s %s: %w", k.ID, k.Version, err)
		}
	}
	if dry || len(r.Fetched) == 0 {
		return r, nil
	}
	for _, k := range l.Scripts() {
		if err := cfg.changeNotes(func(n *notes) { n.Data[k.Name()] = owner{k.ID, k.Publisher} }); err != nil {
			return r, err
		}
	}
	var out ReloadAnswer
	err = control.Call(ctx, cfg.Data, CallRelock, RelockCall{}, &out)
	if errors.Is(err, control.ErrNotRunning) {
		return r, nil
	}
	r.Running = err == nil
	return r, errors.Join(err, out.Failed())
}

func fetchLocked(ctx context.Context, cfg Config, d downloader, k bundle.Locked) error {
	var p *parcel
	var err error
	if strings.Contains(k.Source, "://") {
		p, err = fromURL(ctx, d, k.Source)
	} else {
		p, err = parcelOf(k.Source)
	}
	if err != nil {
		return err
	}
	if k.Publisher != "" {
		key, err := bundle.ParsePublicKey(k.Publisher)
		if err != nil {
			return err
		}
		if p.signature == nil {
			return k.OtherKey("")
		}
		if err := bundle.Verify(p.b, p.raw, p.signature, key); err != nil {
			return err
		}
	}
	if err := k.Check(p.b, k.Publisher); err != nil {
		return err
	}
	return cfg.shelf().put(p.b, p.raw, p.signature)
}
