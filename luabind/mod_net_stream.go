package luabind

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"bridgehost/egress"
)

// How much of a socket's input is kept in memory, and the longest line.
const (
	streamBuffer = 64 << 10
	maxLine      = 256 << 10
)

// Why a stream gives nothing although it is not at its end.
var (
	errLineTooLong = fmt.Errorf("the line is longer than %d KiB", maxLine>>10)
	errTooMuch     = errors.New("the stream holds more than a script may read at once")
)

// stream is one connection with the goroutine that reads from it, so that waiting for
// input and taking it are two steps: a wait may be given up at any time and has taken
// nothing, and the next reader, of this VM or of the next generation's, finds every
// byte. It is an engine.Handle. All methods may be called by many at once.
type stream struct {
	conn  *egress.Conn
	slot  chan struct{} // who may write
	ended func()        // told once when it is closed; may be nil

	mu      sync.Mutex
	changed chan struct{} // closed and made anew whenever something below changes
	buf     []byte
	scanned int   // so much of buf holds no line feed
	want    int   // how much a reader waits for; the buffer may grow to that
	err     error // why nothing more comes: io.EOF at the end
	closed  bool
}

// newStream takes conn over and begins to read.
func newStream(conn *egress.Conn) *stream {
	s := &stream{conn: conn, slot: make(chan struct{}, 1), changed: make(chan struct{})}
	go s.pump()
	return s
}

// pump reads until the end, never more ahead than the buffer may hold.
func (s *stream) pump() {
	chunk := make([]byte, 16<<10)
	for {
		s.mu.Lock()
		for !s.closed && len(s.buf) >= max(streamBuffer, s.want) {
			changed := s.changed
			s.mu.Unlock()
			<-changed
			s.mu.Lock()
		}
		room := max(streamBuffer, s.want) - len(s.buf)
		closed := s.closed
		s.mu.Unlock()
		if closed {
			return
		}
		n, err := s.conn.Read(chunk[:min(room, len(chunk))])
		s.mu.Lock()
		s.buf = append(s.buf, chunk[:n]...)
		if err != nil && s.err == nil {
			s.err = err
		}
		s.broadcast()
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// broadcast wakes whoever waits. s.mu is held.
func (s *stream) broadcast() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Alive is false when the socket was closed, or the other side hung up and all that
// it sent has been read: what is still in the buffer passes to the next generation.
func (s *stream) Alive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closed && (s.err == nil || len(s.buf) > 0)
}

// onClose sets what is told when the stream is closed; at once when it is already.
func (s *stream) onClose(f func()) {
	s.mu.Lock()
	s.ended = f
	closed := s.closed
	s.mu.Unlock()
	if closed {
		f()
	}
}

// Close ends reads and writes; what is in the buffer is forgotten.
func (s *stream) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.err = &egress.Error{Op: "read from", Address: s.conn.Address(), Code: egress.CodeClosed}
	s.buf, s.scanned = nil, 0
	s.broadcast()
	ended := s.ended
	s.mu.Unlock()
	if ended != nil {
		ended()
	}
	return s.conn.Close()
}

// String is what tostring shows.
func (s *stream) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return fmt.Sprintf("socket (%s, closed)", s.conn.Address())
	case s.err != nil:
		return fmt.Sprintf("socket (%s, hung up)", s.conn.Address())
	}
	return fmt.Sprintf("socket (%s)", s.conn.Address())
}

// A want says what a reader is after. take looks at the stream with its lock held: ok
// is false when more must come first, and hold is how much the buffer must be able to hold.
type want func(s *stream) (part []byte, ok bool, hold int, err error)

