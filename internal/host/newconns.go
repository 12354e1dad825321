package host

import (
	"net"
	"net/http"
	"sync"
)

// newConns are connections on which nothing was asked yet. http.Server.Shutdown waits five
// seconds for each of them, and clients keep some in reserve.
type newConns struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// track is a http.Server's ConnState.
func (n *newConns) track(c net.Conn, state http.ConnState) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if state != http.StateNew {
		delete(n.conns, c)
		return
	}
	if n.conns == nil {
		n.conns = map[net.Conn]struct{}{}
	}
	n.conns[c] = struct{}{}
}

// close closes them: who asks on one of them now asks again.
func (n *newConns) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.conns {
		_ = c.Close() // it held nothing
	}
}
