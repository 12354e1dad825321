package host

import (
	"context"
	"fmt"

	"bridgehost/control"
	"bridgehost/diag"
	"bridgehost/engine"
)

// wouldReload says what a reload would do: sources are compiled, and nothing is run.
func (h *Host) wouldReload(ctx context.Context, in ReloadCall) (ReloadAnswer, error) {
	out := ReloadAnswer{Scripts: []Reloaded{}, DryRun: true}
	if in.Script == "" || h.script(in.Script) == nil {
		fresh, err := h.wouldLoad(in.Script)
		if err != nil || in.Script != "" && len(fresh) > 0 {
			return ReloadAnswer{Scripts: fresh, DryRun: true}, err
		}
		out.Scripts = fresh
	}
	scripts, err := h.named(in.Script)
	if err != nil {
		return out, err
	}
	for _, s := range scripts {
		if s.stopped && in.Script == "" {
			continue
		}
		if s.stopped {
			return out, errStopped(s.Name)
		}
		r := h.loaded(s, h.compiles(s.found), in.Color)
		if r.Error == "" {
			r.Would = fmt.Sprintf("be loaded again; %s until then", running(r.Generation))
		}
		if in.ReplayFailed {
			letters, err := h.db.DeadLetters(ctx, s.Name)
			if err != nil {
				return out, err
			}
			r.Replayed = len(letters)
		}
		out.Scripts = append(out.Scripts, r)
	}
	return out, nil
}

// wouldLoad are the scripts on disk that nobody has loaded yet; with a name, that one.
func (h *Host) wouldLoad(name string) ([]Reloaded, error) {
	list := []Reloaded{}
	found, _, err := h.discover()
	if err != nil {
		return list, err
	}
	for _, f := range found {
		if h.script(f.name) != nil || name != "" && f.name != name {
			continue
		}
		r := Reloaded{Script: f.name, Would: "be loaded for the first time"}
		if err := h.compiles(f); err != nil {
			r.Would, r.Error = "", err.Error()
		}
		list = append(list, r)
	}
	return list, nil
}

// compiles tells why a script on disk would not even be run.
func (h *Host) compiles(f found) error {
	src, _, err := f.read(h.values(f.name))
	switch {
	case err != nil:
		return err
	case src.Bad != nil:
		return src.Bad
	}
	if _, failed := engine.CompileSource(src); failed != nil {
		return failed
	}
	return nil
}

func wouldRollback(ctx context.Context, s *script, to int) (ReloadAnswer, error) {
	number, failed := s.RollbackTo(ctx, to)
	if failed != nil {
		return ReloadAnswer{}, nothingOlder(failed)
	}
	r := Reloaded{Script: s.Name, Would: fmt.Sprintf("run the source of generation %d again, until the next save", number)}
	if g := s.Current(); g != nil {
		r.Generation = g.Number
	}
	return ReloadAnswer{Scripts: []Reloaded{r}, DryRun: true}, nil
}

// nothingOlder is why there is nothing to go back to.
func nothingOlder(failed *diag.Error) error {
	return &control.Error{Message: failed.Message + "; " + failed.Hint, Exit: ExitFailed}
}

func wouldStart(s *script) ReloadAnswer {
	r := Reloaded{Script: s.Name, Would: "be started; it handles what waited"}
	if g := s.Current(); g != nil {
		r.Generation, r.Would = g.Number, fmt.Sprintf("go on as it is: %s", running(g.Number))
	}
	return ReloadAnswer{Scripts: []Reloaded{r}, DryRun: true}
}
