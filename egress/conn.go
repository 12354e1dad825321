package egress

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// WriteStall is how long a write may make no progress at all before it fails.
const WriteStall = 30 * time.Second

// writeChunk is how much is handed to the network under one deadline, so that a
// slow peer is told from a dead one.
const writeChunk = 64 << 10

// Conn is one counted connection. Read and Write may run at once; two Writes may not.
type Conn struct {
	net.Conn
	account *Account
	address string
	remote  netip.Addr // that was judged; the zero value when none had to be
	once    sync.Once
	err     error
}

// Address is what was dialled, "host:port".
func (c *Conn) Address() string { return c.address }

// Close closes the connection and gives its place back. It may be called again.
func (c *Conn) Close() error {
	c.once.Do(func() {
		c.err = c.Conn.Close()
		c.account.forget(c)
	})
	return c.err
}

// Read reads what is there. The error is io.EOF at the end of the stream, else an *Error.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	return n, c.wrap("read from", err)
}

// WriteContext writes all of p. It fails when the peer takes no byte for WriteStall,
// and when ctx ends; n tells how much went out then.
func (c *Conn) WriteContext(ctx context.Context, p []byte) (n int, err error) {
	stop := context.AfterFunc(ctx, func() { _ = c.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	for len(p) > 0 {
		if ctx.Err() != nil {
			return n, &Error{Op: "write to", Address: c.address, Code: CodeTimeout, Err: context.Cause(ctx)}
		}
		part := p[:min(len(p), writeChunk)]
		if err := c.SetWriteDeadline(time.Now().Add(WriteStall)); err != nil {
			return n, c.wrap("write to", err)
		}
		if ctx.Err() != nil { // the deadline of the past may have been overwritten
			continue
		}
		m, err := c.Conn.Write(part)
		n += m
		p = p[m:]
		if err != nil && (m == 0 || codeOf(err) != CodeTimeout) {
			return n, c.wrap("write to", err)
		}
	}
	return n, nil
}

func (c *Conn) wrap(op string, err error) error {
	if err == nil || isEOF(err) {
		return err
	}
	return &Error{Op: op, Address: c.address, Code: codeOf(err), Err: err}
}
