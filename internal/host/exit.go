package host

import (
	"context"
	"errors"
	"fmt"

	"bridgehost/bundle"
	"bridgehost/control"
	"bridgehost/diag"
	"bridgehost/store/sqlite"
)

// The exit codes of the command line. Source: the manual's table.
const (
	ExitFailed     = 1 // for a reason not below
	ExitConfig     = 3 // configuration, registration or manifest not valid
	ExitScript     = 4 // a script does not load or failed
	ExitHomeserver = 5 // not reachable, or it did not accept us
	ExitNotRunning = 6 // no running host to talk to
	ExitRefused    = 7 // signature, permission, lock mismatch, or a bundle that is not as it should be
	ExitInUse      = 8 // data of a newer version, or in use by another process
)

// ErrHomeserver is wrapped when the homeserver cannot be reached or does not accept us.
var ErrHomeserver = errors.New("homeserver")

// ErrShown is wrapped by errors that were printed already, in full.
var ErrShown = errors.New("shown above")

// ErrChunks is returned for a console of which a line failed; the errors were shown.
var ErrChunks error = &scriptError{text: "what was evaluated failed, see above"}

// scriptError is a script that does not load or failed: its text was made for reading.
type scriptError struct {
	err  *diag.Error
	text string
}

func (e *scriptError) Error() string { return e.text }

func (e *scriptError) Unwrap() error {
	if e.err == nil { // it came over the control socket, as text
		return nil
	}
	return e.err
}

// ExitCode is the exit code that an error of this package ends the command with.
func ExitCode(err error) int {
	var script *scriptError
	var asked *control.Error
	var refused *bundle.Refused
	var manifest *bundle.Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &asked):
		return max(asked.Exit, ExitFailed)
	case errors.As(err, &script):
		return ExitScript
	case errors.Is(err, ErrConfig), errors.Is(err, ErrManifest):
		return ExitConfig
	case errors.Is(err, ErrHomeserver):
		return ExitHomeserver
	case errors.Is(err, control.ErrNotRunning):
		return ExitNotRunning
	case errors.As(err, &manifest):
		return ExitConfig
	case errors.As(err, &refused):
		return ExitRefused
	case errors.Is(err, sqlite.ErrNewer), errors.Is(err, sqlite.ErrInUse):
		return ExitInUse
	}
	return ExitFailed
}

// Call asks the host that runs with cfg.
func Call(ctx context.Context, cfg Config, name string, in, out any) error {
	return told(cfg, name, control.Call(ctx, cfg.Data, name, in, out))
}

// told says what to do when a call did not come to its end.
func told(cfg Config, name string, err error) error {
	if errors.Is(err, control.ErrNotRunning) {
		return fmt.Errorf("%w; start it: bridgehost run --config %s", err, cfg.Path)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the running bridgehost did not answer %q in time; wait longer with --timeout, or see its log", name)
	}
	return err
}
