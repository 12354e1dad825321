// Package host is the wiring: configuration in, running host out. It is the only package
// that knows all others. Run serves a homeserver, Exec runs one script to its end, Dev runs
// one against a homeserver in the process.
package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"

	"bridgehost/appservice"
	"bridgehost/control"
	"bridgehost/egress"
	"bridgehost/engine"
	"bridgehost/intent"
	"bridgehost/luabind"
	"bridgehost/matrix"
	"bridgehost/portal"
	"bridgehost/store/sqlite"
)

// Options are what the command line says of a run.
type Options struct {
	Log     hclog.Logger
	Listen  string // in place of appservice.listen
	Poll    bool
	NoWatch bool
	Color   bool            // errors of scripts in colours
	Errors  io.Writer       // where errors of scripts are shown in full; nil: in the log, as `details`
	Clock   clockwork.Clock // nil: real time
	// Report shows what scripts do, for `dev`; nil: the log does.
	Report Reporter
	// activity hears what scripts are given and what they ask for, for `dev`; nil: nobody does.
	activity *activity
	// capabilities are what that script may do; nil: everything.
	capabilities *[]string
	// only is the one script that runs, for `dev`; nil: those of scripts.dir.
	only *found
	// reread reads the configuration again; nil: it does not change.
	reread func() (Config, error)
	// Egress is the network that scripts connect to; the zero value is the real one.
	Egress egress.Config
	// Granted says of scripts, by name, what they may do, as bridges.lock has it: for tests.
	// Those that are not there may do everything.
	Granted map[string][]string
	// What follows is for specs, which have no network and no real time.
	http      *http.Client     // to the homeserver; nil: one of our own
	computing func() time.Time // see engine.Config.Computing
	cover     *engine.Coverage
	observe   func(luabind.Observed)
	// used was recorded in an earlier session of `dev`.
	used []sqlite.Use
}

// shutdownLimit is how long handlers may go on when the host ends.
const shutdownLimit = 10 * time.Second

// Host is the running program: one registration, one homeserver, any number of scripts.
type Host struct {
	cfg     Config
	opts    Options
	reg     *appservice.Registration
	log     hclog.Logger
	clock   clockwork.Clock
	started time.Time
	logs    *logs
	forget  func() // ends the keeping of logs

	consoles consoles

	db     *sqlite.DB
	pool   *intent.Pool
	router *portal.Router
	inbox  *inbox
	asked  *questions
	heard  *ephemeral
	egress *egress.Dialer
	uses   *uses

	running context.Context // ends when the host stops to ask the homeserver things
	cancel  context.CancelFunc

	starting sync.WaitGroup // what goes on until running ends: second starts, pings, SIGHUP

	telling sync.WaitGroup // what is said to rooms beside the handlers

	hooks hooks // where the routes of scripts are

	scanning sync.Mutex // one at a time looks for scripts

	configuring sync.Mutex // one at a time reads the configuration again

	mu      sync.Mutex
	latest  Config   // as the configuration was last read; what scripts are given comes from it
	refers  []string // files that the configuration refers to, valid or not
	refusal string   // why what stands there now was not taken in
	scripts map[string]*script
	lately  map[string]time.Time        // when the log last told of an error
	refused map[string]bool             // what was said of files that cannot be scripts
	told    map[matrix.RoomID]time.Time // when a room last heard of a dead letter
	pinged  Ping                        // what became of the last ping
}

// open makes a host that serves nothing yet: store open, intents made, no script loaded.
func open(cfg Config, o Options) (*Host, error) {
	reg, err := readRegistration(cfg, o.Log)
	if err != nil {
		return nil, err
	}
	if o.Clock == nil {
		o.Clock = clockwork.NewRealClock()
	}
	h := &Host{cfg: cfg, latest: cfg, opts: o, reg: reg, log: o.Log, clock: o.Clock, started: o.Clock.Now(),
		scripts: map[string]*script{}, refused: map[string]bool{}, lately: map[string]time.Time{}, told: map[matrix.RoomID]time.Time{}}
	if cfg.source != nil {
		h.refers = cfg.source.files
	}
	h.db, err = sqlite.Open(sqlite.Options{Dir: cfg.Data,
		Durability: cfg.Storage.Durability, Owns: h.owns, Clock: o.Clock, Log: o.Log.Named("store"),
	})
	if err != nil {
		return nil, err
	}
	h.logs, h.forget = keepLogs(o.Log, o.Clock)
	h.running, h.cancel = context.WithCancel(context.Background())
	client := o.http
	if o.activity != nil {
		client = matrix.NewHTTPClient()
		client.Transport = watched{client.Transport, o.activity}
	}
	h.pool = intent.NewPool(intent.Config{
		HTTP:          client,
		HomeserverURL: cfg.Homeserver.URL, ServerName: cfg.Homeserver.Name, ASToken: reg.ASToken,
		Bot: matrix.NewUserID(reg.SenderLocalpart, cfg.Homeserver.Name), BridgeName: cfg.Appservice.BridgeName,
		Retries: cfg.Homeserver.Retries, Store: h.db, Clock: o.Clock, Log: o.Log.Named("intent"), Owns: h.owns,
	})
	h.inbox, h.asked, h.heard = newInbox(h), &questions{h}, &ephemeral{h: h}
	h.egress = egress.New(o.Egress)
	h.uses = newUses(h)
	if o.only != nil && len(o.used) > 0 {
		if err := h.db.AddUses(context.Background(), o.only.name, o.used...); err != nil {
			h.log.Debug("what was used before is not known", "err", err)
		}
	}
	h.router = h.newRouter()
	return h, nil
}

