package intent

import (
	"errors"
	"strings"

	"bridgehost/matrix"
)

// Error is a call that failed: what was tried, as whom, where, and why. If an answer
// of the homeserver's is at the root of it, errors.As finds the *matrix.Error with its
// code and status; otherwise the call was refused here.
type Error struct {
	Op      string        // the call in the reference's name: "ensure_joined"
	User    matrix.UserID // who acted
	Room    string        // room id or alias, "" if none is concerned
	Message string        // what was tried or is wrong
	Usage   bool          // a wrong argument
	Hint    string        // what to do, "" if nothing is known
	Err     error         // nil when nothing else is at the root
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op + " as " + string(e.User))
	if e.Room != "" {
		b.WriteString(" in " + e.Room)
	}
	for _, part := range []string{e.Message, errText(e.Err), e.Hint} {
		if part != "" {
			b.WriteString(": " + part)
		}
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// fail wraps err once: what is an *Error already tells enough.
func (i *Intent) fail(op string, room matrix.RoomID, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &Error{Op: op, User: i.user, Room: string(room), Err: err}
}

func (i *Intent) usage(op string, room matrix.RoomID, message string) error {
	return &Error{Op: op, User: i.user, Room: string(room), Message: message, Usage: true}
}

// needRoom refuses an empty room id before anything is asked of the server.
func (i *Intent) needRoom(op string, room matrix.RoomID) error {
	if room == "" {
		return i.usage(op, room, "the room ID is empty")
	}
	return nil
}

// refusalSays tells whether err is a refusal with one of these codes, or M_FORBIDDEN
// with one of these texts: older servers tell some things by the text alone.
func refusalSays(err error, code error, texts ...string) bool {
	if errors.Is(err, code) {
		return true
	}
	var m *matrix.Error
	if !errors.As(err, &m) || m.Code != "M_FORBIDDEN" {
		return false
	}
	said := strings.ToLower(m.Message)
	for _, t := range texts {
		if strings.Contains(said, t) {
			return true
		}
	}
	return false
}

// carriedOut tells whether err says no more than that an earlier try of the same request,
// whose answer was lost, has done what was asked.
func carriedOut(err error, code string) bool {
	var m *matrix.Error
	return errors.As(err, &m) && m.Repeated && m.Code == code
}

func saysNotInRoom(err error) bool {
	return refusalSays(err, matrix.ErrNotJoined, "not in room", "not in the room", "not joined")
}

func saysAlreadyInRoom(err error) bool {
	return refusalSays(err, matrix.ErrAlreadyJoined, "already in the room", "already joined")
}

func isNotFound(err error) bool {
	var m *matrix.Error
	return errors.As(err, &m) && (m.Status == 404 || m.Code == "M_NOT_FOUND")
}
