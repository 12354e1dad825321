package egress

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/jonboulle/clockwork"

	"bridgehost/capability"
)

// Granted is who may connect, and where to: a script. Nil grants allow everything.
type Granted interface {
	Grants() *capability.Grants
}

// need is what the target takes.
func (t Target) need() capability.Need {
	if t.Need.Valid() {
		return t.Need
	}
	return capability.NetConnect
}

// addresses are those that may be connected to: the name is looked up once, and each
// address that it leads to is judged. What is connected to is what was judged.
func (d *Dialer) addresses(ctx context.Context, t Target, script string, g *capability.Grants) ([]netip.Addr, error) {
	refuse := func(e Error) error {
		e.Op, e.Address, e.Code = "connect to", t.Address(), CodeAddress
		return &e
	}
	host, ok := plainHost(t.Host)
	if !ok {
		return nil, refuse(Error{Why: fmt.Sprintf("%q is no plain name and no plain address", t.Host), Advice: "connect by the name, or by the address in its usual form"})
	}
	port := strconv.Itoa(t.Port)
	if !g.Reaches(t.need(), host, port) {
		return nil, refuse(Error{Why: "it was not granted", Advice: advice(script, t.need(), host, port)})
	}
	found, err := d.lookUp(ctx, host)
	if err != nil {
		return nil, err
	}
	var allowed []netip.Addr
	var last Error
	for _, a := range found {
		why := d.refused(a, t.Port)
		switch {
		case why != "":
			last = Error{Why: fmt.Sprintf("%s, and no bundle connects to that", leads(host, a, why))}
		case kind(a) == "" || g.Names(t.need(), host, port, a):
			allowed = append(allowed, a)
		default:
			last = Error{Why: leads(host, a, kind(a)) + ", and that was not named", Advice: advice(script, t.need(), a.String(), port)}
		}
	}
	if len(allowed) == 0 {
		return nil, refuse(last)
	}
	return allowed, nil
}

// leads says where a name leads to.
func leads(host string, a netip.Addr, what string) string {
	if host == a.String() {
		return "this is " + what
	}
	return fmt.Sprintf("the name leads to %s, %s", a, what)
}

// advice is what the owner would have to grant.
func advice(script string, need capability.Need, host, port string) string {
	scope := net.JoinHostPort(host, port)
	switch {
	case need == capability.HTTPFetch && port == "443":
		scope = "https://" + scope + "/"
	case need == capability.HTTPFetch:
		scope = "http://" + scope + "/"
	}
	return fmt.Sprintf("the owner of this host can grant it: bridgehost permissions %s --grant '%s %s'", script, need, scope)
}

func (d *Dialer) lookUp(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	found, err := d.cfg.Resolve(ctx, host)
	if err == nil && len(found) == 0 {
		err = &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return found, err
}

// Protect keeps bundles from connecting to address, which is one of the host's own
// listeners, whatever they were granted. stop ends that.
func (d *Dialer) Protect(address net.Addr) (stop func()) {
	tcp, ok := address.(*net.TCPAddr)
	if !ok {
		return func() {}
	}
	own := tcp.AddrPort()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.own[own]++
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.own[own]--; d.own[own] == 0 {
			delete(d.own, own)
		}
	}
}

// refused says what is behind an address that no bundle reaches; "" when that may be.
func (d *Dialer) refused(a netip.Addr, port int) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for own := range d.own {
		if int(own.Port()) == port && sameMachine(own.Addr().Unmap(), a.Unmap()) {
			return "a listener of bridgehost's own"
		}
	}
	return ""
}

// sameMachine tells whether who connects to a reaches a listener on own. One that
// listens on a loopback address is taken to be reached by all of them.
func sameMachine(own, a netip.Addr) bool {
	if own == a || kind(a) == thisMachine && (own.IsUnspecified() || kind(own) == thisMachine) {
		return true
	}
	if !own.IsUnspecified() {
		return false
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return true // nothing is known: the port decides
	}
	for _, of := range all {
		if p, err := netip.ParsePrefix(of.String()); err == nil && p.Addr().Unmap() == a {
			return true
		}
	}
	return false
}

// judged connects a script that was granted g.
func (d *Dialer) judged(ctx context.Context, t Target, script string, g *capability.Grants) (net.Conn, netip.Addr, error) {
	allowed, err := d.addresses(ctx, t, script, g)
	if err != nil {
		return nil, netip.Addr{}, err
	}
	return d.connect(ctx, allowed, t.Port)
}

// stillAllowed tells whether a connection that stands would be made again. One that was
// made when everything was allowed has no address that was judged: it is not.
func (d *Dialer) stillAllowed(g *capability.Grants, t Target, remote netip.Addr) bool {
	host, ok := plainHost(t.Host)
	port := strconv.Itoa(t.Port)
	return ok && remote.IsValid() && g.Reaches(t.need(), host, port) && d.refused(remote, t.Port) == "" &&
		(kind(remote) == "" || g.Names(t.need(), host, port, remote))
}

// connect tries the addresses in their order; each gets its share of the time left.
func (d *Dialer) connect(ctx context.Context, addresses []netip.Addr, port int) (c net.Conn, to netip.Addr, err error) {
	for i, a := range addresses {
		c, err = d.try(ctx, netip.AddrPortFrom(a, uint16(port)), len(addresses)-i)
		if err == nil || ctx.Err() != nil {
			return c, a, err
		}
	}
	return nil, netip.Addr{}, err
}

func (d *Dialer) try(ctx context.Context, to netip.AddrPort, shares int) (net.Conn, error) {
	if end, ok := ctx.Deadline(); ok && shares > 1 {
		var cancel context.CancelFunc
		ctx, cancel = clockwork.WithTimeout(ctx, d.cfg.Clock, d.cfg.Clock.Until(end)/time.Duration(shares))
		defer cancel()
	}
	return d.cfg.Dial(ctx, "tcp", to.String())
}
