package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bridgehost/bundle"
	"bridgehost/capability"
	"bridgehost/diag"
	"bridgehost/store/sqlite"
)

// Permissions is what a script may do, and what it did.
type Permissions struct {
	Script   string       `json:"script"`
	ID       string       `json:"id,omitempty"`
	Version  string       `json:"version,omitempty"`
	Own      bool         `json:"own,omitempty"` // a script of one's own: it may do everything
	Granted  []Permission `json:"granted"`
	Missing  []Permission `json:"missing"`  // asked for, and taken back
	Optional []Permission `json:"optional"` // offered, not granted
	Refused  []Refusal    `json:"refused"`
	Observed []string     `json:"observed"`           // what would have been enough, as a lock has it
	Manifest string       `json:"manifest,omitempty"` // the same for bridge.toml
	Changed  []string     `json:"changed,omitempty"`  // by --grant and --revoke: "+kv", "-sql"
	DryRun   bool         `json:"dry_run,omitempty"`
	Running  bool         `json:"running,omitempty"` // the host was told

	uses []sqlite.Use
}

// Permission is one line of what was asked for.
type Permission struct {
	Grant string `json:"grant"`
	Why   string `json:"why,omitempty"`
}

// Refusal is what a script has tried in vain.
type Refusal struct {
	Grant string    `json:"grant"`
	Times int       `json:"times"`
	Last  time.Time `json:"last"`
}

// ReadPermissions tells of a script: one of cfg (nil: there is no configuration), or one that
// `dev` ran, by name, file or folder.
func ReadPermissions(ctx context.Context, cfg *Config, arg string) (*Permissions, error) {
	p := &Permissions{Script: arg, Granted: []Permission{}, Missing: []Permission{}, Optional: []Permission{}, Refused: []Refusal{}, Observed: []string{}}
	var values []map[string]any
	places := devData(cfg, arg)
	if f, root, err := devScript(arg); err == nil {
		p.Script, values = f.name, append(values, devValues(root)[f.name])
	}
	known := len(places) > 0
	if cfg != nil {
		places = append(places, cfg.Data)
		values = append(values, cfg.Scripts.Config[p.Script])
		found, err := p.installed(cfg)
		if err != nil {
			return nil, err
		}
		known = known || found
	}
	for _, dir := range places {
		list, err := usesIn(ctx, dir, p.Script)
		if err != nil {
			return nil, err
		}
		p.uses = append(p.uses, list...)
		known = known || len(list) > 0
	}
	if !known {
		return nil, fmt.Errorf("there is no script %s: a name, a file or a folder is expected%s", arg, p.near(cfg))
	}
	for _, u := range p.uses {
		if u.Refused {
			p.Refused = append(p.Refused, Refusal{grantText(u), u.Times, u.Last})
		}
	}
	p.Observed, p.Manifest = smallest(p.uses, values...)
	return p, nil
}

// installed reads what the lock and the bundle's manifest say; false when there is no such script.
func (p *Permissions) installed(cfg *Config) (bool, error) {
	l, err := readLock(cfg.lockPath())
	if err != nil {
		return false, err
	}
	k, ok := l.Find(p.Script)
	if !ok {
		p.Own = true
		scripts, _, err := discover(cfg.Scripts.Dir)
		return err == nil && slices.ContainsFunc(scripts, func(f found) bool { return f.name == p.Script }), nil
	}
	p.ID, p.Version = k.ID, k.Version
	m, err := cfg.manifestOf(k)
	if err != nil {
		return true, err
	}
	for _, g := range k.Granted {
		p.Granted = append(p.Granted, Permission{g, whyOf(m, g)})
	}
	for _, lib := range l.Required(k) {
		for _, g := range lib.Granted {
			p.Granted = append(p.Granted, Permission{g, "for " + lib.ID})
		}
	}
	for _, g := range m.Asked() {
		if !slices.Contains(k.Granted, g) {
			p.Missing = append(p.Missing, Permission{g, whyOf(m, g)})
		}
	}
	for _, g := range m.AskedOptional() {
		if !slices.Contains(k.Granted, g) {
			p.Optional = append(p.Optional, Permission{g, whyOf(m, g)})
		}
	}
	return true, nil
}

// manifestOf is the manifest of an installed bundle; an empty one when its file is gone.
func (c *Config) manifestOf(k bundle.Locked) (*bundle.Manifest, error) {
	b, _, err := bundle.Open(filepath.Join(c.Data, "bundles", k.SHA256+bundle.Ending))
	if errors.Is(err, os.ErrNotExist) {
		return &bundle.Manifest{}, nil
	}
	if err != nil {
		return nil, err
	}
	return b.Manifest, nil
}

// whyOf is why a manifest asks for what a grant is about.
func whyOf(m *bundle.Manifest, grant string) string {
	name, _, _ := strings.Cut(grant, " ")
	for _, table := range []map[string]any{m.Permissions, m.Optional} {
		switch v := table[name].(type) {
		case string:
			return v
		case map[string]any:
			why, _ := v["why"].(string)
			return why
		}
	}
	return ""
}

// near suggests the script that was meant.
func (p *Permissions) near(cfg *Config) string {
	if cfg == nil {
		return ""
	}
	var names []string
	if l, err := readLock(cfg.lockPath()); err == nil {
		for _, k := range l.Bundles {
			names = append(names, k.Name())
		}
	}
	scripts, _, _ := discover(cfg.Scripts.Dir) // for a suggestion only
	for _, f := range scripts {
		names = append(names, f.name)
	}
	if s := diag.Suggest(p.Script, names); s != "" {
		return fmt.Sprintf("; did you mean %q?", s)
	}
	return ""
}

// devData are the data folders in which `dev` may have run a script.
func devData(cfg *Config, arg string) (dirs []string) {
	roots := []string{".", arg}
	if cfg != nil {
		roots = append(roots, cfg.Scripts.Dir, filepath.Join(cfg.Scripts.Dir, arg))
	}
	name := arg
	if f, root, err := devScript(arg); err == nil {
		name, roots = f.name, []string{root}
	}
	for _, root := range roots {
		dir := devDir(root, found{name: name})
		full, err := filepath.Abs(dir)
		if _, missing := os.Stat(filepath.Join(dir, sqlite.FileName)); err == nil && missing == nil && !slices.Contains(dirs, full) {
			dirs = append(dirs, full)
		}
	}
	return dirs
}

func grantText(u sqlite.Use) string {
	scope := u.Scope
	if scope == "*" {
		scope = ""
	}
	return capability.Grant{Name: u.Capability, Scope: scope}.String()
}

// seenIn is what the script of a folder was seen to use in `dev`. Nothing is, when that cannot be read.
func seenIn(ctx context.Context, dir string) observed {
	f, root, err := devScript(dir)
	if err != nil {
		return nil
	}
	list, err := usesIn(ctx, devDir(root, f), f.name)
	if err != nil {
		return nil
	}
	return observe(list, devValues(root)[f.name])
}
