package matrix

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Error is a homeserver's refusal, or an answer that is none.
// Source: specification, "Standard error response".
type Error struct {
	Method     string        // of the request
	Path       string        // encoded, without query (no token in it)
	As         UserID        // on whose behalf, "" if unknown
	Status     int           // HTTP status; 0 when no answer came
	Code       string        // errcode; M_UNKNOWN when the body had none, "" when no answer came
	Message    string        // the server's "error", or what was wrong with the answer
	RetryAfter time.Duration // from Retry-After or retry_after_ms; 0 when not told
	Body       []byte        // the answer's body, at most 64 KiB of it
	Cause      error         // why no answer came (a network or context error); nil otherwise
	Repeated   bool          // an earlier try of the same request may have been carried out
}

func (e *Error) Error() string {
	if e.Status == 0 {
		return "no answer from the homeserver: " + e.Message
	}
	return fmt.Sprintf("%s (%d): %s", e.Code, e.Status, e.Message)
}

func (e *Error) Unwrap() error { return e.Cause }

// Retryable tells whether the same call may succeed later: no answer came, the
// server limits us, or it failed by itself. A context that was cancelled is not.
func (e *Error) Retryable() bool {
	if e.Status == 0 {
		return !errors.Is(e.Cause, context.Canceled)
	}
	return e.Status == http.StatusTooManyRequests || e.Status >= 500
}

// Is lets errors.Is(err, matrix.ErrForbidden) compare error codes.
func (e *Error) Is(target error) bool {
	var code codeError
	return errors.As(target, &code) && string(code) == e.Code
}

type codeError string

func (c codeError) Error() string { return string(c) }

// The error codes that Go code compares with errors.Is.
var (
	ErrForbidden       error = codeError("M_FORBIDDEN")
	ErrBadState        error = codeError("M_BAD_STATE")
	ErrNotFound        error = codeError("M_NOT_FOUND")
	ErrUnknownDevice   error = codeError("M_UNKNOWN_DEVICE")
	ErrUserInUse       error = codeError("M_USER_IN_USE")
	ErrExclusive       error = codeError("M_EXCLUSIVE")
	ErrLimitExceeded   error = codeError("M_LIMIT_EXCEEDED")
	ErrUnknownToken    error = codeError("M_UNKNOWN_TOKEN")
	ErrUserDeactivated error = codeError("M_USER_DEACTIVATED")
	ErrRoomInUse       error = codeError("M_ROOM_IN_USE")
	ErrTooLarge        error = codeError("M_TOO_LARGE")
	ErrAlreadyJoined   error = codeError("M_ALREADY_JOINED")
	ErrNotJoined       error = codeError("M_NOT_JOINED")
	ErrUnknown         error = codeError("M_UNKNOWN")
	ErrUnableAuthorise error = codeError("M_UNABLE_TO_AUTHORISE_JOIN")
	ErrUnableGrant     error = codeError("M_UNABLE_TO_GRANT_JOIN")
)
