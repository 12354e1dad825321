package mqtt

import (
	"errors"
	"fmt"
	"io"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// The codes of Error, in the words of package egress where it has one.
const (
	CodeRefused  = "E_REFUSED"  // the broker said no
	CodeProtocol = "E_PROTOCOL" // the other side does not speak MQTT 3.1.1
	CodeTooLong  = "E_TOO_LONG"
	CodeClosed   = "E_CLOSED" // on our side
	CodePipe     = "EPIPE"    // the broker has hung up
	CodeReset    = "ECONNRESET"
	CodeTimeout  = "ETIMEDOUT"
)

// Error says what failed with which broker.
type Error struct {
	Op      string // "connect to", "publish to" …
	Address string
	Code    string
	Reason  string
	Hint    string
	Err     error // what the connection said; may be nil
}

// Error is one line.
func (e *Error) Error() string {
	return fmt.Sprintf("cannot %s %s: %s", e.Op, e.Address, e.Reason)
}

func (e *Error) Unwrap() error { return e.Err }

// Retryable reports whether the same call may succeed later.
func (e *Error) Retryable() bool {
	switch e.Code {
	case CodePipe, CodeReset, CodeTimeout:
		return true
	}
	return e.Code == CodeRefused && errors.Is(e.Err, packets.ErrorRefusedServerUnavailable)
}

// refusal is what a broker answered to CONNECT.
func refusal(address string, code byte) error {
	e := &Error{Op: "connect to", Address: address, Code: CodeRefused, Err: packets.ConnErrors[code]}
	switch code {
	case packets.ErrRefusedBadProtocolVersion:
		e.Reason = "the broker does not speak MQTT 3.1.1"
	case packets.ErrRefusedIDRejected:
		e.Reason, e.Hint = "the broker does not take this client_id", "another client_id, of letters and digits"
	case packets.ErrRefusedServerUnavailable:
		e.Reason = "the broker is not available now"
	case packets.ErrRefusedBadUsernameOrPassword, packets.ErrRefusedNotAuthorised:
		e.Reason, e.Hint = "the broker does not let us in", "check username and password"
	default:
		e.Reason = fmt.Sprintf("the broker refused with code %d", code)
	}
	return e
}

// broken is the end of a connection, while op was being done.
func broken(op, address string, err error) error {
	var own *Error
	switch {
	case err == io.EOF:
		return &Error{Op: op, Address: address, Code: CodePipe, Reason: "the broker has hung up", Err: err}
	case err == io.ErrUnexpectedEOF:
		return &Error{Op: op, Address: address, Code: CodeReset, Reason: "the broker has hung up in the middle of a packet", Err: err}
	case errors.As(err, &own):
		told := *own
		told.Op, told.Address = op, address
		return &told
	}
	return err
}
