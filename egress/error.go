package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// The codes of Error that scripts compare with; system errors have their POSIX names.
const (
	CodeLimit       = "E_CONNECTIONS" // the script has too many connections open
	CodeAddress     = "E_ADDRESS"     // the script may not connect to that address
	CodeTimeout     = "ETIMEDOUT"
	CodeRefused     = "ECONNREFUSED"
	CodeReset       = "ECONNRESET"
	CodePipe        = "EPIPE"
	CodeUnreachable = "EHOSTUNREACH"
	CodeNotFound    = "ENOTFOUND" // the name does not resolve
	CodeTLS         = "E_TLS"     // the certificate or the handshake
	CodeClosed      = "E_CLOSED"  // closed on our side
	CodeOther       = "E_NET"
)

// Error says what failed with whom.
type Error struct {
	Op      string        // "connect to", "agree on TLS with", "read from", "write to"
	Address string        // "irc.libera.chat:6697"
	Code    string        //
	After   time.Duration // for CodeTimeout when it was the caller's limit
	Limit   int           // for CodeLimit
	Why     string        // for CodeAddress
	Advice  string        // for CodeAddress
	Err     error         // as the network said it; may be nil
}

// Error is one line, without the position.
func (e *Error) Error() string {
	return fmt.Sprintf("cannot %s %s: %s", e.Op, e.Address, e.reason())
}

func (e *Error) Unwrap() error { return e.Err }

func (e *Error) reason() string {
	switch e.Code {
	case CodeLimit:
		return fmt.Sprintf("%d connections are open already", e.Limit)
	case CodeAddress:
		return e.Why
	case CodeTimeout:
		if e.After > 0 {
			return fmt.Sprintf("no answer within %s", e.After)
		}
		return "timed out"
	case CodeRefused:
		return "connection refused"
	case CodeReset:
		return "connection reset by the other side"
	case CodePipe:
		return "the other side has hung up"
	case CodeUnreachable:
		return "there is no way to that host"
	case CodeNotFound:
		return "no such host"
	case CodeClosed:
		return "the connection is closed"
	}
	if e.Err == nil {
		return "failed"
	}
	return innermost(e.Err).Error()
}

// Hint is what one can do about it; "" when nothing is known.
func (e *Error) Hint() string {
	switch e.Code {
	case CodeLimit:
		return "close what is not needed any more, or raise limits.connections"
	case CodeAddress:
		return e.Advice
	case CodeRefused:
		return "nothing listens on that port, or a firewall refuses; check host and port"
	case CodeNotFound:
		return "check the spelling of the host name"
	case CodeTLS:
		var plain tls.RecordHeaderError
		if errors.As(e.Err, &plain) {
			return "the server does not speak TLS on that port; use tls = false or another port"
		}
		return "the certificate must name this host and come from an authority that this machine trusts"
	}
	return ""
}

// Timeout reports whether time ran out.
func (e *Error) Timeout() bool { return e.Code == CodeTimeout }

// Retryable reports whether the same call may succeed later.
func (e *Error) Retryable() bool {
	switch e.Code {
	case CodeTLS, CodeClosed, CodeAddress:
		return false
	}
	return true
}

// codeOf names what the network said.
func codeOf(err error) string {
	var dns *net.DNSError
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe):
		return CodeClosed
	case errors.As(err, &dns) && dns.IsNotFound:
		return CodeNotFound
	case errors.As(err, &host), errors.As(err, &authority), errors.As(err, &invalid),
		errors.As(err, &verify), errors.As(err, &header), errors.As(err, &alert):
		return CodeTLS
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
		errors.Is(err, syscall.ETIMEDOUT):
		return CodeTimeout
	case errors.Is(err, syscall.ECONNREFUSED):
		return CodeRefused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return CodeReset
	case errors.Is(err, syscall.EPIPE):
		return CodePipe
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return CodeUnreachable
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return CodeTimeout
	}
	return CodeOther
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// innermost unwraps to the reason, without the addresses that Error names itself.
func innermost(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err
	}
	return err
}
