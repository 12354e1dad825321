package host

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"bridgehost/bundle"
	"bridgehost/diag"
	"bridgehost/engine"
)

// readSource reads a script's files and what its manifest says of them; m is nil without
// one. A manifest that is not valid is no error here: loading the source reports it.
func readSource(name, path string) (src engine.Source, m *bundle.Manifest, err error) {
	if src, err = engine.ReadSource(name, path); err != nil {
		return src, nil, err
	}
	text, ok := src.Files[engine.ManifestFile]
	if !ok {
		return src, nil, nil
	}
	if m, err = readManifest(text, src.Files); err != nil {
		src.Bad = manifestError(err)
		return src, nil, nil
	}
	src.Main, src.Version = m.Main, m.Version
	addOwn(&src, m, path)
	return src, m, nil
}

// readManifest reads a manifest that stands among files.
func readManifest(text string, files map[string]string) (*bundle.Manifest, error) {
	m, err := bundle.Parse(text)
	if err == nil {
		err = m.HasMain(text, files)
	}
	if err == nil {
		_, err = manifestLimits(m)
	}
	return m, err
}

// manifestError is a mistake in a manifest as it is shown.
func manifestError(err error) *diag.Error {
	e := &diag.Error{Kind: diag.KindUsage, Code: "E_MANIFEST", Message: err.Error(), Where: bundle.File, Cause: err}
	var wrong *bundle.Error
	if !errors.As(err, &wrong) {
		return e
	}
	e.Message, e.Hint = wrong.Message, wrong.Hint
	if near := diag.Suggest(wrong.Word, wrong.Known); near != "" {
		e.Message += fmt.Sprintf("; did you mean '%s'?", near)
	} else if len(wrong.Known) > 0 && e.Hint == "" {
		e.Hint = "there are " + strings.Join(wrong.Known, ", ")
	}
	e.Where = fmt.Sprintf("%s:%d", bundle.File, max(wrong.Line, 1))
	return e
}

// manifestLimits reads [limits], in the form that bridgehost.toml has them.
func manifestLimits(m *bundle.Manifest) (LimitsConfig, error) {
	var l LimitsConfig
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(m.Limits); err != nil {
		return l, &bundle.Error{Message: "[limits]: " + err.Error()}
	}
	_, err := toml.Decode(text.String(), &l)
	if err == nil {
		err = l.check("limits")
	}
	if err != nil {
		message := strings.TrimPrefix(err.Error(), "toml: ")
		if parts := typeError.FindStringSubmatch(err.Error()); parts != nil {
			message = parts[2] + ": " + parts[3]
		}
		return l, &bundle.Error{Message: "[limits] " + message}
	}
	return l, nil
}

// manifest is what the script's manifest says; nil when it has none that is valid: loading it says so.
func (f found) manifest() *bundle.Manifest {
	if f.bundle != nil {
		if b, err := f.bundle.shelf.open(f.bundle.entry); err == nil {
			return b.Manifest
		}
		return nil
	}
	text, err := os.ReadFile(filepath.Join(f.path, bundle.File))
	if err != nil {
		return nil // a single file, or a folder without manifest
	}
	m, err := bundle.Parse(string(text))
	if err != nil {
		return nil
	}
	return m
}

// askLess lowers limits to what a script's manifest asks for; it cannot raise them.
func askLess(l engine.Limits, m *bundle.Manifest) engine.Limits {
	if m == nil {
		return l
	}
	ask, err := manifestLimits(m)
	if err != nil {
		return l
	}
	lower(&l.CPU, time.Duration(ask.CPU))
	lower(&l.Handler, time.Duration(ask.Handler))
	lower(&l.Memory, int64(ask.Memory))
	lower(&l.String, int(ask.String))
	lower(&l.Handlers, ask.Handlers)
	lower(&l.Connections, ask.Connections)
	lower(&l.CallDepth, ask.CallDepth)
	lower(&l.Timers, ask.Timers)
	lower(&l.Queue, ask.Queue)
	lower(&l.OpenFiles, ask.OpenFiles)
	lower(&l.SQL, int64(ask.SQL))
	return l
}

func lower[T int | int64 | time.Duration](to *T, asked T) {
	if asked > 0 {
		*to = min(*to, asked)
	}
}
