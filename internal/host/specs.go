package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"

	"bridgehost/diag"
	"bridgehost/egress"
	"bridgehost/engine"
	"bridgehost/luabind"
	"bridgehost/luatest"
	"bridgehost/matrix"
)

// specBridges implements luatest.Bridges.
type specBridges struct{ log hclog.Logger }

// SpecBridges makes hosts for specs. Hosts of specs log nothing unless log is at debug:
// what goes wrong is part of the spec's story.
func SpecBridges(log hclog.Logger) luatest.Bridges {
	if !log.IsDebug() {
		log = hclog.NewNullLogger()
	}
	return specBridges{log.Named("spec")}
}

// Open implements luatest.Bridges: a whole host, without network, watching and control socket.
func (s specBridges) Open(ctx context.Context, o luatest.BridgeOptions) (luatest.Bridge, error) {
	f, err := specScript(o)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bridgehost-spec-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the data of a spec: %w", err)
	}
	b := &specBridge{dir: dir, name: f.name}
	cfg := DefaultConfig()
	cfg.Data, cfg.Scripts.Dir, cfg.Scripts.Watch = dir, filepath.Dir(f.path), false
	cfg.Homeserver.Name, cfg.Homeserver.URL = o.ServerName, o.URL
	cfg.Storage.Durability = "normal"
	cfg.Scripts.Config = map[string]map[string]any{f.name: o.Config}
	for _, name := range o.Dirs {
		if cfg.Scripts.DirsOf == nil {
			cfg.Scripts.DirsOf = map[string]map[string]string{f.name: {}}
		}
		at := filepath.Join(dir, "dirs", strconv.Itoa(len(cfg.Scripts.DirsOf[f.name])))
		cfg.Scripts.DirsOf[f.name][name] = at
		err = errors.Join(err, os.MkdirAll(at, 0o700))
	}
	cfg.Scripts.Admins = []string{"@admin:" + o.ServerName}
	if cfg.Appservice.Registration = o.Registration; o.Registration == "" {
		cfg.Appservice.Registration = filepath.Join(dir, "registration.yaml")
		err = errors.Join(err, devRegister(cfg, o.Homeserver, "http://bridgehost.test"))
	}
	client := matrix.NewHTTPClient()
	client.Transport = o.Transport
	log := hclog.NewInterceptLogger(&hclog.LoggerOptions{Level: s.log.GetLevel(), Output: io.Discard})
	log.RegisterSink(&specLog{s.log, o.Logged})
	if err == nil {
		b.h, err = open(cfg, Options{Log: log, Clock: clockwork.NewRealClock(), NoWatch: true, only: &f, capabilities: o.Capabilities, Report: specReporter{o},
			http: client, Egress: egress.Config{Dial: o.Dial, Resolve: o.Resolve, Secure: o.Secure}, computing: o.Computing, cover: o.Cover, observe: o.Observe})
	}
	if err == nil {
		err = b.h.loadAll(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	b.server = b.h.appservice()
	return b, nil
}

// specScript finds the script that a spec means: a folder's main file means the folder.
func specScript(o luatest.BridgeOptions) (found, error) {
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return found{}, err
	}
	dir := filepath.Dir(path)
	if of, ok := nameOf(dir); ok && (filepath.Base(path) == "main.lua" || filepath.Base(path) == of+".lua") {
		path = dir
	}
	name, ok := nameOf(path)
	if !ok {
		return found{}, &diag.Error{Kind: diag.KindUsage, Message: "there is no script at " + o.Path, Hint: "t.load wants a path relative to the spec"}
	}
	if o.Name != "" {
		name = o.Name
	}
	return found{name: name, path: path}, CheckName(name)
}

// specBridge implements luatest.Bridge.
type specBridge struct {
	h      *Host
	name   string
	dir    string
	server http.Handler
	source string // that was loaded in place of the file's; "" when none was
}

func (b *specBridge) Appservice() http.Handler { return b.server }
func (b *specBridge) Hooks() http.Handler      { return b.h.hookHandler() }
func (b *specBridge) Script() *luabind.Script  { return b.h.script(b.name).lua }

func (b *specBridge) Busy() bool { return b.h.busy() }

func (b *specBridge) Refused() *diag.Error {
	var failed *diag.Error
	if s := b.h.script(b.name); s.Current() == nil && errors.As(s.Refused(), &failed) {
		return failed
	}
	return nil
}

func (b *specBridge) Reload(ctx context.Context, source string) error {
	b.source = source
	return b.load(ctx, engine.ReasonAsked)
}

func (b *specBridge) load(ctx context.Context, reason string) error {
	s := b.h.script(b.name)
	if b.source == "" {
		return b.h.reloadOne(ctx, s, reason)
	}
	src, _, err := s.found.read(nil)
	if err != nil {
		return err
	}
	src.Files[src.Main] = b.source
	if failed := s.Reload(ctx, src, reason); failed != nil {
		return failed
	}
	return nil
}

func (b *specBridge) Configure(ctx context.Context, values map[string]any) error {
	b.h.mu.Lock()
	b.h.latest.Scripts.Config = map[string]map[string]any{b.name: values}
	b.h.mu.Unlock()
	switch taken, failed := b.h.reconfigure(b.h.script(b.name)); {
	case failed != nil:
		return failed
	case taken:
		return nil
	}
	return b.load(ctx, engine.ReasonConfig)
}

func (b *specBridge) Files() map[string]string {
	if loads := b.h.script(b.name).Loads(); len(loads) > 0 {
		return loads[len(loads)-1].Sources
	}
	return nil
}

func (b *specBridge) Close() error {
	var err error
	if b.h != nil {
		err = b.h.close()
	}
	return errors.Join(err, os.RemoveAll(b.dir))
}

// specReporter hands what a script does to the spec.
type specReporter struct{ o luatest.BridgeOptions }

func (specReporter) Loaded(engine.LoadReport, string)        {}
func (r specReporter) Failed(report engine.Report, _ string) { r.o.Report(report) }
func (r specReporter) Printed(_, line string)                { r.o.Printed(line) }

// specLog hands the host's log to the spec, and to the log of who runs it.
type specLog struct {
	log    hclog.Logger
	logged func(luabind.SpecLog)
}

// Accept implements hclog.SinkAdapter.
func (l *specLog) Accept(name string, level hclog.Level, msg string, args ...any) {
	if name != "" {
		l.log.Named(name).Log(level, msg, args...)
	} else {
		l.log.Log(level, msg, args...)
	}
	line := luabind.SpecLog{Level: level.String(), Message: msg, Fields: map[string]string{}}
	for i := 0; i+1 < len(args); i += 2 {
		line.Fields[fmt.Sprint(args[i])] = fmt.Sprint(args[i+1])
	}
	l.logged(line)
}

// FindSpecs lists the specs that a path means: a *_spec.lua itself, or those below a folder.
func FindSpecs(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("there is no spec at %s", path)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	err = filepath.WalkDir(path, func(p string, e os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && p != path && strings.HasPrefix(e.Name(), "."):
			return filepath.SkipDir
		case !e.IsDir() && strings.HasSuffix(e.Name(), "_spec.lua"):
			files = append(files, p)
		}
		return nil
	})
	return files, err
}
