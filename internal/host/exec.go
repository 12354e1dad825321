package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/hashicorp/go-hclog"

	"bridgehost/diag"
	"bridgehost/engine"
)

// ExecOptions are what the command line says of an exec.
type ExecOptions struct {
	Log            hclog.Logger
	Stdout, Stderr io.Writer
	Color          bool // of the script's error
}

// execName is what the data of an exec belongs to; a script cannot be called so.
const execName = "host"

// Exec runs one script to its end with the whole API.
func Exec(ctx context.Context, cfg Config, path string, args []string, o ExecOptions) error {
	h, err := open(cfg, Options{Log: o.Log})
	if err != nil {
		return err
	}
	return errors.Join(h.exec(ctx, path, args, o), h.close())
}

func (h *Host) exec(ctx context.Context, path string, args []string, o ExecOptions) error {
	src, err := readScript(path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrShown, h.shown(o, &diag.Error{Kind: diag.KindUsage, Message: err.Error()}, nil))
	}
	if args == nil {
		args = []string{}
	}
	s, err := h.newScript(found{name: execName, path: path}, &standalone{args: args,
		print: func(line string) { fmt.Fprintln(o.Stdout, line) }})
	if err != nil {
		return err
	}
	defer s.Close(shutdownLimit)
	failed := s.Exec(ctx, src)
	if failed != nil && ctx.Err() != nil { // it was told to end
		return fmt.Errorf("%w: %w", ErrShown, ctx.Err())
	}
	if failed != nil {
		return fmt.Errorf("%w: %w", ErrShown, h.shown(o, failed, src.Files))
	}
	return nil
}

// shown writes an error for reading.
func (h *Host) shown(o ExecOptions, e *diag.Error, files map[string]string) error {
	text := diag.Render(e, diag.Files(files), diag.Options{Color: o.Color})
	fmt.Fprint(o.Stderr, text)
	return &scriptError{err: e, text: text}
}

// readScript reads what the command line names.
func readScript(path string) (engine.Source, error) {
	src, _, err := readSource(strings.TrimSuffix(filepath.Base(path), ".lua"), path)
	if errors.Is(err, fs.ErrNotExist) {
		return src, fmt.Errorf("there is no script at %s", path)
	}
	return src, err
}
