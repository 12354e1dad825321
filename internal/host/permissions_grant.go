package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"bridgehost/bundle"
	"bridgehost/capability"
	"bridgehost/control"
	"bridgehost/engine"
)

// Change is what --grant and --revoke ask for.
type Change struct {
	Grant, Revoke []string // "net:connect irc.libera.chat:6697"; a revoked capability without scope means all of it
	DryRun        bool
	// Confirm is asked before more is granted than the manifest asks for.
	Confirm func(beyond []string) error
}

// ChangePermissions changes what a bundle may do, in bridges.lock and in the host that runs.
func ChangePermissions(ctx context.Context, cfg *Config, script string, c Change) (*Permissions, error) {
	l, err := readLock(cfg.lockPath())
	if err != nil {
		return nil, err
	}
	k, ok := l.Find(script)
	if !ok {
		p := &Permissions{Script: script}
		return nil, fmt.Errorf("no bundle %s is installed, and your own scripts may do everything%s", script, p.near(cfg))
	}
	m, err := cfg.manifestOf(k)
	if err != nil {
		return nil, err
	}
	next, changed, beyond, err := c.apply(k, m, valuesOf(cfg.Scripts.Config[script]))
	if err != nil {
		return nil, err
	}
	if len(beyond) > 0 && !c.DryRun {
		if err := c.Confirm(beyond); err != nil {
			return nil, err
		}
	}
	told := false
	if !c.DryRun && len(changed) > 0 {
		err = cfg.changeLock(func(l *bundle.Lock) error {
			now, ok := l.Find(script)
			if !ok || !slices.Equal(now.Granted, k.Granted) {
				return fmt.Errorf("%s was changed meanwhile; try again", bundle.LockFile)
			}
			now.Granted = next
			l.Put(now)
			return nil
		})
		if err != nil {
			return nil, err
		}
		err = control.Call(ctx, cfg.Data, CallGrants, ScriptCall{Script: script}, nil)
		if told = err == nil; err != nil && !errors.Is(err, control.ErrNotRunning) {
			return nil, fmt.Errorf("%s is changed, but the running bridgehost did not take it: %w", bundle.LockFile, err)
		}
	}
	p, err := ReadPermissions(ctx, cfg, script)
	if err != nil {
		return nil, err
	}
	p.Changed, p.DryRun, p.Running = changed, c.DryRun, told
	return p, nil
}

// apply is what an entry has granted after the change, and what of it the manifest does not ask for.
func (c Change) apply(k bundle.Locked, m *bundle.Manifest, config func(string) []string) (next, changed, beyond []string, err error) {
	next = slices.Clone(k.Granted)
	for _, text := range c.Revoke {
		before := len(next)
		name, _, scoped := strings.Cut(text, " ")
		next = slices.DeleteFunc(next, func(g string) bool {
			has, _, _ := strings.Cut(g, " ")
			gone := g == text || !scoped && has == name
			if gone {
				changed = append(changed, "-"+g)
			}
			return gone
		})
		if len(next) == before {
			return nil, nil, nil, fmt.Errorf("%s was not granted %q; it has: %s", k.Name(), text, strings.Join(k.Granted, ", "))
		}
	}
	for _, text := range c.Grant {
		text = strings.Join(strings.Fields(text), " ")
		if _, err := capability.ParseGrants([]string{text}, nil); err != nil {
			return nil, nil, nil, fmt.Errorf("--grant %s: %w", text, err)
		}
		if slices.Contains(next, text) {
			continue
		}
		next, changed = append(next, text), append(changed, "+"+text)
		if !asksFor(m, text, config) {
			beyond = append(beyond, text)
		}
	}
	slices.Sort(next)
	return next, changed, beyond, nil
}

// asksFor tells whether a manifest asks for a grant, or for more than that.
func asksFor(m *bundle.Manifest, text string, config func(string) []string) bool {
	asked := append(m.Asked(), m.AskedOptional()...)
	if slices.Contains(asked, text) {
		return true
	}
	name, scope, _ := strings.Cut(text, " ")
	if scope == "" {
		return false
	}
	granted, err := capability.ParseGrants(asked, config)
	if err != nil {
		return false
	}
	for _, g := range granted.List() {
		if g.Name == name && g.Within(scope) {
			return true
		}
	}
	return false
}

// regrant takes what bridges.lock says that a bundle may do, at once: what runs is not loaded
// again. A bundle that did not load for want of a permission is tried once more.
func (h *Host) regrant(ctx context.Context, in ScriptCall) (struct{}, error) {
	s := h.script(in.Script)
	if s == nil {
		return struct{}{}, nil
	}
	again, err := h.regrantOne(s)
	if err == nil && again {
		_ = h.reloadOne(ctx, s, engine.ReasonAsked) // OnLoad reports it
	}
	return struct{}{}, err
}

func (h *Host) regrantOne(s *script) (again bool, err error) {
	s.loading.Lock()
	defer s.loading.Unlock()
	l, err := readLock(h.cfg.lockPath())
	if err != nil {
		return false, asRefused(err)
	}
	for _, i := range installedIn(l, h.cfg.shelf()) {
		was := s.found.bundle
		if was == nil || i.entry.Name() != s.Name || i.entry.SHA256 != was.entry.SHA256 {
			continue // a person's own, another one, or one that is to take its place
		}
		_, may, err := i.read(h.values(s.Name))
		if err != nil {
			return false, asRefused(err)
		}
		s.found = i.found()
		s.allow(may)
		h.log.Info("permissions changed", "script", s.Name, "granted", strings.Join(may.list, ", "))
		return s.Current() == nil && !s.stopped, nil
	}
	return false, nil
}
