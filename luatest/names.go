package luatest

import (
	"context"
	"net"
	"net/netip"
	"sync"
)

// names gives each name of the fake network an address, since what a bundle connects to
// is judged by its address. Nobody ever connects to one.
type names struct {
	mu   sync.Mutex
	of   map[string]netip.Addr
	name map[netip.Addr]string
}

// before is the last address that no name has. It is one of the open internet.
var before = netip.MustParseAddr("198.20.0.0")

// resolve is what egress asks. localhost is this machine, as everywhere.
func (n *names) resolve(_ context.Context, host string) ([]netip.Addr, error) {
	if host == "localhost" {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if a, ok := n.of[host]; ok {
		return []netip.Addr{a}, nil
	}
	if n.of == nil {
		n.of, n.name = map[string]netip.Addr{}, map[netip.Addr]string{}
	}
	a := before
	for range len(n.of) + 1 {
		a = a.Next()
	}
	n.of[host], n.name[a] = a, host
	return []netip.Addr{a}, nil
}

// named is the address with the name that led to it.
func (n *names) named(address string) string {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return address
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	name, ok := n.name[at.Addr()]
	if !ok {
		return address
	}
	_, port, _ := net.SplitHostPort(address) // it was read as one
	return net.JoinHostPort(name, port)
}
