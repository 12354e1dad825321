package luatest

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"bridgehost/diag"
	"bridgehost/luabind"
)

// network is where the connections of the scripts of one sentence end up.
type network struct {
	settle  func()
	mu      sync.Mutex
	servers map[string]*server
	order   []*server
	web     webs
	brokers brokers
	names   names
}

// server implements luabind.SpecServer: one address.
type server struct {
	settle  func()
	address string

	mu    sync.Mutex
	next  luabind.SpecTCP // what goes wrong with the next connections
	conns []*serverConn
	lines []string // of the script, not taken yet
	said  []string // both sides, for reading
}

// serverConn is the server's end of one connection.
type serverConn struct {
	net.Conn
	out    chan string   // what the spec sends
	done   chan struct{} // closed when the server hangs up or the script closes
	once   sync.Once
	script *scriptConn
}

// scriptConn is the script's end: its errors are those of TCP.
type scriptConn struct {
	net.Conn
	badTLS        bool
	reset, closed atomic.Bool
}

func (c *scriptConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF && c.reset.Load() {
		err = syscall.ECONNRESET
	}
	return n, err
}

func (c *scriptConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if errors.Is(err, io.ErrClosedPipe) && !c.closed.Load() {
		if err = syscall.EPIPE; c.reset.Load() {
			err = syscall.ECONNRESET
		}
	}
	return n, err
}

func (c *scriptConn) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}

// out holds so many lines that the script has not read.
const unread = 10_000

func newNetwork(settle func()) *network {
	return &network{settle: settle, servers: map[string]*server{}}
}

func (n *network) server(address string, o luabind.SpecTCP) (*server, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, fmt.Errorf("an address is HOST:PORT, as \"irc.test:6697\"; got %q", address)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.servers[address]
	if s == nil {
		s = &server{settle: n.settle, address: address}
		n.servers[address] = s
		n.order = append(n.order, s)
	}
	s.mu.Lock()
	s.next = o
	s.mu.Unlock()
	return s, nil
}

// dial is what egress calls.
func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	address = n.names.named(address)
	n.mu.Lock()
	s := n.servers[address]
	n.mu.Unlock()
	if s == nil {
		if c := n.web.accept(address); c != nil {
			return c, nil
		}
		if c := n.brokers.accept(address); c != nil {
			return c, nil
		}
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("the spec has no t.fake_tcp(%q): %w", address, syscall.ECONNREFUSED)}
	}
	s.mu.Lock()
	o := s.next
	s.mu.Unlock()
	switch o.Fails {
	case "ECONNREFUSED":
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case "ENOTFOUND":
		host, _, _ := net.SplitHostPort(address) // is HOST:PORT, see server
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	case "ETIMEDOUT":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return s.accept(o), nil
}

// secure takes TLS as given, unless the spec says otherwise.
func (n *network) secure(_ context.Context, plain net.Conn, _ string) (net.Conn, error) {
	if c, ok := plain.(*scriptConn); ok && c.badTLS {
		return nil, x509.UnknownAuthorityError{}
	}
	return plain, nil
}

func (n *network) close() {
	n.web.close()
	n.brokers.close()
	for _, s := range n.order {
		s.mu.Lock()
		conns := s.conns
		s.mu.Unlock()
		for _, c := range conns {
			c.hangUp()
			_ = c.Close() // nothing can be done about it
		}
	}
}

func (s *server) accept(o luabind.SpecTCP) net.Conn {
	script, ours := net.Pipe()
	c := &serverConn{Conn: ours, out: make(chan string, unread), done: make(chan struct{}),
		script: &scriptConn{Conn: script, badTLS: o.Fails == "E_TLS"}}
	s.mu.Lock()
	s.conns = append(s.conns, c)
	s.said = append(s.said, fmt.Sprintf("-- connection %d", len(s.conns)))
	s.mu.Unlock()
	if !o.Stalled {
		go s.read(c)
	}
	go c.write()
	return c.script
}

// read takes what the script says.
func (s *server) read(c *serverConn) {
	lines := bufio.NewScanner(c)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		line := strings.TrimSuffix(lines.Text(), "\r")
		s.mu.Lock()
		s.lines = append(s.lines, line)
		s.said = append(s.said, "script: "+line)
		s.mu.Unlock()
	}
	c.once.Do(func() {
		s.mu.Lock()
		s.said = append(s.said, "-- the script closed it")
		s.mu.Unlock()
		close(c.done)
	})
	_ = c.Close()
}

// write sends what the spec says, and closes after the last of it.
func (c *serverConn) write() {
	for {
		select {
		case text := <-c.out:
			if _, err := c.Write([]byte(text)); err != nil {
				return
			}
			continue
		default:
		}
		select {
		case text := <-c.out:
			if _, err := c.Write([]byte(text)); err != nil {
				return
			}
		case <-c.done:
			_ = c.Close()
			return
		}
	}
}

func (c *serverConn) hangUp() { c.once.Do(func() { close(c.done) }) }

// current is the last connection, if it stands.
func (s *server) current() (*serverConn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) == 0 {
		return nil, s.missing("the script has not connected to " + s.address)
	}
	c := s.conns[len(s.conns)-1]
	select {
	case <-c.done:
		return nil, s.missing("the connection to " + s.address + " was closed, and the script has not connected again")
	default:
		return c, nil
	}
}

// Send implements luabind.SpecServer.
func (s *server) Send(line string) error {
	s.settle()
	c, err := s.current()
	if err != nil {
		return err
	}
	s.say("server: " + line) // before the script can answer
	select {
	case c.out <- line + "\r\n":
	default:
		return s.Missing(fmt.Sprintf("the script does not read: %d lines wait for it", unread))
	}
	s.settle()
	return nil
}

// HangUp implements luabind.SpecServer.
func (s *server) HangUp(reset bool) error {
	s.settle()
	c, err := s.current()
	if err != nil {
		return err
	}
	c.script.reset.Store(reset)
	s.say("-- the server hung up")
	c.hangUp()
	s.settle()
	return nil
}

func (s *server) say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, text)
}

// Connections implements luabind.SpecServer.
func (s *server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Lines implements luabind.SpecServer.
func (s *server) Lines() []string {
	s.settle()
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.lines...)
}

// Take implements luabind.SpecServer.
func (s *server) Take(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = s.lines[n:]
}

// Missing implements luabind.SpecServer.
func (s *server) Missing(text string) *diag.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.missing(text)
}

// missing is Missing with s.mu held.
func (s *server) missing(text string) *diag.Error {
	return unmet(text, s.dialogue())
}

// dialogue is what was said, for reading. s.mu is held.
func (s *server) dialogue() string {
	if len(s.said) == 0 {
		return fmt.Sprintf("%s: nobody connected\n", s.address)
	}
	return s.address + ":\n" + indented(s.said)
}

var _ luabind.SpecServer = (*server)(nil)
