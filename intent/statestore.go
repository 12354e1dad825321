package intent

import (
	"context"
	"encoding/json"

	"bridgehost/matrix"
)

// Member is what is known of one user in one room.
type Member struct {
	Membership  string // join, invite, leave, ban, knock
	DisplayName string // "" when none
	AvatarURL   string // mxc URI, "" when none
}

// StateStore is what the host knows of rooms and users; mautrix-python's
// ASStateStore. One store serves all scripts. Everything but presence, typing and
// read marks is on disk. Reads answer from memory where the room is loaded;
// writes are seen by every later read at once, and are on disk soon after (a crash
// in between loses knowledge that the homeserver gives again, INTENT SS-5).
type StateStore interface {
	IsRegistered(ctx context.Context, user matrix.UserID) (bool, error)
	Registered(ctx context.Context, user matrix.UserID) error

	// Member returns nil when nothing is known.
	Member(ctx context.Context, room matrix.RoomID, user matrix.UserID) (*Member, error)
	// SetMember replaces what is known, profile included.
	SetMember(ctx context.Context, room matrix.RoomID, user matrix.UserID, m Member) error
	// SetMembership changes the membership and keeps the profile (SS-1).
	SetMembership(ctx context.Context, room matrix.RoomID, user matrix.UserID, membership string) error
	// Members returns those with one of the memberships; none named: all that are known.
	Members(ctx context.Context, room matrix.RoomID, memberships ...string) (map[matrix.UserID]Member, error)
	// SetMembers replaces the members of that membership (all, when only is ""), which
	// makes the list full when only is "" or "join" (everybody who is in the room).
	SetMembers(ctx context.Context, room matrix.RoomID, members map[matrix.UserID]Member, only string) error
	HasFullMemberList(ctx context.Context, room matrix.RoomID) (bool, error)
	// KnowsMembers tells whether any member of the room is known: without one, who sees
	// its events has to be asked for first.
	KnowsMembers(ctx context.Context, room matrix.RoomID) (bool, error)
	// OwnMembers returns the users of our namespace that are joined (joined) or
	// invited (invited). version changes whenever the answer does, so that callers
	// can keep what they made of it.
	OwnMembers(ctx context.Context, room matrix.RoomID) (joined, invited []matrix.UserID, version uint64, err error)
	// SharedRooms lists the rooms in which user is joined.
	SharedRooms(ctx context.Context, user matrix.UserID) ([]matrix.RoomID, error)

	// PowerLevels returns the content of m.room.power_levels ("null" for a room known to have
	// none); ok is false when it is not cached.
	PowerLevels(ctx context.Context, room matrix.RoomID) (content json.RawMessage, ok bool, err error)
	SetPowerLevels(ctx context.Context, room matrix.RoomID, content json.RawMessage) error
	// Create returns the whole m.room.create event; ok is false when it is not cached.
	Create(ctx context.Context, room matrix.RoomID) (event json.RawMessage, ok bool, err error)
	SetCreate(ctx context.Context, room matrix.RoomID, event json.RawMessage) error
	// EncryptionInfo returns the content of m.room.encryption, nil when the room is known
	// not to be encrypted; ok is false when nothing is known.
	EncryptionInfo(ctx context.Context, room matrix.RoomID) (content json.RawMessage, ok bool, err error)
	SetEncryptionInfo(ctx context.Context, room matrix.RoomID, content json.RawMessage) error

	// UpdateState takes a state event in: membership, power levels, create, encryption,
	// tombstone (the room's cache becomes stale). Other events change nothing.
	UpdateState(ctx context.Context, e *matrix.Event) error
	// Forget drops all that is known of a room (SS-5).
	Forget(ctx context.Context, room matrix.RoomID) error
	// ForgetMember drops what is known of one member (SS-5).
	ForgetMember(ctx context.Context, room matrix.RoomID, user matrix.UserID) error
}
