package host

import (
	"errors"

	"bridgehost/diag"
	"bridgehost/engine"
)

// read reads a script's files; what keeps them from it is logged once. s.loading is held.
func (h *Host) read(s *script) (engine.Source, *permitted, error) {
	src, may, err := s.found.read(h.values(s.Name))
	switch {
	case err == nil:
		s.unread.Store(nil)
	case errors.Is(err, engine.ErrNoScript) && s.Current() != nil: // reloadOne says it
	case s.problem() != err.Error():
		text := err.Error()
		s.unread.Store(&text)
		still := "nothing runs"
		if g := s.Current(); g != nil {
			still = running(g.Number)
		}
		h.log.Error("script not read; "+still, "script", s.Name, "err", err)
	}
	return src, may, err
}

// problem is why the script's files could not be read; "" when they can be.
func (s *script) problem() string {
	if text := s.unread.Load(); text != nil {
		return *text
	}
	return ""
}

// allow says what the script may do from now on; nil: everything.
func (s *script) allow(may *permitted) {
	if s.may = may; may != nil {
		s.lua.SetGrants(may.grants)
		s.files.Store(&may.files)
	}
}

// change loads a source that may do something else than the one that runs. While one takes the
// place of the other, what either may do is allowed.
func (s *script) change(may *permitted, load func() *diag.Error) *diag.Error {
	if may == nil {
		return load()
	}
	before := s.may
	s.lua.SetGrants(may.both(before))
	s.files.Store(&may.files)
	failed := load()
	if failed != nil && before != nil {
		may = before
	}
	s.allow(may)
	return failed
}

// values are what the owner's configuration says to a script.
func (h *Host) values(script string) map[string]any {
	return h.configured(script).Values
}
