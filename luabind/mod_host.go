package luabind

import (
	"bridgehost/diag"
	"bridgehost/egress"
	"bridgehost/engine"
)

// A Host that also implements Connections lets scripts open some. The limit on their
// number is the engine's.
type Connections interface {
	// Egress is the one dialer of the host.
	Egress() *egress.Dialer
}

// generation is the loaded version of the script that a call belongs to: what
// declares handlers and owns handles.
func (env *Env) generation() (*engine.Generation, error) {
	g, ok := env.VM.Owner().(*engine.Generation)
	if !ok || g == nil {
		return nil, &diag.Error{Kind: diag.KindUsage, Code: "E_NO_GENERATION",
			Message: "this function works in a script that the host keeps running",
			Hint:    "put the script into the scripts folder, or run it with `bridgehost dev`"}
	}
	return g, nil
}

// account is what the script's connections are counted in.
func (env *Env) account() (*egress.Account, error) {
	h, ok := env.Script.Host.(Connections)
	if !ok {
		return nil, &diag.Error{Kind: diag.KindPermission, Code: "E_NO_NETWORK", Message: "this host opens no connections"}
	}
	a := h.Egress().Account(env.Script.Name, env.VM.Limits().Connections)
	a.Judge(env.Script)
	return a, nil
}

// declaring refuses what belongs to the top level, in the engine's words.
func (env *Env) declaring(what string) error {
	t := env.VM.Task()
	if t != nil && t.TopLevel() {
		return nil
	}
	where := "after loading"
	if t != nil {
		where = "in " + t.Label
	}
	return &diag.Error{Kind: diag.KindUsage, Code: "E_TOP_LEVEL",
		Message: what + " must be called at the top level of the script (it was called " + where + ")",
		Hint:    "move the call out of the function, to the top level of the file"}
}

// fails makes an error of what the engine returns: a nil *diag.Error is none.
func fails(e *diag.Error) error {
	if e == nil {
		return nil
	}
	return e
}