// owns tells the users of our registration.
func (h *Host) owns(user matrix.UserID) bool { return h.reg.OwnsUser(user) }

// close ends everything, in the order in which it depends on each other.
func (h *Host) close() error {
	h.cancel()
	defer h.forget()
	h.starting.Wait()
	var ending sync.WaitGroup
	for _, s := range h.all() {
		ending.Go(func() { s.Close(shutdownLimit) })
	}
	ending.Wait()
	h.inbox.asking.Wait()
	h.telling.Wait()
	return h.db.Close()
}

func (h *Host) script(name string) *script {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.scripts[name]
}

// all lists the scripts by name.
func (h *Host) all() []*script {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []*script
	for _, name := range slices.Sorted(maps.Keys(h.scripts)) {
		all = append(all, h.scripts[name])
	}
	return all
}

func (h *Host) backlog() int {
	n := 0
	for _, s := range h.all() {
		n += s.Backlog()
	}
	return n
}

// Run serves until ctx ends.
func Run(ctx context.Context, cfg Config, o Options) error {
	if cfg.source != nil {
		o.reread = func() (Config, error) { return ReadConfig(cfg.source.name) }
	}
	h, err := open(cfg, o)
	if err != nil {
		return err
	}
	address := cfg.Appservice.Listen
	if o.Listen != "" {
		address = o.Listen
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		err = listenError(address, o.Listen != "", err)
	} else {
		err = h.serve(ctx, listener, func() {})
	}
	return errors.Join(err, h.close())
}

// serve answers the homeserver on listener until ctx ends. ready is called once it does.
func (h *Host) serve(ctx context.Context, listener net.Listener, ready func()) error {
	defer listener.Close()
	defer h.egress.Protect(listener.Addr())()
	answerSIGHUP, stopSignals := h.catchSIGHUP()
	defer stopSignals()
	ctl, err := control.Listen(filepath.Join(h.cfg.Data, control.SocketName), h.calls())
	if err != nil {
		return err
	}
	defer ctl.Close()
	defer h.logs.end()
	stopWatching := h.watch()
	defer stopWatching()
	stopWatchingConfig := h.watchConfig()
	defer stopWatchingConfig()
	if err := h.loadAll(ctx); err != nil {
		return err
	}
	if err := h.inbox.resume(ctx); err != nil {
		return err
	}
	var fresh newConns
	server := &http.Server{Handler: h.appservice(), ReadHeaderTimeout: 10 * time.Second, ConnState: fresh.track}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	stopAdmin := h.serveAdmin()
	defer stopAdmin()
	stopHooks := h.serveHooks()
	defer stopHooks()
	h.starting.Go(func() { answerSIGHUP(h.running) })
	if h.cfg.Scripts.Update == "auto" && h.cfg.Path != "" {
		h.starting.Go(func() { h.updateDaily(h.running) })
	}
	h.log.Info("serving", "listen", listener.Addr().String(), "homeserver", h.cfg.Homeserver.URL, "scripts", len(h.all()))
	ready()
	h.starting.Go(func() { h.ping(ctx) })
	select {
	case err = <-failed:
		return fmt.Errorf("serve the homeserver: %w", err)
	case <-ctx.Done():
	}
	h.log.Info("stopping; handlers finish", "at_most", shutdownLimit)
	fresh.close()
	shutdown(server)
	return nil
}

func (h *Host) appservice() http.Handler {
	return appservice.NewServer(appservice.ServerOptions{
		Registration: h.reg, Log: h.inbox, Queries: h.asked, ThirdParty: h.asked, Clock: h.clock, Logger: h.log.Named("appservice"),
		OnGap: func() { h.starting.Go(func() { h.pingSoon(h.running) }) },
	})
}
