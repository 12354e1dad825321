package host

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
	"bridgehost/engine"
	"bridgehost/luabind"
)

// configured is what the configuration says about a script now.
func (h *Host) configured(script string) *luabind.Configured {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.latest.configured(script)
}

func (c *Config) configured(script string) *luabind.Configured {
	of := &luabind.Configured{Values: c.Scripts.Config[script], Lines: map[string]int{}}
	if c.source == nil {
		return of
	}
	of.File = filepath.Base(c.source.name)
	for key := range of.Values {
		of.Lines[key] = c.source.at.Line(scriptKey(script, key)...)
	}
	return of
}

// configChange is what is new in the configuration.
type configChange struct {
	scripts []string // whose values are others
	restart []string // keys that take effect at the next start, with their place
}

// besides are the scripts of the change that are not among others.
func (c configChange) besides(others []*script) []string {
	return slices.DeleteFunc(slices.Clone(c.scripts), func(name string) bool {
		return slices.ContainsFunc(others, func(s *script) bool { return s.Name == name })
	})
}

// takeConfig reads the configuration again. One that is not valid changes nothing. What
// scripts are given is new when it returns; they are to be told with configure.
func (h *Host) takeConfig() (change configChange, err error) {
	if h.opts.reread == nil {
		return change, nil
	}
	h.configuring.Lock()
	defer h.configuring.Unlock()
	next, err := h.opts.reread()
	h.mu.Lock()
	if next.source != nil {
		h.refers = next.source.files
	}
	h.mu.Unlock()
	if err != nil {
		return change, err
	}
	h.mu.Lock()
	before := h.latest
	h.latest, h.refusal = next, ""
	h.mu.Unlock()
	names := maps.Clone(before.Scripts.Config)
	if names == nil {
		names = map[string]map[string]any{}
	}
	maps.Copy(names, next.Scripts.Config)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !reflect.DeepEqual(before.Scripts.Config[name], next.Scripts.Config[name]) {
			change.scripts = append(change.scripts, name)
		}
	}
	if h.opts.only != nil {
		return change, nil // dev has taken nothing else from it
	}
	running, was, now := h.cfg.settings(), before.settings(), next.settings()
	for _, s := range now {
		old, at := find(was, s.key), find(running, s.key)
		if !reflect.DeepEqual(s.value, old) && !reflect.DeepEqual(s.value, at) {
			change.restart = append(change.restart, fmt.Sprintf("%s: %s", next.source.place(s.key...), s.name()))
		}
	}
	for _, s := range was {
		if find(now, s.key) == nil && find(running, s.key) != nil {
			change.restart = append(change.restart, fmt.Sprintf("%s: %s", next.source.name, s.name()))
		}
	}
	return change, nil
}

// refuseConfig says, once, why the configuration was not taken in.
func (h *Host) refuseConfig(err error) {
	h.mu.Lock()
	said := h.refusal == err.Error()
	h.refusal = err.Error()
	h.mu.Unlock()
	if !said {
		h.log.Error("the configuration was not taken in; everything runs on as before", "err", err)
	}
}

func (h *Host) sayRestart(change configChange) {
	for _, key := range change.restart {
		h.log.Warn("a changed key takes effect at the next start", "key", key)
	}
}

// configChanged is called when the configuration, or a file that it refers to, may have changed.
func (h *Host) configChanged() {
	change, err := h.takeConfig()
	if err != nil {
		h.refuseConfig(err)
		return
	}
	h.sayRestart(change)
	h.configure(h.running, change.scripts)
}

// configure gives scripts their new values: to the handlers of `config`, or by loading them again.
func (h *Host) configure(ctx context.Context, names []string) {
	var loading sync.WaitGroup
	for _, name := range names {
		s := h.script(name)
		if s == nil {
			continue
		}
		loading.Go(func() {
			if taken, _ := h.reconfigure(s); taken {
				return
			}
			_ = h.reloadOne(ctx, s, engine.ReasonConfig) // OnLoad reported it
		})
	}
	loading.Wait()
}

// reconfigure hands new values to a script's handlers of `config`; taken is false when it has none.
// failed is what was wrong with the values; OnLoad reported it.
func (h *Host) reconfigure(s *script) (taken bool, failed *diag.Error) {
	s.loading.Lock()
	defer s.loading.Unlock()
	if s.stopped {
		return true, nil // it is given them when it starts
	}
	_, may, err := h.read(s) // a permission may name a value
	if err != nil {
		return true, nil // it was logged; what runs goes on as before
	}
	values := h.configured(s.Name)
	failed = s.change(may, func() (failed *diag.Error) {
		taken, failed = s.Configure(values, luabind.ConfigEvent, func(vm *engine.VM) (func(*lua.LState) *lua.LTable, *diag.Error) {
			return luabind.Reconfigure(vm, values)
		})
		return failed
	})
	return taken, failed
}

// reloadAsked loads a script again, with what the configuration says now.
func (h *Host) reloadAsked(ctx context.Context, s *script) error {
	change, err := h.takeConfig()
	if err != nil {
		h.refuseConfig(err)
		return err
	}
	h.sayRestart(change)
	return h.reloadOne(ctx, s, engine.ReasonAsked)
}

// watchConfig takes in the configuration when it, or a file that it refers to, is saved.
func (h *Host) watchConfig() (stop func()) {
	if h.opts.NoWatch || !h.cfg.Scripts.Watch || h.opts.reread == nil {
		return func() {}
	}
	w, err := engine.WatchFiles(h.configFiles, h.opts.Poll, h.clock, h.log, h.configChanged)
	if err != nil {
		h.log.Error("changes of the configuration are not noticed; use bridgehost reload", "err", err)
		return func() {}
	}
	return w.Close
}

// configFiles are those that make the configuration.
func (h *Host) configFiles() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string{h.latest.Path}, h.refers...)
}
