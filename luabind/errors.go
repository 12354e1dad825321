package luabind

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"

	"bridgehost/diag"
	"bridgehost/intent"
	"bridgehost/matrix"
)

// ErrorOf is a Go error as scripts see it. What is a *diag.Error already stays as it is.
func ErrorOf(err error) *diag.Error {
	var known *diag.Error
	if errors.As(err, &known) {
		return known
	}
	var refused *intent.Error
	var answer *matrix.Error
	switch {
	case errors.As(err, &refused):
		return intentError(refused)
	case errors.As(err, &answer):
		return matrixError(answer, err)
	}
	if e := timeError(err); e != nil {
		return e
	}
	if e := netError(err); e != nil {
		return e
	}
	return &diag.Error{Kind: diag.KindInternal, Message: err.Error(), Cause: err}
}

// intentError names user and room; code and status are those of the answer at the root.
func intentError(e *intent.Error) *diag.Error {
	d := &diag.Error{Kind: diag.KindMatrix}
	var answer *matrix.Error
	switch {
	case e.Usage:
		d.Kind, d.Code = diag.KindUsage, "E_ARGUMENT"
	case errors.As(e.Err, &answer):
		d = matrixError(answer, e.Err)
	case e.Err != nil:
		d = ErrorOf(e.Err)
		copied := *d
		d = &copied
	}
	d.Cause = e
	d.Message = e.Op + " as " + string(e.User)
	if e.Room != "" {
		d.Message += " in " + e.Room
	}
	for _, part := range []string{e.Message, withoutCode(e.Err, answer)} {
		if part != "" {
			d.Message += ": " + part
		}
	}
	if e.Hint != "" {
		d.Hint = e.Hint
	}
	return d
}

// withoutCode is err's text without the code and status of the answer, which the
// error shows by itself.
func withoutCode(err error, answer *matrix.Error) string {
	if err == nil {
		return ""
	}
	if answer == nil {
		return err.Error()
	}
	return strings.Replace(err.Error(), answer.Error(), answer.Message, 1)
}

func matrixError(answer *matrix.Error, err error) *diag.Error {
	d := &diag.Error{Kind: diag.KindMatrix, Code: answer.Code, Status: answer.Status, Message: withoutCode(err, answer),
		Said: answer.Message, RetryAfter: answer.RetryAfter, Cause: err, Hint: hint(answer)}
	d.Retryable = answer.Status == 0 || answer.Status == http.StatusTooManyRequests || answer.Status >= 500
	if d.Message == "" {
		d.Message = "the homeserver gave no reason"
	}
	if answer.Method != "" {
		d.Request = answer.Method + " " + answer.Path
		if answer.As != "" {
			d.Request += " as " + string(answer.As)
		}
	}
	if answer.Status != 0 {
		return d
	}
	// No answer came: a failed connection, or the end of the handler's time.
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		if t := timeError(err); t != nil {
			t.Request = d.Request
			return t
		}
	}
	return d
}

// hint is what to do about the common refusals.
func hint(e *matrix.Error) string {
	who := string(e.As)
	if who == "" {
		who = "the user"
	}
	switch e.Code {
	case "M_FORBIDDEN":
		said := strings.ToLower(e.Message)
		switch {
		case strings.Contains(said, "not registered this user"):
			return fmt.Sprintf("register %s first, by intent:ensure_registered()", who)
		case strings.Contains(e.Path, "/media/"): // no room is concerned
			return ""
		case strings.HasSuffix(e.Path, "/join") || strings.Contains(e.Path, "/join/"):
			return fmt.Sprintf("invite %s to the room", who)
		case strings.Contains(said, "not in room"), strings.Contains(said, "not in the room"), strings.Contains(said, "not joined"):
			return fmt.Sprintf("let %s join the room first, by an invitation and intent:join_room", who)
		case strings.Contains(said, "power"):
			return fmt.Sprintf("give %s more power in the settings of the room", who)
		}
		return fmt.Sprintf("invite %s to the room, or give it the power that this takes", who)
	case "M_UNKNOWN_TOKEN", "M_MISSING_TOKEN":
		return "the homeserver does not know our token: does its copy of the registration equal ours, and was it restarted since?"
	case "M_EXCLUSIVE":
		return "the user or alias is outside of the namespaces in the registration file"
	case "M_TOO_LARGE":
		if strings.Contains(e.Path, "/media/") {
			return ""
		}
		return "an event may have 65536 bytes at most; split the message"
	case "M_USER_DEACTIVATED":
		return "the account was deactivated and cannot be used again"
	case "M_UNKNOWN_DEVICE":
		return `make the device first: api:request("PUT", "/_matrix/client/v3/devices/ID", { content = { display_name = "…" } })`
	case "M_LIMIT_EXCEEDED":
		return "the homeserver asks to wait; rate_limited: false in the registration avoids that"
	}
	return ""
}

func timeError(err error) *diag.Error {
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		return &diag.Error{Kind: diag.KindTimeout, Code: "ETIMEDOUT", Message: "no answer in time: " + err.Error(), Retryable: true, Cause: err}
	case errors.Is(err, context.Canceled):
		return &diag.Error{Kind: diag.KindStopping, Code: "E_STOPPING", Message: "the call was cut off", Retryable: true, Cause: err}
	}
	return nil
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// errnoNames are the words that scripts know from other languages.
var errnoNames = map[syscall.Errno]string{
	syscall.ECONNREFUSED: "ECONNREFUSED", syscall.ECONNRESET: "ECONNRESET", syscall.ECONNABORTED: "ECONNABORTED",
	syscall.EPIPE: "EPIPE", syscall.EHOSTUNREACH: "EHOSTUNREACH", syscall.ENETUNREACH: "ENETUNREACH",
	syscall.EADDRINUSE: "EADDRINUSE", syscall.EADDRNOTAVAIL: "EADDRNOTAVAIL", syscall.EACCES: "EACCES",
}

// netError is a failed connection, nil for other errors.
func netError(err error) *diag.Error {
	d := &diag.Error{Kind: diag.KindNet, Message: err.Error(), Retryable: true, Cause: err}
	var errno syscall.Errno
	var dns *net.DNSError
	var op *net.OpError
	var record tls.RecordHeaderError
	var verify *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	switch {
	case errors.As(err, &errno) && errnoNames[errno] != "":
		d.Code = errnoNames[errno]
	case errors.As(err, &dns):
		d.Code, d.Retryable = "ENOTFOUND", dns.IsTemporary || dns.IsTimeout
	case errors.As(err, &verify), errors.As(err, &unknown), errors.As(err, &host):
		d.Code, d.Retryable = "ECERT", false
	case errors.As(err, &record):
		d.Code, d.Retryable, d.Hint = "ETLS", false, "does the server speak TLS on this port?"
	case errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe):
		d.Code, d.Retryable = "ECLOSED", false
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		d.Code = "EOF"
	case errors.As(err, &op):
		d.Code = "ENET"
	default:
		return nil
	}
	return d
}
