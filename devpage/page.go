// Package devpage is the chat page of `bridgehost dev`: one page in the binary, through
// which people write to their bridge, see what the script did for each event, and choose
// what goes wrong. It shows a devserver.Server and what a Host tells it; it is live by
// server-sent events, asks nothing of any other machine, and answers on loopback only to
// who knows the key.
//
//	page, err := devpage.New(devpage.Options{Server: hs, Host: h, Listen: "127.0.0.1:8470"})
//	fmt.Println(page.URL()) // http://127.0.0.1:8470/?k=…
//	page.Put(devpage.Row{ID: 1, Kind: devpage.Work, Title: `message "hello"`})
//	page.Close()
package devpage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jonboulle/clockwork"

	"bridgehost/devserver"
)

// DefaultListen is where the page is, or at the next free port.
const DefaultListen = "127.0.0.1:8470"

// portsTried is how many ports are tried from the default one on.
const portsTried = 20

// ErrNotLoopback is wrapped when the page should listen where others could reach it.
var ErrNotLoopback = errors.New("not an address of this machine alone")

// Options is what a Page is made of. Server and Host are needed.
type Options struct {
	Server *devserver.Server
	Host   Host
	Listen string // "": DefaultListen, or the next free port
	Clock  clockwork.Clock
	Log    hclog.Logger
}

// Host is what the page needs of the host that runs the script.
type Host interface {
	// Script is how the script is now.
	Script() Script
	// Reload loads the script again. A source that does not load is no error: the host tells
	// of it by Page.Put and Refresh, as it does after a save.
	Reload(ctx context.Context) error
	// Rollback runs the version before until the next save.
	Rollback(ctx context.Context) error
	// TestsAvailable tells whether Test does something.
	TestsAvailable() bool
	// Test runs the script's tests and returns their report as people read it.
	Test(ctx context.Context) (report string, passed bool, err error)
}

// Script is how the script is, for the head of its column.
type Script struct {
	Name       string `json:"name"`
	File       string `json:"file"` // "echo.lua"
	Bot        string `json:"bot"`
	Ghosts     string `json:"ghosts"` // what the ids of its ghosts begin with
	Generation int    `json:"generation"`
	State      State  `json:"state"`
	Summary    string `json:"summary"` // "2 handlers, 1 command"
	Problem    string `json:"problem"` // why what is on disk does not run, in full
	Keys       int    `json:"keys"`    // in its stores
	Timers     int    `json:"timers"`
	Waiting    int    `json:"waiting"` // events that are not finished
	Tests      bool   `json:"tests"`   // set by the page
}

// State says whether what is on disk runs.
type State string

// The states of a script.
const (
	Running   State = "running"
	NotLoaded State = "not loaded"   // an earlier generation answers
	Stopped   State = "nothing runs" // its events wait
)

// Page is the running page.
type Page struct {
	o      Options
	key    string
	cookie string
	host   string // "127.0.0.1:8470", what the Host header must say, or localhost with that port
	port   string
	server *http.Server
	ended  chan struct{} // closed by Close
	once   sync.Once
	stop   func() // of the subscription

	mu   sync.Mutex
	subs map[*subscriber]bool
	rows []Row // the last ones, oldest first
}

// New makes the page and begins to serve it.
func New(o Options) (*Page, error) {
	l, err := listen(o.Listen)
	if err != nil {
		return nil, err
	}
	p := newPage(o, l.Addr().String())
	p.server = &http.Server{Handler: p.Handler(), ReadHeaderTimeout: 10 * time.Second}
	p.stop = o.Server.Subscribe(p.happened)
	go func() {
		if err := p.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			p.o.Log.Error("the chat page has ended", "err", err)
		}
	}()
	return p, nil
}

// newPage makes a page that is told where it is.
func newPage(o Options, address string) *Page {
	if o.Clock == nil {
		o.Clock = clockwork.NewRealClock()
	}
	if o.Log == nil {
		o.Log = hclog.NewNullLogger()
	}
	_, port, _ := net.SplitHostPort(address)                                                          // a listener's address has one
	return &Page{o: o, key: rand.Text(), host: address, port: port, cookie: "bridgehost_dev_" + port, // cookies do not tell ports apart
		ended: make(chan struct{}), subs: map[*subscriber]bool{}, stop: func() {}}
}

// listen opens the port that was asked for, or the first free one from the default on.
func listen(address string) (net.Listener, error) {
	if address != "" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("the chat page cannot listen on %q: write it as 127.0.0.1:8470: %w", address, err)
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return nil, fmt.Errorf("the chat page cannot listen on %s: %w; it lets one act as every user, so use 127.0.0.1", address, ErrNotLoopback)
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			return nil, fmt.Errorf("the chat page cannot listen on %s: %w; choose another port with --listen, or leave the flag out", address, err)
		}
		return l, nil
	}
	host, port, _ := net.SplitHostPort(DefaultListen)
	first, _ := strconv.Atoi(port)
	for i := range portsTried {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(first+i)))
		if err == nil || !errors.Is(err, syscall.EADDRINUSE) {
			return l, err
		}
	}
	return net.Listen("tcp", net.JoinHostPort(host, "0"))
}

// URL is the page's address, with the key.
func (p *Page) URL() string { return "http://" + p.host + "/?k=" + p.key }

// Close ends the page and all that look at it.
func (p *Page) Close() {
	p.once.Do(func() {
		close(p.ended)
		p.stop()
		if p.server != nil {
			_ = p.server.Close() // nothing is left to be said
		}
	})
}
