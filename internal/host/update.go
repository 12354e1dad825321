package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bridgehost/bundle"
)

// newer finds what an update of k would be: the newest version of its index, or the one named to.
func (in *installer) newer(k bundle.Locked, to string) (l bundle.Listed, ok bool, err error) {
	p, there, err := placeOf(in.places, k.ID, in.lock)
	if !there || err != nil {
		return l, false, err
	}
	if to != "" {
		for _, l := range p.Versions(k.ID) {
			if l.Version == to {
				return l, true, nil
			}
		}
		return l, false, fmt.Errorf("the index %q has no %s %s", p.Name, k.ID, to)
	}
	every, err := bundle.ParseRange(">=0.0.0")
	if err != nil {
		return l, false, err
	}
	l, ok = p.Find(k.ID, every)
	if !ok {
		return l, false, nil
	}
	is, err := bundle.ParseVersion(k.Version)
	if err != nil {
		return l, false, err
	}
	next, err := bundle.ParseVersion(l.Version)
	return l, err == nil && next.Compare(is) > 0, err
}

// UpdateReport is what became of all.
type UpdateReport struct {
	Bundles []*InstallReport `json:"bundles"`
	Problem []string         `json:"problems,omitempty"` // of indexes and bundles
}

// Text says so.
func (r *UpdateReport) Text() string {
	text := ""
	for _, b := range r.Bundles {
		text += b.Text()
	}
	if text == "" {
		return "everything is as new as its index\n"
	}
	return text
}

// Update installs newer versions: of one script, or of all. Each asks only if the newer version
// wants more. What goes wrong with one keeps none of the others back.
func Update(ctx context.Context, cfg Config, name string, o InstallOptions) (*UpdateReport, error) {
	in, err := newInstaller(cfg, o)
	if err != nil {
		return nil, err
	}
	scripts := in.lock.Scripts()
	if name != "" {
		k, ok := in.lock.Find(name)
		if !ok {
			return nil, notInstalled(name, in.lock)
		}
		scripts = []bundle.Locked{k}
	} else if o.To != "" || o.Accepted {
		return nil, wrongUse("--to and --accept are for one script; say which")
	}
	r := &UpdateReport{Bundles: []*InstallReport{}}
	if err := in.ask(ctx); err != nil {
		return r, err
	}
	for _, err := range in.wrong {
		r.Problem = append(r.Problem, err.Error())
	}
	failed := in.wrong
	for _, k := range scripts {
		one, err := in.update(ctx, k, name != "")
		if one != nil {
			r.Bundles = append(r.Bundles, one)
		}
		if err != nil {
			if name == "" {
				err = fmt.Errorf("%s: %w", k.Name(), err)
			}
			failed, r.Problem = append(failed, err), append(r.Problem, err.Error())
		}
	}
	return r, errors.Join(failed...)
}

// update is Update of one. named: the person named it, so what failed before is tried again.
func (in *installer) update(ctx context.Context, k bundle.Locked, named bool) (*InstallReport, error) {
	l, ok, err := in.newer(k, in.To)
	if err != nil {
		return nil, err
	}
	if !ok || in.notes.Failed[k.ID+"@"+l.Version] != "" && !named {
		return nil, nil
	}
	from, _, err := placeOf(in.places, k.ID, in.lock)
	if err != nil {
		return nil, err
	}
	main, err := fromIndex(ctx, in.d, from, l)
	if err != nil {
		return nil, err
	}
	one := *in
	if one.As = k.As; k.As == "" {
		one.As = k.Name()
	}
	if in.lock, err = readLock(in.cfg.lockPath()); err != nil { // an update before may have changed it
		return nil, err
	}
	one.lock = in.lock
	p, err := one.plan(ctx, main)
	if err != nil {
		return nil, err
	}
	return one.finish(ctx, p)
}

// When a host looks for updates with scripts.update = "auto".
const (
	updateFirst = 10 * time.Minute // after its start
	updateEvery = 24 * time.Hour
)

// updateDaily installs newer versions of bundles that ask for no more than they may.
func (h *Host) updateDaily(ctx context.Context) {
	for pause := updateFirst; ; pause = updateEvery {
		select {
		case <-h.clock.After(pause):
		case <-ctx.Done():
			return
		}
		h.updateAll(ctx)
	}
}

func (h *Host) updateAll(ctx context.Context) {
	cfg, err := ReadConfig(h.cfg.Path)
	if err != nil {
		h.log.Error("no updates are looked for", "err", err)
		return
	}
	r, err := Update(ctx, cfg, "", InstallOptions{Now: h.clock.Now, direct: h.relock})
	if err != nil && r == nil {
		h.log.Error("no updates are looked for", "err", err)
		return
	}
	for _, b := range r.Bundles {
		if b.Installed {
			h.log.Info("bundle updated", "script", b.Name, "version", b.Version, "before", b.Before)
		}
	}
	for _, problem := range r.Problem {
		h.log.Warn("not updated", "why", problem)
	}
}
