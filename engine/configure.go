package engine

import (
	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
)

// Configure gives the running generation other values while it runs, if it has handlers of
// event and is what the files say; taken tells whether it was, else the script is to be loaded. ready checks
// the values: its error means that the generation goes on with those that it has. What it
// returns is called with the VM's lock, once, puts them in place and makes the handlers'
// argument. A handler that raises is reported, and the values count as not taken.
func (s *Script) Configure(values any, event string, ready func(*VM) (give func(*lua.LState) *lua.LTable, err *diag.Error)) (taken bool, err *diag.Error) {
	defer s.exclusive()()
	g := s.Current()
	if g == nil || len(g.Handlers(event)) == 0 || g.pinned == "" && g.hash != s.lastTried() {
		return false, nil
	}
	give, err := ready(g.vm)
	if err != nil {
		s.announce(LoadReport{Script: s.Name, Reason: ReasonConfig, Hash: g.hash, Err: err, Sources: g.source.Files, At: s.clock.Now()}, err)
		return true, err
	}
	var arg *lua.LTable
	failed := g.fire(event, func(L *lua.LState) *lua.LTable {
		if arg == nil {
			arg = give(L)
		}
		return arg
	})
	if failed != nil {
		s.report(g, failed, event)
		return false, nil
	}
	g.source.Values = values
	s.setRefused(nil)
	if s.cfg.OnLoad != nil {
		s.cfg.OnLoad(LoadReport{Script: s.Name, Number: g.Number, Running: g.Number, Reason: ReasonGiven, Hash: g.hash, At: s.clock.Now(), Sources: g.source.Files})
	}
	return true, nil
}
