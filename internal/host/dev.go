package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"

	"bridgehost/appservice"
	"bridgehost/control"
	"bridgehost/devserver"
	"bridgehost/store/sqlite"
)

// DevOptions are what the command line says of a dev session.
type DevOptions struct {
	Path    string // of the script: a folder or a .lua file
	In      io.Reader
	Out     io.Writer
	Log     hclog.Logger
	Poll    bool
	NoWatch bool
	Listen  string // of the chat page; "": 127.0.0.1:8470, or the next free port
}

// devName is the simulated homeserver's name.
const devName = "bh.test"

// Dev runs one script against a homeserver in this process, with a chat page and a prompt at
// which one writes as a user. It returns at the end of the input, at /quit, or when ctx ends.
func Dev(ctx context.Context, o DevOptions) error {
	f, root, err := devScript(o.Path)
	if err != nil {
		return err
	}
	return devWith(ctx, o, f, root, func(*session) {})
}

// devWith runs the session; begun is called before anything of it runs.
func devWith(ctx context.Context, o DevOptions, f found, root string, begun func(*session)) error {
	used, _ := usesIn(ctx, devDir(root, f), f.name) // of the sessions before; without it there is less to read
	cfg, err := devConfig(ctx, root, f)
	if err != nil {
		return err
	}
	reread := func() (Config, error) { return devScripts(root) }
	if o.Log.IsInfo() && !o.Log.IsDebug() {
		o.Log.SetLevel(hclog.Warn) // what else there is to say, the prompt says; -v shows all
	}
	clock := clockwork.NewRealClock()
	hs := devserver.New(devserver.Options{ServerName: devName, Clock: clock, Log: o.Log.Named("homeserver")})
	defer hs.Close()
	if cfg.Homeserver.URL, err = hs.Start("127.0.0.1:0"); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen on this machine: %w", err)
	}
	if err := devRegister(cfg, hs, "http://"+listener.Addr().String()); err != nil {
		listener.Close()
		return err
	}
	s := newSession(f, o, hs, clock)
	h, err := open(cfg, Options{Log: o.Log, Clock: clock, Poll: o.Poll, NoWatch: o.NoWatch, Report: s, activity: s.activity, only: &f, reread: reread, used: used})
	if err != nil {
		listener.Close()
		return err
	}
	if err := s.openPage(h, hs, o); err != nil {
		listener.Close()
		return errors.Join(err, h.close())
	}
	defer s.page.Close()
	if err := s.prompt.furnish(); err != nil {
		listener.Close()
		return errors.Join(err, h.close())
	}
	begun(s)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := s.prompt.watch(ctx)
	defer stop()
	ready, served := make(chan struct{}), make(chan error, 1)
	go func() { served <- h.serve(ctx, listener, func() { close(ready) }) }()
	select {
	case <-ready:
		err = s.prompt.run(ctx, h)
	case err = <-served:
		served <- nil
	}
	cancel()
	return errors.Join(err, <-served, h.close())
}

// devScript finds the script and the folder to watch.
func devScript(path string) (f found, root string, err error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return f, "", err
	}
	name, ok := nameOf(abs)
	if !ok {
		return f, "", fmt.Errorf("%w: there is no script at %s: a .lua file is expected, or a folder with main.lua or %s.lua",
			ErrConfig, path, filepath.Base(abs))
	}
	if err := CheckName(name); err != nil {
		return f, "", fmt.Errorf("%w: %w", ErrConfig, err)
	}
	root = abs
	if strings.HasSuffix(abs, ".lua") {
		root = filepath.Dir(abs)
	}
	return found{name: name, path: abs}, root, nil
}

// configName is what the configuration is called.
const configName = "bridgehost.toml"

// devScripts is a configuration of which [scripts] counts: the one beside the script, if there is one.
func devScripts(root string) (Config, error) {
	cfg := DefaultConfig()
	cfg.Path = filepath.Join(root, configName)
	if _, err := os.Stat(cfg.Path); err != nil {
		return cfg, nil
	}
	known := cfg // that it may leave out
	known.Homeserver.URL, known.Homeserver.Name = "http://"+devName, devName
	written, err := readConfig(cfg.Path, known)
	if written.source != nil {
		written.source.name = configName
	}
	cfg.source = written.source
	if err == nil {
		cfg.Scripts, cfg.HTTP = written.Scripts, written.HTTP
	}
	return cfg, err
}

// devDir is where the data of a script that `dev` runs lies.
func devDir(root string, f found) string { return filepath.Join(root, ".bridgehost", "dev", f.name) }

// devValues are the values of all scripts' configurations in it; none when it cannot be read.
func devValues(root string) map[string]map[string]any {
	cfg, err := devScripts(root)
	if err != nil {
		return nil
	}
	return cfg.Scripts.Config
}

// devConfig is a configuration for the simulated homeserver.
func devConfig(ctx context.Context, root string, f found) (Config, error) {
	cfg, err := devScripts(root)
	if err != nil {
		return cfg, err
	}
	cfg.Data = devDir(root, f)
	var answered *control.Error
	if err := control.Call(ctx, cfg.Data, CallStatus, ScriptCall{}, nil); err == nil || errors.As(err, &answered) {
		return cfg, fmt.Errorf("%s runs in another dev session, whose data this one would throw away: %w", f.name, sqlite.ErrInUse)
	}
	// The simulated homeserver forgets everything at its end: what was known of it must go too.
	if err := os.RemoveAll(cfg.Data); err != nil {
		return cfg, fmt.Errorf("clear the data of the last session: %w", err)
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return cfg, err
	}
	cfg.Homeserver.Name = devName
	cfg.Appservice.Registration = filepath.Join(cfg.Data, "registration.yaml")
	cfg.Scripts.Dir, cfg.Scripts.Watch = root, true
	cfg.Scripts.Admins = append(cfg.Scripts.Admins, "@you:"+devName)
	cfg.Storage.Durability = "normal"
	return cfg, nil
}

// devRegister makes a registration and tells the simulated homeserver of it.
func devRegister(cfg Config, hs *devserver.Server, url string) error {
	reg, err := appservice.NewRegistration(appservice.NewOptions{URL: url, ServerName: cfg.Homeserver.Name, Prefix: cfg.Appservice.Prefix})
	if err != nil {
		return err
	}
	if err := reg.Write(cfg.Appservice.Registration, true); err != nil {
		return err
	}
	a := devserver.Appservice{ID: reg.ID, URL: url, ASToken: reg.ASToken, HSToken: reg.HSToken,
		SenderLocalpart: reg.SenderLocalpart, PushEphemeral: reg.PushEphemeral}
	for _, n := range reg.Namespaces.Users {
		a.UserRegex = append(a.UserRegex, n.Regex)
	}
	for _, n := range reg.Namespaces.Aliases {
		a.AliasRegex = append(a.AliasRegex, n.Regex)
	}
	hs.AddAppservice(a)
	return nil
}

// settle waits until the bridge has handled everything that was said, as long as limit at most.
func (h *Host) settle(ctx context.Context, hs *devserver.Server, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for range 2 { // what a handler sends comes back as an event
		if hs.Idle(ctx) != nil {
			return
		}
		for h.busy() {
			select {
			case <-h.clock.After(2 * time.Millisecond):
			case <-ctx.Done():
				return
			}
		}
	}
}

// busy tells whether a script that runs has something to do. What waits for one that does
// not load is not waited for.
func (h *Host) busy() bool {
	for _, s := range h.all() {
		if s.Current() != nil && s.Busy() {
			return true
		}
	}
	return false
}
