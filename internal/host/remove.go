package host

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/go-hclog"

	"bridgehost/bundle"
	"bridgehost/control"
	"bridgehost/diag"
	"bridgehost/store/sqlite"
)

// RemoveOptions are what the command line says of a removal.
type RemoveOptions struct {
	Name   string
	Purge  bool // its data too
	Yes    bool
	DryRun bool
	Talk   *Talk // nil: nobody is there to be asked
	Log    hclog.Logger
}

// RemoveReport is what became of it.
type RemoveReport struct {
	Name    string `json:"name"`
	ID      string `json:"id,omitempty"`
	Version string `json:"version,omitempty"`
	Removed bool   `json:"removed"`
	Purged  bool   `json:"purged"`
	DryRun  bool   `json:"dry_run,omitempty"`
}

// Text says so.
func (r *RemoveReport) Text() string {
	what := r.Name
	if r.Version != "" {
		what += " " + r.Version
	}
	switch {
	case r.DryRun && r.Purged:
		return fmt.Sprintf("Would remove %s and all that it stored\n", what)
	case r.DryRun:
		return fmt.Sprintf("Would remove %s; what it stored would stay\n", what)
	case r.Removed && r.Purged:
		return fmt.Sprintf("✓ removed %s and all that it stored\n", what)
	case r.Purged:
		return fmt.Sprintf("✓ all that %s stored is gone\n", what)
	}
	return fmt.Sprintf("✓ removed %s; what it stored stays until bridgehost remove %s --purge\n", what, r.Name)
}

// Remove takes a bundle out. Its data stays, unless it is to be purged.
func Remove(ctx context.Context, cfg Config, o RemoveOptions) (*RemoveReport, error) {
	l, err := readLock(cfg.lockPath())
	if err != nil {
		return nil, err
	}
	n, err := cfg.readNotes()
	if err != nil {
		return nil, err
	}
	r := &RemoveReport{Name: o.Name, Purged: o.Purge, DryRun: o.DryRun}
	k, ok := l.Find(o.Name)
	switch {
	case ok:
		r.ID, r.Version, r.Removed = k.ID, k.Version, true
	case cfg.hasOwn(o.Name):
		return nil, wrongUse("%s is a script of your own, in %s; take its file away to remove it, and then --purge forgets what it stored", o.Name, cfg.Scripts.Dir)
	case !o.Purge || n.Data[o.Name].ID == "":
		return nil, notInstalled(o.Name, l)
	}
	if o.DryRun {
		return r, nil
	}
	if err := o.sure(r); err != nil {
		return nil, err
	}
	if err := cfg.changeNotes(func(n *notes) { delete(n.Before, o.Name) }); err != nil {
		return nil, err
	}
	var kept *bundle.Lock
	if err := cfg.changeLock(func(l *bundle.Lock) error { l.Remove(o.Name); kept = l; return nil }); err != nil {
		return nil, err
	}
	err = control.Call(ctx, cfg.Data, CallRelock, RelockCall{Script: o.Name}, nil)
	runs := !errors.Is(err, control.ErrNotRunning)
	if err != nil && runs {
		return nil, err
	}
	if err := cfg.shelf().sweep(kept); err != nil {
		return nil, err
	}
	if !o.Purge {
		return r, nil
	}
	if runs {
		err = control.Call(ctx, cfg.Data, CallPurge, PurgeCall{o.Name}, nil)
	} else {
		err = purgeAtRest(ctx, cfg, o)
	}
	if err == nil {
		err = cfg.changeNotes(func(n *notes) { delete(n.Data, o.Name) })
	}
	return r, err
}

// purgeAtRest forgets the data of a script while no host runs.
func purgeAtRest(ctx context.Context, cfg Config, o RemoveOptions) error {
	db, err := sqlite.Open(sqlite.Options{Dir: cfg.Data, Durability: cfg.Storage.Durability, Log: o.Log})
	if err != nil {
		return err
	}
	return errors.Join(db.Purge(ctx, o.Name), db.Close(), forgetDatabase(cfg.Data, o.Name))
}

func (o RemoveOptions) sure(r *RemoveReport) error {
	what := fmt.Sprintf("remove %s", o.Name)
	if o.Purge {
		what += " and all that it stored, for good"
	}
	switch {
	case o.Yes:
		return nil
	case o.Talk == nil:
		return wrongUse("nobody is there to be asked whether to %s; if so: --yes", what)
	}
	answer, err := o.Talk.Line(fmt.Sprintf("Really %s? [y/N] ", what))
	if err == nil && !slices.Contains([]string{"y", "Y", "yes"}, answer) {
		err = errors.New("you said no; nothing was changed")
	}
	return err
}

// hasOwn tells whether the scripts' folder has one of that name.
func (c *Config) hasOwn(name string) bool {
	own, _, err := discover(c.Scripts.Dir)
	return err == nil && slices.ContainsFunc(own, func(f found) bool { return f.name == name })
}

// notInstalled says what is.
func notInstalled(name string, l *bundle.Lock) error {
	var names []string
	for _, k := range l.Scripts() {
		names = append(names, k.Name())
	}
	hint := "look at what is: bridgehost list"
	if near := diag.Suggest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	for _, k := range l.Bundles {
		if k.Library && k.ID == name {
			hint = fmt.Sprintf("it is there for %v, and goes with it", l.NeededBy(k.ID, k.Version))
		}
	}
	return wrongUse("no bundle is installed as %q; %s", name, hint)
}