// ready waits until take would not block. It takes nothing; a stream that ended counts
// as ready. It returns early when ctx ends.
func (s *stream) ready(ctx context.Context, w want) {
	for {
		s.mu.Lock()
		_, ok, hold, err := w(s)
		if ok || err != nil {
			s.mu.Unlock()
			return
		}
		if hold > s.want {
			s.want = hold
			s.broadcast() // the pump may read more now
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// take takes what w is after, at once. ok is false when it is not there (any more:
// another reader may have been quicker). io.EOF is the end of the stream.
func (s *stream) take(w want) (part []byte, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	part, ok, _, err = w(s)
	if !ok || err != nil {
		return nil, ok, err
	}
	part = bytes.Clone(part)
	s.want = 0
	return part, true, nil
}

// drop forgets the first n bytes of the buffer. s.mu is held.
func (s *stream) drop(n int) {
	s.scanned = 0
	if s.buf = s.buf[n:]; len(s.buf) == 0 {
		s.buf = nil // give the memory back
	}
	s.broadcast()
}

// line wants the next line. taking tells whether it is to be removed.
func line(taking bool) want {
	return func(s *stream) ([]byte, bool, int, error) {
		at := bytes.IndexByte(s.buf[s.scanned:], '\n')
		if at >= 0 {
			at += s.scanned
			text := bytes.TrimSuffix(s.buf[:at], []byte("\r"))
			if len(text) > maxLine {
				return nil, false, 0, errLineTooLong
			}
			if taking {
				defer s.drop(at + 1)
			}
			return text, true, 0, nil
		}
		s.scanned = len(s.buf)
		if len(s.buf) > maxLine+1 {
			return nil, false, 0, errLineTooLong
		}
		if s.err == nil {
			return nil, false, maxLine + 2, nil
		}
		return rest(s, taking)
	}
}

// atMost wants n bytes, or what there is before the end.
func atMost(n int, taking bool) want {
	return func(s *stream) ([]byte, bool, int, error) {
		if len(s.buf) >= n && !s.closed {
			part := s.buf[:n]
			if taking {
				defer s.drop(n)
			}
			return part, true, 0, nil
		}
		if s.err == nil {
			return nil, false, n, nil
		}
		return rest(s, taking)
	}
}

// everything wants all until the end, but no more than limit. At the end it is "".
func everything(limit int, taking bool) want {
	return func(s *stream) ([]byte, bool, int, error) {
		if len(s.buf) > limit {
			return nil, false, 0, errTooMuch
		}
		if s.err == nil {
			return nil, false, limit + 1, nil
		}
		if len(s.buf) == 0 && s.err == io.EOF {
			return []byte{}, true, 0, nil
		}
		return rest(s, taking)
	}
}

// rest is the last piece of a stream that ended. s.mu is held.
func rest(s *stream, taking bool) ([]byte, bool, int, error) {
	if len(s.buf) == 0 {
		return nil, false, 0, s.err
	}
	part := s.buf
	if taking {
		defer s.drop(len(part))
	}
	return part, true, 0, nil
}

// write sends all of p; writes of several callers do not mix. A write that was cut off
// in the middle closes the stream: nobody could say where the other side stands.
func (s *stream) write(ctx context.Context, p []byte) (int, error) {
	select {
	case s.slot <- struct{}{}:
		defer func() { <-s.slot }()
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	s.mu.Lock()
	err := s.writable()
	s.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := s.conn.WriteContext(ctx, p)
	if err != nil && n > 0 {
		_ = s.Close() // err says why
	}
	return n, err
}

// writable says why nothing can be written. s.mu is held. An end of input alone is no
// reason by TCP's rules, but a peer that hung up shows as nothing else.
func (s *stream) writable() error {
	var failed *egress.Error
	switch {
	case s.closed:
		return &egress.Error{Op: "write to", Address: s.conn.Address(), Code: egress.CodeClosed}
	case errors.As(s.err, &failed): // reading found out why
		return &egress.Error{Op: "write to", Address: s.conn.Address(), Code: failed.Code, Err: failed.Err}
	case s.err != nil:
		return &egress.Error{Op: "write to", Address: s.conn.Address(), Code: egress.CodePipe}
	}
	return nil
}
