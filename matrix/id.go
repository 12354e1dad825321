package matrix

import (
	"errors"
	"fmt"
	"strings"
)

// UserID is a full user id, "@localpart:server".
type UserID string

// RoomID is a room id, "!opaque:server", or "!opaque" from room version 12 on.
type RoomID string

// RoomAlias is a room alias, "#localpart:server".
type RoomAlias string

// EventID is an event id: "$opaque:server" in room versions 1 and 2, "$hash" later.
// In room version 3 the hash may hold "/" and "+".
type EventID string

// MaxIDLength is how many bytes any identifier may have, sigil and server included.
const MaxIDLength = 255

// ErrBadID is wrapped by every error of this file's parsers.
var ErrBadID = errors.New("not a valid identifier")

// NewUserID puts a localpart and a server name together without checking them.
func NewUserID(localpart, server string) UserID { return UserID("@" + localpart + ":" + server) }

// Localpart is what stands between the sigil and the first colon.
func (u UserID) Localpart() string { l, _ := splitID(string(u)); return l }

// Server is what stands after the first colon.
func (u UserID) Server() string { _, s := splitID(string(u)); return s }

// Localpart is what stands between the sigil and the first colon.
func (a RoomAlias) Localpart() string { l, _ := splitID(string(a)); return l }

// Server is what stands after the first colon.
func (a RoomAlias) Server() string { _, s := splitID(string(a)); return s }

func splitID(id string) (localpart, server string) {
	if id == "" {
		return "", ""
	}
	localpart, server, _ = strings.Cut(id[1:], ":")
	return localpart, server
}

// ParseUserID checks the form of a user id as the specification's historical
// grammar has it: any localpart without colon or NUL, and a server name.
func ParseUserID(s string) (UserID, error) {
	if err := checkID(s, '@', "user ID", true); err != nil {
		return "", err
	}
	return UserID(s), nil
}

// ParseRoomID checks the form of a room id; the server may be absent (room version 12).
func ParseRoomID(s string) (RoomID, error) {
	if err := checkID(s, '!', "room ID", false); err != nil {
		return "", err
	}
	return RoomID(s), nil
}

// ParseRoomAlias checks the form of a room alias.
func ParseRoomAlias(s string) (RoomAlias, error) {
	if err := checkID(s, '#', "room alias", true); err != nil {
		return "", err
	}
	return RoomAlias(s), nil
}

// ParseEventID checks the form of an event id of any room version.
func ParseEventID(s string) (EventID, error) {
	if err := checkID(s, '$', "event ID", false); err != nil {
		return "", err
	}
	return EventID(s), nil
}

func checkID(s string, sigil byte, what string, server bool) error {
	switch {
	case s == "":
		return fmt.Errorf("%w: %s expected, got an empty string", ErrBadID, what)
	case s[0] != sigil:
		return fmt.Errorf("%w: %s expected (it starts with %q), got %q", ErrBadID, what, sigil, clip(s))
	case len(s) > MaxIDLength:
		return fmt.Errorf("%w: %s of %d bytes, the limit is %d", ErrBadID, what, len(s), MaxIDLength)
	case strings.ContainsRune(s, 0):
		return fmt.Errorf("%w: %s holds a NUL byte", ErrBadID, what)
	}
	local, host := splitID(s)
	if server && (host == "" || (local == "" && sigil != '@')) {
		return fmt.Errorf("%w: %s expected (%clocalpart:server), got %q", ErrBadID, what, sigil, clip(s))
	}
	if !server && len(s) == 1 {
		return fmt.Errorf("%w: %s expected, got %q", ErrBadID, what, s)
	}
	return nil
}

// clip keeps identifiers in error texts readable.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
