package luatest

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"time"

	"bridgehost/devserver"
	"bridgehost/diag"
	"bridgehost/engine"
	"bridgehost/luabind"
)

// Bridges makes hosts for scripts under test. internal/host implements it.
type Bridges interface {
	Open(ctx context.Context, o BridgeOptions) (Bridge, error)
}

// BridgeOptions are what a host is made for.
type BridgeOptions struct {
	Path   string // of the script: a folder or a .lua file
	Name   string // "": that of the file
	Config map[string]any
	Dirs   []string // names of directories for bridge.fs, empty at first
	// Capabilities are what the script may do; nil: everything.
	Capabilities *[]string

	ServerName   string // after the colon in user ids
	URL          string // of the homeserver
	Transport    http.RoundTripper
	Registration string            // a file that the homeserver knows; "": one is made
	Homeserver   *devserver.Server // is told of the registration that is made

	Dial      func(ctx context.Context, network, address string) (net.Conn, error)
	Resolve   func(ctx context.Context, host string) ([]netip.Addr, error)
	Secure    func(ctx context.Context, plain net.Conn, name string) (net.Conn, error)
	Computing func() time.Time // real time, for budgets
	Report    func(engine.Report)
	Printed   func(line string)
	Logged    func(luabind.SpecLog)
	Observe   func(luabind.Observed) // see luabind.Script; may be nil
	Cover     *engine.Coverage       // nil: nobody wants to know which lines run
}

// Bridge is a host with one script, which was loaded.
type Bridge interface {
	// Appservice is what the homeserver pushes to.
	Appservice() http.Handler
	Script() *luabind.Script
	// Hooks serves the routes of the script.
	Hooks() http.Handler
	// Busy tells whether the script has something to do.
	Busy() bool
	// Refused is why the script did not load at first.
	Refused() *diag.Error
	// Reload loads it again: as it is on disk, or another source.
	Reload(ctx context.Context, source string) error
	// Configure changes its configuration while it runs.
	Configure(ctx context.Context, values map[string]any) error
	// Files are the sources that run, for excerpts.
	Files() map[string]string
	Close() error
}
