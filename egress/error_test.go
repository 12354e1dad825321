package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestErrorsHaveCodesAndReasons: what the network says, as scripts get it.
func TestErrorsHaveCodesAndReasons(t *testing.T) {
	sys := func(e syscall.Errno) error { return &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", e)} }
	for _, c := range []struct {
		err   error
		code  string
		text  string
		hint  string
		retry bool
	}{
		{err: sys(syscall.ECONNREFUSED), code: "ECONNREFUSED", text: "connection refused", hint: "host and port", retry: true},
		{err: sys(syscall.ECONNRESET), code: "ECONNRESET", text: "reset by the other side", retry: true},
		{err: sys(syscall.EPIPE), code: "EPIPE", text: "has hung up", retry: true},
		{err: sys(syscall.EHOSTUNREACH), code: "EHOSTUNREACH", text: "no way to that host", retry: true},
		{err: sys(syscall.ENETUNREACH), code: "EHOSTUNREACH", text: "no way to that host", retry: true},
		{err: sys(syscall.ETIMEDOUT), code: "ETIMEDOUT", text: "timed out", retry: true},
		{err: os.ErrDeadlineExceeded, code: "ETIMEDOUT", text: "timed out", retry: true},
		{err: &net.DNSError{Err: "no such host", Name: "nowhere.test", IsNotFound: true}, code: "ENOTFOUND", text: "no such host", hint: "spelling", retry: true},
		{err: &net.DNSError{Err: "server misbehaving", Name: "x.test", IsTimeout: true}, code: "ETIMEDOUT", text: "timed out", retry: true},
		{err: io.ErrUnexpectedEOF, code: "ECONNRESET", text: "reset by the other side", retry: true},
		{err: fmt.Errorf("read: %w", net.ErrClosed), code: "E_CLOSED", text: "connection is closed"},
		{err: &net.OpError{Op: "dial", Err: errors.New("something new")}, code: "E_NET", text: "something new", retry: true},
	} {
		dial := func(context.Context, string, string) (net.Conn, error) { return nil, c.err }
		_, err := New(Config{Dial: dial}).Account("s", 1).Dial(t.Context(), Target{Host: "irc.test", Port: 6697})
		e := codeIs(t, err, c.code)
		if want := "cannot connect to irc.test:6697: "; !strings.HasPrefix(err.Error(), want) || !strings.HasSuffix(err.Error(), c.text) {
			t.Errorf("%v reads %q", c.err, err)
		}
		if e.Retryable() != c.retry || !strings.Contains(e.Hint(), c.hint) || (c.hint == "") != (e.Hint() == "") {
			t.Errorf("%s: retryable %v, hint %q", e.Code, e.Retryable(), e.Hint())
		}
		if !errors.Is(err, c.err) || e.Timeout() != (c.code == CodeTimeout) {
			t.Errorf("%s: it wraps %v, timeout %v", e.Code, e.Err, e.Timeout())
		}
	}
}

func TestAddresses(t *testing.T) {
	for target, want := range map[Target]string{
		{Host: "irc.test", Port: 6697}: "irc.test:6697",
		{Host: "::1", Port: 1}:         "[::1]:1",
	} {
		if got := target.Address(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestALimitIsThatOfTheLastGeneration(t *testing.T) {
	_, target := listen(t)
	d := New(Config{})
	c, err := d.Account("irc", 1).Dial(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a := d.Account("irc", 2) // the next generation: it has what is open, and another limit
	if a.Open() != 1 {
		t.Errorf("%d open, want 1", a.Open())
	}
	second, err := a.Dial(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	_, err = d.Account("irc", 1).Dial(t.Context(), target)
	if e := codeIs(t, err, CodeLimit); e.Limit != 1 || !strings.Contains(e.Hint(), "limits.connections") {
		t.Errorf("limit %d, hint %q", e.Limit, e.Hint())
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	hang := func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	a := New(Config{Dial: hang}).Account("s", 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Dial(ctx, Target{Host: "h", Port: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if a.Open() != 0 {
		t.Error("its place is still taken")
	}
}

func TestReading(t *testing.T) {
	l, target := listen(t)
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			accepted <- c
		}
	}()
	c, err := New(Config{}).Account("s", 1).Dial(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	if c.Address() != target.Address() {
		t.Errorf("the address is %s", c.Address())
	}
	server := <-accepted
	_, _ = io.WriteString(server, "bye\n")
	_ = server.Close()
	if b, err := io.ReadAll(c); err != nil || string(b) != "bye\n" {
		t.Errorf("read %q, %v", b, err) // the end is io.EOF, no *Error
	}
	_ = c.Close()
	_, err = c.Read(make([]byte, 1))
	if e := codeIs(t, err, CodeClosed); e.Op != "read from" {
		t.Errorf("op %q", e.Op)
	}
	_, err = c.WriteContext(t.Context(), []byte("x"))
	codeIs(t, err, CodeClosed)
}
