package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

func listen(t *testing.T) (net.Listener, Target) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, Target{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}
}

func codeIs(t *testing.T, err error, code string) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("got %v, want the code %s", err, code)
	}
	return e
}

func TestAccountsCount(t *testing.T) {
	_, target := listen(t)
	d := New(Config{})
	a := d.Account("irc", 2)
	var conns []*Conn
	for range 2 {
		c, err := a.Dial(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	_, err := a.Dial(t.Context(), target)
	codeIs(t, err, CodeLimit)
	if !strings.Contains(err.Error(), "2 connections are open already") {
		t.Error(err)
	}
	if other, err := d.Account("rss", 2).Dial(t.Context(), target); err != nil {
		t.Errorf("another script: %v", err)
	} else {
		_ = other.Close()
	}
	_ = conns[0].Close()
	_ = conns[0].Close() // counts once
	if a.Open() != 1 {
		t.Errorf("%d open, want 1", a.Open())
	}
	if _, err := a.Dial(t.Context(), target); err != nil {
		t.Error(err)
	}
}

func TestFailedDialGivesItsPlaceBack(t *testing.T) {
	l, target := listen(t)
	_ = l.Close()
	a := New(Config{}).Account("s", 1)
	for range 3 {
		_, err := a.Dial(t.Context(), target)
		if e := codeIs(t, err, CodeRefused); !e.Retryable() || e.Hint() == "" {
			t.Errorf("retryable %v, hint %q", e.Retryable(), e.Hint())
		}
	}
}

func TestDialTimesOut(t *testing.T) {
	hang := func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	a := New(Config{Dial: hang}).Account("s", 1)
	_, err := a.Dial(t.Context(), Target{Host: "h", Port: 1, Timeout: time.Millisecond})
	codeIs(t, err, CodeTimeout)
	if want := "cannot connect to h:1: no answer within 1ms"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	host, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	n, _ := strconv.Atoi(port)
	target := Target{Host: host, Port: n, TLS: true, Timeout: 10 * time.Second}

	_, err := New(Config{}).Account("s", 1).Dial(t.Context(), target)
	if e := codeIs(t, err, CodeTLS); e.Retryable() { // not an authority that the system knows
		t.Error("retryable")
	}
}

func TestTLSNames(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	cfg := server.TLS.Clone()
	l, err := tls.Listen("tcp", "127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	n, _ := strconv.Atoi(port)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	a := New(Config{Roots: pool}).Account("s", 4)

	c, err := a.Dial(t.Context(), Target{Host: "127.0.0.1", Port: n, TLS: true})
	if err != nil {
		t.Fatalf("the right name: %v", err)
	}
	if _, err := c.WriteContext(t.Context(), []byte("ping")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4)
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "ping" {
		t.Fatalf("%q, %v", buf, err)
	}
	_ = c.Close()
	_, err = a.Dial(t.Context(), Target{Host: "127.0.0.1", Port: n, TLS: true, ServerName: "other.test"})
	codeIs(t, err, CodeTLS)
}

func TestTLSToAPlainServer(t *testing.T) {
	l, target := listen(t)
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, _ = io.WriteString(c, "220 hello, this is no TLS\r\n")
			_, _ = io.Copy(io.Discard, c)
		}
	}()
	target.TLS = true
	_, err := New(Config{}).Account("s", 1).Dial(t.Context(), target)
	if e := codeIs(t, err, CodeTLS); !strings.Contains(e.Hint(), "does not speak TLS") {
		t.Errorf("hint %q", e.Hint())
	}
}

func TestWriteEndsWithItsContext(t *testing.T) {
	_, target := listen(t) // accepts, never reads
	c, err := New(Config{}).Account("s", 1).Dial(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := c.WriteContext(ctx, make([]byte, 64<<20))
		done <- err
	}()
	cancel()
	select {
	case err := <-done:
		codeIs(t, err, CodeTimeout)
	case <-time.After(10 * time.Second):
		t.Fatal("it still writes")
	}
}
