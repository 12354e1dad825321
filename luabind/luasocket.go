package luabind

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"bridgehost/egress"
)

// tcpSocket is an object of LuaSocket's: a stream once it is connected. It is an engine.Handle.
type tcpSocket struct {
	mu     sync.Mutex
	stream *stream // nil until it is connected
	closed bool
	block  time.Duration // how long a call may make no progress; negative: for ever
	total  time.Duration // how long a call may take
}

func newTCPSocket() *tcpSocket { return &tcpSocket{block: -1, total: -1} }

// isClosed tells whether it was closed here.
func (s *tcpSocket) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// connected is the stream, nil when there is none.
func (s *tcpSocket) connected() *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stream
}

// limits are those of settimeout.
func (s *tcpSocket) limits() (block, total time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.block, s.total
}

// limit is the shorter of the two, for calls that wait once; ok is false when there is none.
func (s *tcpSocket) limit() (d time.Duration, ok bool) {
	block, total := s.limits()
	switch {
	case block < 0:
		return total, total >= 0
	case total < 0:
		return block, true
	}
	return min(block, total), true
}

// Alive implements engine.Handle.
func (s *tcpSocket) Alive() bool {
	stream := s.connected()
	return stream != nil && stream.Alive()
}

// Close implements engine.Handle.
func (s *tcpSocket) Close() error {
	s.mu.Lock()
	stream := s.stream
	s.closed = true
	s.mu.Unlock()
	if stream == nil {
		return nil
	}
	return stream.Close()
}

// String is what tostring shows, as LuaSocket does.
func (s *tcpSocket) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stream != nil:
		return "tcp{client}: " + s.stream.conn.Address()
	case s.closed:
		return "tcp{closed}"
	}
	return "tcp{master}"
}

// peer is the other side's address: of the network if it says one, else as it was asked for.
func (s *tcpSocket) peer() (host string, port int, family string) {
	conn := s.connected().conn
	address := conn.Address()
	if remote := conn.RemoteAddr(); remote != nil {
		if _, _, err := net.SplitHostPort(remote.String()); err == nil {
			address = remote.String()
		}
	}
	host, digits, _ := net.SplitHostPort(address)
	port, _ = strconv.Atoi(digits) // both were checked when it was dialled
	family = "inet"
	if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
		family = "inet6"
	}
	return host, port, family
}

// luaSocketError is an error as LuaSocket says it. Source: its usocket.c and pierror.h.
func luaSocketError(err error) string {
	var e *egress.Error
	switch {
	case errors.Is(err, io.EOF):
		return "closed"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case !errors.As(err, &e):
		return err.Error()
	}
	switch e.Code {
	case egress.CodeClosed, egress.CodePipe, egress.CodeReset:
		return "closed"
	case egress.CodeTimeout:
		return "timeout"
	case egress.CodeRefused:
		return "connection refused"
	case egress.CodeNotFound:
		return "host or service not provided, or not known"
	}
	return e.Error()
}

// A wish says when LuaSocket's receive has what it was asked for.
type wish func(taking bool) want

// wholeLine wants a line with its end; what comes before the stream's end without one is no line.
func wholeLine(taking bool) want {
	return func(s *stream) ([]byte, bool, int, error) {
		if s.err != nil && bytes.IndexByte(s.buf, '\n') < 0 {
			return nil, false, 0, s.err
		}
		return line(taking)(s)
	}
}

// bytesExactly wants n bytes.
func bytesExactly(n int) wish {
	return func(taking bool) want {
		return func(s *stream) ([]byte, bool, int, error) {
			if s.err != nil && len(s.buf) < n {
				return nil, false, 0, s.err
			}
			return atMost(n, taking)(s)
		}
	}
}

// untilEnd wants all that comes until the end, which must be something.
func untilEnd(limit int) wish {
	return func(taking bool) want {
		return func(s *stream) ([]byte, bool, int, error) {
			if s.err != nil && len(s.buf) == 0 {
				return nil, false, 0, s.err
			}
			return everything(limit, taking)(s)
		}
	}
}

// whatThereIs wants what is in the buffer, and never waits.
func whatThereIs(taking bool) want {
	return func(s *stream) ([]byte, bool, int, error) {
		part := s.buf
		if taking && len(part) > 0 {
			defer s.drop(len(part))
		}
		return part, true, 0, nil
	}
}

// progress waits until take would not block, or the limits are over; it takes nothing.
func (s *tcpSocket) progress(ctx context.Context, clock clockwork.Clock, p wish) (late bool) {
	stream := s.connected()
	block, total := s.limits()
	whole := ctx
	if total >= 0 {
		limited, cancel := clockwork.WithTimeout(ctx, clock, total)
		defer cancel()
		whole = limited
	}
	for {
		stream.mu.Lock()
		_, ok, _, err := p(false)(stream)
		seen := len(stream.buf)
		stream.mu.Unlock()
		if ok || err != nil {
			return false
		}
		step, cancel := whole, context.CancelFunc(func() {})
		if block >= 0 {
			step, cancel = clockwork.WithTimeout(whole, clock, block)
		}
		stream.ready(step, more(seen, p))
		over := step.Err() != nil
		cancel()
		if over {
			return ctx.Err() == nil
		}
	}
}

// more is ready as soon as anything comes.
func more(seen int, p wish) want {
	return func(s *stream) ([]byte, bool, int, error) {
		part, ok, hold, err := p(false)(s)
		return part, ok || len(s.buf) > seen, hold, err
	}
}
