// Package egress is the one door through which scripts open connections. It judges where
// they lead to, counts them per script, verifies TLS, and puts names on what the network answers.
//
// A person's own scripts reach everything. For a bundle the name is looked up first, each
// address that it leads to is judged by what was granted, and the connection is made to an
// address that was judged: another look-up, which may answer otherwise, does not happen.
//
// A host makes one Dialer; each script gets its own Account from it. A connection
// stays counted until it is closed:
//
//	account := dialer.Account("irc", 64)
//	conn, err := account.Dial(ctx, egress.Target{Host: "irc.libera.chat", Port: 6697, TLS: true})
package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"bridgehost/capability"
)

// DefaultTimeout is how long a Dial may take, TLS included, when the Target names no time.
const DefaultTimeout = 30 * time.Second

// Config is what a Dialer is made from. The zero value dials the real network.
type Config struct {
	// Dial opens a plain connection; nil: the network's. Tests put fakes here.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Resolve looks up the addresses of a name, for scripts that may not go everywhere; nil: the
	// network's. Tests put fakes here.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// Secure turns a plain connection into one of TLS with the host of that name; nil: real TLS.
	// Tests put fakes here.
	Secure func(ctx context.Context, plain net.Conn, name string) (net.Conn, error)
	// Roots are the certificate authorities to trust; nil: the system's.
	Roots *x509.CertPool
	// Clock tells timeouts; nil: the real one.
	Clock clockwork.Clock
}

// Dialer opens connections for all scripts of a host.
type Dialer struct {
	cfg Config

	mu       sync.Mutex
	accounts map[string]*Account
	own      map[netip.AddrPort]int // the host's listeners, which bundles never reach
}

// New makes a Dialer.
func New(cfg Config) *Dialer {
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{}).DialContext
	}
	if cfg.Resolve == nil {
		cfg.Resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if cfg.Clock == nil {
		cfg.Clock = clockwork.NewRealClock()
	}
	if cfg.Secure == nil {
		cfg.Secure = func(ctx context.Context, plain net.Conn, name string) (net.Conn, error) {
			secure := tls.Client(plain, &tls.Config{ServerName: name, RootCAs: cfg.Roots, MinVersion: tls.VersionTLS12})
			return secure, secure.HandshakeContext(ctx)
		}
	}
	return &Dialer{cfg: cfg, accounts: map[string]*Account{}, own: map[netip.AddrPort]int{}}
}

// Account returns the account of a script, the same one over all its generations.
// limit is how many connections it may have open at once; the last caller's counts.
func (d *Dialer) Account(script string, limit int) *Account {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.accounts[script]
	if a == nil {
		a = &Account{dialer: d, script: script}
		d.accounts[script] = a
	}
	a.mu.Lock()
	a.limit = limit
	a.mu.Unlock()
	return a
}

// Account counts the connections of one script.
type Account struct {
	dialer *Dialer
	script string

	mu      sync.Mutex
	limit   int
	open    int
	granted Granted // nil: everything
	conns   map[*Conn]Target
}

// Judge says whose grants decide where the account's connections lead to.
func (a *Account) Judge(by Granted) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.granted = by
}

func (a *Account) grants() *capability.Grants {
	a.mu.Lock()
	by := a.granted
	a.mu.Unlock()
	if by == nil {
		return nil
	}
	return by.Grants()
}

// recheck closes the connections that the script's grants do not allow any more.
func (a *Account) recheck() {
	g := a.grants()
	if g == nil {
		return
	}
	a.mu.Lock()
	var over []*Conn
	for c, t := range a.conns {
		if !a.dialer.stillAllowed(g, t, c.remote) {
			over = append(over, c)
		}
	}
	a.mu.Unlock()
	for _, c := range over {
		_ = c.Close() // nothing can be done about it
	}
}

// Open is how many connections are open now, those being opened included.
func (a *Account) Open() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open
}

// Recheck closes the connections of a script that its grants do not allow any more.
func (d *Dialer) Recheck(script string) {
	d.mu.Lock()
	a := d.accounts[script]
	d.mu.Unlock()
	if a != nil {
		a.recheck()
	}
}

// Target is where to.
type Target struct {
	Need       capability.Need // what it takes; the zero value means net:connect
	Host       string
	Port       int
	TLS        bool
	ServerName string        // for TLS, when the certificate names another host; "": Host
	Timeout    time.Duration // for all of it; 0: DefaultTimeout
}

// Address is "host:port", with brackets around an IPv6 address.
func (t Target) Address() string { return net.JoinHostPort(t.Host, strconv.Itoa(t.Port)) }

// Dial connects and, for TLS, checks the certificate. Errors are *Error.
func (a *Account) Dial(ctx context.Context, t Target) (*Conn, error) {
	if !a.take() {
		return nil, &Error{Op: "connect to", Address: t.Address(), Code: CodeLimit, Limit: a.max()}
	}
	g := a.grants()
	plain, remote, err := a.dialer.dial(ctx, t, a.script, g)
	if err != nil {
		a.give()
		return nil, err
	}
	c := &Conn{Conn: plain, account: a, address: t.Address(), remote: remote}
	a.mu.Lock()
	if a.conns == nil {
		a.conns = map[*Conn]Target{}
	}
	a.conns[c] = t
	a.mu.Unlock()
	if now := a.grants(); now != g { // they were changed meanwhile
		a.recheck()
	}
	return c, nil
}

func (a *Account) take() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open >= a.limit {
		return false
	}
	a.open++
	return true
}

func (a *Account) give() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open--
}

// forget gives the place of a closed connection back.
func (a *Account) forget(c *Conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open--
	delete(a.conns, c)
}

func (a *Account) max() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.limit
}

// dial connects. remote is the address that was judged; the zero value when none had to be.
func (d *Dialer) dial(ctx context.Context, t Target, script string, g *capability.Grants) (c net.Conn, remote netip.Addr, err error) {
	if t.Timeout <= 0 {
		t.Timeout = DefaultTimeout
	}
	ctx, cancel := clockwork.WithTimeout(ctx, d.cfg.Clock, t.Timeout)
	defer cancel()
	var plain net.Conn
	if g == nil {
		plain, err = d.cfg.Dial(ctx, "tcp", t.Address())
	} else {
		plain, remote, err = d.judged(ctx, t, script, g)
	}
	if err != nil {
		return nil, remote, d.failed(ctx, "connect to", t, err)
	}
	if !t.TLS {
		return plain, remote, nil
	}
	name := t.ServerName
	if name == "" {
		name = t.Host
	}
	secure, err := d.cfg.Secure(ctx, plain, name)
	if err != nil {
		_ = plain.Close() // the handshake's error says more
		return nil, remote, d.failed(ctx, "agree on TLS with", t, err)
	}
	return secure, remote, nil
}

// failed wraps err; when the time given for the Target is over, it says so.
func (d *Dialer) failed(ctx context.Context, op string, t Target, err error) *Error {
	if known := (*Error)(nil); errors.As(err, &known) {
		return known
	}
	e := &Error{Op: op, Address: t.Address(), Code: codeOf(err), Err: err}
	if ctx.Err() == context.DeadlineExceeded {
		e.Code, e.After = CodeTimeout, t.Timeout
	}
	return e
}
