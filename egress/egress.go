// Package egress is the one door through which scripts open connections. It counts
// them per script, verifies TLS, and puts names on what the network answers.
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
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// DefaultTimeout is how long a Dial may take, TLS included, when the Target names no time.
const DefaultTimeout = 30 * time.Second

// Config is what a Dialer is made from. The zero value dials the real network.
type Config struct {
	// Dial opens a plain connection; nil: the network's. Tests put fakes here.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
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
}

// New makes a Dialer.
func New(cfg Config) *Dialer {
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{}).DialContext
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
	return &Dialer{cfg: cfg, accounts: map[string]*Account{}}
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

	mu    sync.Mutex
	limit int
	open  int
}

// Open is how many connections are open now, those being opened included.
func (a *Account) Open() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open
}

// Target is where to.
type Target struct {
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
	c, err := a.dialer.dial(ctx, t)
	if err != nil {
		a.give()
		return nil, err
	}
	return &Conn{Conn: c, account: a, address: t.Address()}, nil
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

func (a *Account) max() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.limit
}

func (d *Dialer) dial(ctx context.Context, t Target) (net.Conn, error) {
	if t.Timeout <= 0 {
		t.Timeout = DefaultTimeout
	}
	ctx, cancel := clockwork.WithTimeout(ctx, d.cfg.Clock, t.Timeout)
	defer cancel()
	plain, err := d.cfg.Dial(ctx, "tcp", t.Address())
	if err != nil {
		return nil, d.failed(ctx, "connect to", t, err)
	}
	if !t.TLS {
		return plain, nil
	}
	name := t.ServerName
	if name == "" {
		name = t.Host
	}
	secure, err := d.cfg.Secure(ctx, plain, name)
	if err != nil {
		_ = plain.Close() // the handshake's error says more
		return nil, d.failed(ctx, "agree on TLS with", t, err)
	}
	return secure, nil
}

// failed wraps err; when the time given for the Target is over, it says so.
func (d *Dialer) failed(ctx context.Context, op string, t Target, err error) *Error {
	e := &Error{Op: op, Address: t.Address(), Code: codeOf(err), Err: err}
	if ctx.Err() == context.DeadlineExceeded {
		e.Code, e.After = CodeTimeout, t.Timeout
	}
	return e
}
